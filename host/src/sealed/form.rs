//! An answer that is a form, as GitHub and Facebook send.

use percent_encoding::percent_decode_str;

use super::json::Node;

/// Parses a form of distinct names. Returns `None` if `text` is not such a form.
///
/// This is stricter than the URL standard, by which every text is a form. With `is_declared`, the content type says
/// that it is one; otherwise its names must be plain words too.
pub(super) fn parse(text: &str, is_declared: bool) -> Option<Node> {
    let mut members = Vec::new();
    for pair in text.trim_end().split('&') {
        let (name, value) = pair.split_once('=')?;
        let is_word =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if name.is_empty() || !(is_declared || is_word) {
            return None;
        }
        members.push((decoded(name)?, Node::Text(decoded(value)?.into())));
    }
    Node::object(members)
}

fn decoded(text: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    let text = text.bytes().all(is_plain).then(|| text.replace('+', " "))?;
    percent_decode_str(&text).decode_utf8().ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_form_of_distinct_names_is_understood() {
        for (text, declared, plain) in [
            ("access_token=a&token_type=bearer&scope=a%2Cb+c", true, true),
            ("a=", true, true),
            ("a=b\r\n", true, true),
            ("a%5Bb%5D=c", true, false),
            ("", false, false),
            ("a", false, false),
            ("=a", false, false),
            ("a=b&", false, false),
            ("a=b&a=c", false, false),
            ("a=b&%61=c", false, false),
            ("a=%ff", false, false),
            ("a=b c", false, false),
            ("<p class=x>", false, false),
            ("The secret is a=b", false, false),
        ] {
            assert_eq!(parse(text, true).is_some(), declared, "{text}");
            assert_eq!(parse(text, false).is_some(), plain, "{text}");
        }
    }

    #[test]
    fn values_are_decoded() {
        let form = parse("scope=a%2Cb+c&x=%C3%A9", true).unwrap();
        let is_text = |name: &str, text: &str| {
            form.find(&[name]).is_some_and(|(_, node)| *node == Node::Text(text.into()))
        };
        assert!(is_text("scope", "a,b c"));
        assert!(is_text("x", "\u{e9}"));
    }
}
