//! The request as a guest sees it: owned, and closed to logs.

use std::fmt;

/// One checked request. Its `Debug` shows neither query, fields nor body.
#[derive(Clone)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query as received, still percent-encoded.
    pub path_with_query: String,
    /// The authority that the client named.
    pub authority: String,
    /// Header fields in the order received.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// Whether a browser shows what comes: it says so (Fetch Metadata), or it asks for HTML.
    pub(super) fn is_navigation(&self) -> bool {
        self.headers.iter().any(|(name, value)| match name.as_str() {
            "sec-fetch-mode" | "sec-fetch-dest" => true,
            "accept" => value.windows(9).any(|window| window.eq_ignore_ascii_case(b"text/html")),
            _ => false,
        })
    }

    /// Whether a tab of a browser says that it navigates here, and so follows a redirect.
    pub fn is_document(&self) -> bool {
        self.headers.iter().any(|(name, value)| name == "sec-fetch-dest" && value == b"document")
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}
