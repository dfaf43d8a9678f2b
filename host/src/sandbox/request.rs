//! The request that a guest receives. It owns its data, and its `Debug` output shows no content.

use std::fmt;
use std::ops::RangeInclusive;

use crate::session::Secret;

/// The content type of a form.
const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// The length of an authorization code that is redacted, in bytes.
///
/// Redacting a shorter text, such as `1`, would make logs unreadable, and no provider issues one. A longer text would
/// make the host spend more on the redaction than on the request.
const REDACTED_CODE: RangeInclusive<usize> = 8..=16 << 10;

/// A request that passed the host's checks. Its `Debug` output shows only the method.
#[derive(Clone)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// The path and query as received, still percent-encoded.
    pub path_with_query: String,
    /// The authority that the client sent.
    pub authority: String,
    /// The origin of the listener under that authority. The page may lead there. The guest does not get it.
    pub origin: String,
    /// The header fields in the order received.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The complete body.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns whether a browser sent the request: it has Fetch Metadata, or it accepts HTML.
    pub(super) fn is_navigation(&self) -> bool {
        self.headers.iter().any(|(name, value)| match name.as_str() {
            "sec-fetch-mode" | "sec-fetch-dest" => true,
            "accept" => value.windows(9).any(|window| window.eq_ignore_ascii_case(b"text/html")),
            _ => false,
        })
    }

    /// Returns the authorization code in the query or in a form, decoded and as the client wrote it, if its length is
    /// in [`REDACTED_CODE`].
    pub(super) fn code(&self) -> Vec<Secret> {
        let query = self.path_with_query.split_once('?').map_or("", |(_, query)| query);
        let is_form = self.headers.iter().any(|(name, value)| {
            let mut windows = value.windows(FORM.len());
            name == "content-type" && windows.any(|window| window.eq_ignore_ascii_case(FORM))
        });
        let form: &[u8] = if is_form { &self.body[..] } else { b"" };
        let pairs = query.as_bytes().split(|byte| *byte == b'&');
        let pairs = pairs.chain(form.split(|byte| *byte == b'&'));
        let codes = pairs.filter_map(|pair| {
            let (name, decoded) = form_urlencoded::parse(pair).next()?;
            let written = pair.splitn(2, |byte| *byte == b'=').nth(1)?;
            (name == "code")
                .then(|| [decoded.into_owned(), String::from_utf8_lossy(written).into()])
        });
        let codes = codes.flatten().filter(|code| REDACTED_CODE.contains(&code.len()));
        codes.map(Secret::from).collect()
    }

    /// Returns whether a browser tab navigates to this URL, and therefore follows a redirect.
    pub fn is_document(&self) -> bool {
        self.headers.iter().any(|(name, value)| name == "sec-fetch-dest" && value == b"document")
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(query: &str, content_type: &str, body: &str) -> Vec<String> {
        let request = Request {
            method: "POST".to_owned(),
            path_with_query: format!("/callback{query}"),
            authority: String::new(),
            origin: String::new(),
            headers: vec![("content-type".to_owned(), content_type.into())],
            body: body.into(),
        };
        request.code().iter().map(|code| code.expose().to_owned()).collect()
    }

    #[test]
    fn the_code_is_found_in_the_query_and_in_a_form() {
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        assert_eq!(codes("?a=b&code=4/0A+b=cd", "", ""), ["4/0A b=cd", "4/0A+b=cd"]);
        assert_eq!(codes("?c%6fde=4%2F0Abcdef", "", ""), ["4/0Abcdef", "4%2F0Abcdef"]);
        assert_eq!(codes("", form, "state=s&code=abcdefgh"), ["abcdefgh", "abcdefgh"]);
        for (query, content_type, body) in [
            ("", "text/plain", "code=abcdefgh"),
            ("?Code=abcdefgh", form, "xcode=abcdefgh"),
            ("?code=abcdefg", form, "code"),
            ("?code", form, ""),
        ] {
            assert_eq!(codes(query, content_type, body), [""; 0], "{query} {body}");
        }
        assert_eq!(codes(&format!("?code={}", "x".repeat((16 << 10) + 1)), "", ""), [""; 0]);
    }
}
