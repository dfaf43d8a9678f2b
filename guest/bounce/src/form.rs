//! The form of a callback by POST (OAuth 2.0 Form Post Response Mode).

use std::borrow::Cow;

use crate::receiver::Receiver;
use crate::refusal::Refusal;

/// The maximum length of the body in bytes.
pub(crate) const MOST: usize = 64 << 10;

/// The media type of the body.
const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// The name of an input whose value the browser replaces (HTML, "constructing the entry list").
const CHARSET: &str = "_charset_";

/// A form that a browser sends again unchanged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Form<'a> {
    pub(crate) receiver: Receiver,
    /// The decoded names and values, in order.
    pub(crate) parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    /// Check and decode a body.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        if body.len() > MOST {
            return Err(Refusal::LargeBody);
        }
        let parameters: Vec<_> = form_urlencoded::parse(body).collect();
        let is_sent_again = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| {
            let is_input = !name.is_empty() && !name.eq_ignore_ascii_case(CHARSET);
            is_input && !name.contains(is_changed) && !value.contains(is_changed)
        };
        if !parameters.iter().all(is_sent_again) {
            return Err(Refusal::Character);
        }
        let receiver = Receiver::of(parameters.iter().map(|(name, value)| (name, value)))?;
        Ok(Self { receiver, parameters })
    }
}

/// Whether a browser would change this character: it changes line ends and NUL. The decoder replaces bytes that are not
/// UTF-8.
fn is_changed(character: char) -> bool {
    character.is_control() || character == char::REPLACEMENT_CHARACTER
}

/// Whether the value of `Content-Type` is that of a form.
pub(crate) fn is_form(content_type: &[u8]) -> bool {
    let end = content_type.iter().position(|byte| *byte == b';').unwrap_or(content_type.len());
    content_type[..end].trim_ascii().eq_ignore_ascii_case(MEDIA_TYPE.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: &str = "state=431170123456789abcdef0123456789abcdef";

    #[test]
    fn parameters_keep_their_order_and_are_decoded() {
        let body = format!("b=2&a=%3Cb%3E+%22%C3%A9&{STATE}&a=&b");
        let form = Form::parse(body.as_bytes()).unwrap();
        let parameters: Vec<_> = form.parameters.iter().map(|(n, v)| (&**n, &**v)).collect();
        let state = ("state", &STATE[6..]);
        assert_eq!(parameters, [("b", "2"), ("a", "<b> \"é"), state, ("a", ""), ("b", "")]);
        assert_eq!(form.receiver.port, 43117);
    }

    #[test]
    fn a_form_that_a_browser_would_change_is_refused() {
        for part in
            ["a=%0A", "a=%0D%0A", "a=%00", "%00=a", "a=%7F", "a=%FF", "a=\u{1}", "=a", "_Charset_="]
        {
            let body = format!("{STATE}&{part}");
            assert_eq!(Form::parse(body.as_bytes()), Err(Refusal::Character), "{part}");
        }
    }

    #[test]
    fn a_form_needs_one_valid_state() {
        for (body, refusal) in [
            (String::new(), Refusal::NoState),
            ("code=x".to_owned(), Refusal::NoState),
            (format!("{STATE}&{STATE}"), Refusal::TwoStates),
            ("state=43117".to_owned(), Refusal::State),
            (format!("state=00022{}", "0".repeat(32)), Refusal::Port),
        ] {
            assert_eq!(Form::parse(body.as_bytes()), Err(refusal), "{body}");
        }
    }

    #[test]
    fn a_body_of_more_than_64_kib_is_refused() {
        let body = format!("{STATE}&x={}", "x".repeat(MOST - STATE.len() - 3));
        assert!(Form::parse(body.as_bytes()).is_ok());
        assert_eq!(Form::parse((body + "x").as_bytes()), Err(Refusal::LargeBody));
    }

    #[test]
    fn the_media_type_may_have_parameters() {
        for form in [MEDIA_TYPE, "Application/X-WWW-Form-Urlencoded ; charset=UTF-8"] {
            assert!(is_form(form.as_bytes()), "{form}");
        }
        for other in ["", "text/plain", "multipart/form-data; boundary=x", "application/json"] {
            assert!(!is_form(other.as_bytes()), "{other}");
        }
    }
}
