//! The content of a reply: checked HTML, plain text or JSON, in UTF-8.

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};

use super::page::{self, Slip};
use super::{Cage, ReplyError};

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// The content types that a guest may use, each with the one that the host sends. The host names the encoding, so
/// neither a byte order mark nor a `<meta>` can change it.
const TYPES: [(&str, &str); 3] =
    [("text/html", HTML), ("text/plain", TEXT), ("application/json", JSON)];

/// The checked content that is sent in place of a reply's body.
pub(super) struct Content {
    /// Set if the reply has a body or a `content-type`.
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
    pub(super) slips: Vec<Slip>,
}

/// Checks that a body matches its content type. Parses and checks HTML.
pub(super) fn validate(
    headers: &HeaderMap,
    body: Bytes,
    cage: &Cage<'_>,
) -> Result<Content, ReplyError> {
    let content_type = match headers.get(header::CONTENT_TYPE) {
        Some(given) => known_type(given.as_bytes()).ok_or_else(|| {
            ReplyError::ContentType(String::from_utf8_lossy(given.as_bytes()).into_owned())
        })?,
        None if body.is_empty() => {
            return Ok(Content { content_type: None, body, slips: Vec::new() });
        }
        None => TEXT,
    };
    let text = str::from_utf8(&body).map_err(|_| ReplyError::NotUtf8)?;
    // Firefox shows JSON in a viewer that turns URLs into links.
    let content_type = match content_type {
        JSON if cage.is_navigation => TEXT,
        content_type => content_type,
    };
    let (body, slips) = match content_type {
        HTML if !body.is_empty() => {
            let page = page::check_page(text, cage.origin, cage.grants, cage.check_limits)?;
            (page.html.into(), page.slips)
        }
        _ => (body, Vec::new()),
    };
    Ok(Content { content_type: Some(HeaderValue::from_static(content_type)), body, slips })
}

/// Returns the content type to send for `given`, such as `text/html` or `Text/HTML;charset="UTF-8"`. Returns `None` if
/// the type or a parameter is not allowed.
fn known_type(given: &[u8]) -> Option<&'static str> {
    let given = std::str::from_utf8(given).ok()?;
    let (essence, parameters) = given.split_once(';').unwrap_or((given, "charset=utf-8"));
    let (name, value) = parameters.trim().split_once('=')?;
    let is_utf_8 = name.eq_ignore_ascii_case("charset")
        && value.trim_matches('"').eq_ignore_ascii_case("utf-8");
    let known = TYPES.iter().find(|(name, _)| essence.trim().eq_ignore_ascii_case(name));
    known.filter(|_| is_utf_8).map(|(_, sent)| *sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_one_of_three_in_utf_8() {
        for (given, sent) in [
            ("text/html", Some("text/html; charset=utf-8")),
            ("Text/HTML;charset=\"UTF-8\"", Some("text/html; charset=utf-8")),
            ("text/plain ; charset=utf-8", Some("text/plain; charset=utf-8")),
            ("application/json", Some("application/json")),
            ("text/html; charset=utf-16", None),
            ("text/html; charset=utf-8; charset=utf-16", None),
            ("text/html; boundary=x", None),
            ("text/html;", None),
            ("text/html, text/xml", None),
            ("image/svg+xml", None),
            ("application/xhtml+xml", None),
            ("", None),
        ] {
            assert_eq!(known_type(given.as_bytes()), sent, "{given}");
        }
    }
}
