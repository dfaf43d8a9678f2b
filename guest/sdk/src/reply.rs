//! Constructors of replies and responses.

use crate::{Disposition, Failure, Outcome, Reply, Response};

impl Response {
    /// Create an HTML page with status 200. The host adds its security headers and the framing.
    pub fn html(body: impl Into<String>) -> Self {
        Self {
            status_code: 200,
            headers: vec![("content-type".to_owned(), b"text/html; charset=utf-8".to_vec())],
            body: body.into().into_bytes(),
        }
    }

    /// Set the status code, from 200 to 599.
    #[must_use]
    pub fn status(mut self, status_code: u16) -> Self {
        self.status_code = status_code;
        self
    }

    /// Add a header field.
    ///
    /// A page may set `content-language`, `content-security-policy`, `location`, `retry-after`, `vary` and a few more.
    /// The host refuses a reply with any other header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        self
    }
}

impl Reply {
    /// Show the page and wait for the next request.
    pub fn pending(response: Response) -> Self {
        Self { response, disposition: Disposition::Pending }
    }

    /// Show the page and complete the flow with this result.
    ///
    /// The host refuses names that become the same shell variable, such as `code` and `Code`. It also refuses the names
    /// of its own values: `code_verifier`, `redirect_uri`, `nonce`, `error` and `error_description`.
    pub fn success<N, V>(response: Response, values: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        let values = values.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { response, disposition: Disposition::Done(Outcome::Success(values)) }
    }

    /// Show the page and complete the flow without a result.
    ///
    /// `error` is a short code such as `access_denied` (RFC 6749, section 4.1.2.1).
    pub fn failure(response: Response, error: &str, description: Option<&str>) -> Self {
        let failure =
            Failure { error: error.to_owned(), description: description.map(str::to_owned) };
        Self { response, disposition: Disposition::Done(Outcome::Failure(failure)) }
    }

    /// The outcome of the flow, if this reply completes it.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.disposition {
            Disposition::Pending => None,
            Disposition::Done(outcome) => Some(outcome),
        }
    }
}

impl Outcome {
    /// The value with this name. A failure has `error` and `error_description`.
    pub fn get(&self, name: &str) -> Option<&str> {
        match self {
            Self::Success(values) => {
                values.iter().find_map(|(key, value)| (key == name).then_some(value.as_str()))
            }
            Self::Failure(failure) => match name {
                "error" => Some(&failure.error),
                "error_description" => failure.description.as_deref(),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escape;

    #[test]
    fn a_reply_returns_its_outcome() {
        let page = || Response::html("").status(404).header("X-A", "b");
        assert!(Reply::pending(page()).outcome().is_none());
        let reply = Reply::success(page(), [("code", "abc")]);
        assert_eq!(reply.outcome().and_then(|outcome| outcome.get("code")), Some("abc"));
        let reply = Reply::failure(page(), "access_denied", Some("No."));
        let outcome = reply.outcome().unwrap();
        assert_eq!(outcome.get("error"), Some("access_denied"));
        assert_eq!(outcome.get("error_description"), Some("No."));
        assert_eq!(reply.response.status_code, 404);
        assert_eq!(reply.response.headers[1], ("x-a".to_owned(), b"b".to_vec()));
    }

    #[test]
    fn escaped_text_stays_text_in_content_and_in_attributes() {
        let text = escape("<img src=x onerror='a'>&\"");
        assert!(!text.contains(['<', '>', '\'', '"']), "{text}");
    }
}
