//! Escapes in a text: those of URLs, HTML and JSON.

/// Replaces each escape by what it stands for: `%41`, `&amp;`, `&#65;`, `&#x41;`, `\u0041`, `\x41`, `\/`, and the like.
pub(super) fn decoded(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, after @ ..] = rest {
        let escape = match first {
            b'%' => digits(after, 2).map(|value| (vec![value as u8], 2)),
            b'&' => entity(after),
            b'\\' => backslash(after),
            _ => None,
        };
        let (bytes, length) = escape.unwrap_or_else(|| (vec![*first], 0));
        out.extend(bytes);
        rest = &after[length..];
    }
    out
}

/// The value of the first `count` hexadecimal digits.
fn digits(text: &[u8], count: usize) -> Option<u32> {
    let digits = text.get(..count).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// What the entity after `&` stands for, and its length.
fn entity(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let length = text.iter().take(10).position(|byte| *byte == b';')?;
    let name = str::from_utf8(&text[..length]).ok()?;
    let code = match name {
        "amp" | "AMP" => 0x26,
        "lt" | "LT" => 0x3c,
        "gt" | "GT" => 0x3e,
        "quot" | "QUOT" => 0x22,
        "apos" => 0x27,
        "sol" => 0x2f,
        "plus" => 0x2b,
        "equals" => 0x3d,
        _ => match name.strip_prefix('#')? {
            hex if hex.starts_with(['x', 'X']) => u32::from_str_radix(&hex[1..], 16).ok()?,
            decimal => decimal.parse().ok()?,
        },
    };
    Some((utf_8(code), length + 1))
}

/// What the escape after `\` stands for, and its length.
fn backslash(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    match text.first()? {
        b'u' => digits(&text[1..], 4).map(|code| (utf_8(code), 5)),
        b'x' => digits(&text[1..], 2).map(|code| (utf_8(code), 3)),
        byte @ (b'/' | b'\\' | b'"' | b'\'') => Some((vec![*byte], 1)),
        _ => None,
    }
}

fn utf_8(code: u32) -> Vec<u8> {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_escape_is_decoded_once_and_all_else_is_kept() {
        for (text, expected) in [
            ("a%41%7e%", "aA~%"),
            ("%4", "%4"),
            ("%zz%2526", "%zz%26"),
            ("a&amp;b&lt;&gt;&quot;&apos;", "a&b<>\"'"),
            ("&#65;&#x42;&#X43;&amp;amp;", "ABC&amp;"),
            ("&unknown;&amp&;&#;&#x;&#1114112;", "&unknown;&amp&;&#;&#x;\u{fffd}"),
            (r"\u0041\x42\/\\u0043\n\", r"AB/\u0043\n\"),
            (r"\u00e9\ud800\u12", "\u{e9}\u{fffd}\\u12"),
            ("\u{e9}&\u{e9};%\u{e9}", "\u{e9}&\u{e9};%\u{e9}"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(decoded(text.as_bytes())).unwrap(), expected, "{text}");
        }
    }
}
