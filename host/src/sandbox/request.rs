//! The request that a guest receives. It owns its data, and its `Debug` output shows no content.

use std::fmt;

/// A request that passed the host's checks. Its `Debug` output shows only the method.
#[derive(Clone)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// The path and query as received, still percent-encoded.
    pub path_with_query: String,
    /// The authority that the client sent.
    pub authority: String,
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
