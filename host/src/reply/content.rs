//! What a reply may consist of: HTML that was understood, plain text or JSON, in an encoding that is known.

use hyper::header::{self, HeaderMap, HeaderValue};

use super::page::{self, Slip};
use super::{Cage, ReplyError};

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// What a page can be; each is sent with the encoding spelled out, so that no byte order mark and no
/// `<meta>` can change what the bytes mean.
const TYPES: [(&str, &str); 3] =
    [("text/html", HTML), ("text/plain", TEXT), ("application/json", JSON)];

/// What to send in place of a reply's body.
pub(super) struct Content {
    /// For a reply that has a body or says what it is.
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Vec<u8>,
    pub(super) slips: Vec<Slip>,
}

/// Hold a body to what it says that it is; HTML has to be understood.
pub(super) fn validate(
    headers: &HeaderMap,
    body: Vec<u8>,
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
    // Firefox shows JSON in a viewer of its own, which makes links of the URLs in it.
    let content_type = match content_type {
        JSON if cage.is_navigation => TEXT,
        content_type => content_type,
    };
    let (body, slips) = match content_type {
        HTML if !body.is_empty() => {
            let page = page::understand(text, cage.authority, cage.grants, cage.go_on)?;
            (page.html, page.slips)
        }
        _ => (body, Vec::new()),
    };
    Ok(Content { content_type: Some(HeaderValue::from_static(content_type)), body, slips })
}

/// `text/html`, `Text/HTML;charset="UTF-8"` and so on; any other parameter is refused.
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
