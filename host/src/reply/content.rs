//! What a page may consist of: text in an encoding that is known, without what no policy of a browser
//! holds back.

use hyper::header::{self, HeaderMap, HeaderValue};

use super::{PageGrants, ReplyError, shown};

const HTML: &str = "text/html; charset=utf-8";

/// What a page can be; each is sent with the encoding spelled out, so that no byte order mark and no
/// `<meta>` can change what the bytes mean.
const TYPES: [(&str, &str); 3] = [
    ("text/html", HTML),
    ("text/plain", "text/plain; charset=utf-8"),
    ("application/json", "application/json"),
];

/// Elements that make a browser connect.
const CONNECTING: [&str; 8] =
    ["link", "iframe", "frame", "frameset", "object", "embed", "portal", "fencedframe"];

/// The one of them that a page may have: an icon within the page. An attribute counts once, and these
/// come first.
const ICON: &[u8] = b"link rel=\"icon\" href=\"data:";

/// The content type to send, for a reply that has a body or says what it is.
pub(super) fn validate(
    headers: &HeaderMap,
    body: &[u8],
    grants: &PageGrants,
) -> Result<Option<HeaderValue>, ReplyError> {
    let content_type = match headers.get(header::CONTENT_TYPE) {
        Some(given) => known_type(given.as_bytes()).ok_or_else(|| {
            ReplyError::ContentType(shown(&String::from_utf8_lossy(given.as_bytes())))
        })?,
        None if body.is_empty() => return Ok(None),
        None => TYPES[1].1,
    };
    if std::str::from_utf8(body).is_err() {
        return Err(ReplyError::NotUtf8);
    }
    if content_type == HTML && !grants.allows_scripts() {
        check_elements(body)?;
    }
    Ok(Some(HeaderValue::from_static(content_type)))
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

/// Refuse the elements that make a browser connect although its policy lets them load nothing: hints such as
/// `<link rel="preconnect">`, which no policy covers, and frames, for which Chromium connects before it asks.
/// The name of a tag stands in HTML as it is, so that bytes tell.
fn check_elements(body: &[u8]) -> Result<(), ReplyError> {
    let tags =
        body.iter().enumerate().filter(|(_, byte)| **byte == b'<').map(|(at, _)| &body[at + 1..]);
    for tag in tags {
        let named = |name: &&&str| {
            let (start, rest) = tag.split_at_checked(name.len()).unwrap_or_default();
            start.eq_ignore_ascii_case(name.as_bytes()) && !rest.first().is_some_and(is_of_a_name)
        };
        match CONNECTING.iter().find(named) {
            Some(&"link") if tag.starts_with(ICON) => {}
            Some(name) => return Err(ReplyError::Element(name)),
            None => {}
        }
    }
    Ok(())
}

/// Whether a tag's name goes on with this byte (HTML, section 13.2.5.8).
fn is_of_a_name(byte: &u8) -> bool {
    !matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ' | b'/' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str) -> Result<(), ReplyError> {
        check_elements(body.as_bytes())
    }

    #[test]
    fn a_link_is_found_however_it_is_written() {
        for page in [
            "<link rel=preconnect href=//a>",
            "<LiNk\nrel=dns-prefetch>",
            "<link/rel=preconnect>",
            "<link\t>",
            "<link\r>",
            "<link\x0c>",
            "<link>",
            "<p><link",
            "<<link>",
            "<link rel=\"icon\" href='data:,' >",
            "<link rel=\"icon\" data-x href=\"data:,\">",
            "<link rel=\"icon\" href=\"//a\">",
        ] {
            assert_eq!(check(page), Err(ReplyError::Element("link")), "{page}");
        }
    }

    #[test]
    fn a_frame_is_found_and_no_other_element() {
        for name in CONNECTING {
            let page = format!("<p><{} src=//a>", name.to_uppercase());
            assert_eq!(check(&page), Err(ReplyError::Element(name)));
        }
        for page in [
            "",
            "<",
            "<lin",
            "<linked>",
            "</link>",
            "<p>link iframe",
            "&lt;link>",
            "<link rel=\"icon\" href=\"data:,x\" sizes=any>",
        ] {
            assert_eq!(check(page), Ok(()), "{page}");
        }
    }

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
