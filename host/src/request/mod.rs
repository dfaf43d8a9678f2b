//! The checks on a request before it reaches a guest.

mod head;
mod parameters;
mod pasted;
mod refusal;
mod scheme;

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Body;
use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderName};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;

pub use pasted::PasteError;
pub use refusal::{REFUSALS, Refusal, is_suspicious, sentence};
pub use scheme::Scheme;

use crate::sandbox;
use crate::session::Secret;

/// The size limit on the head of a request, in bytes. Authorization responses contain tokens of several kilobytes.
const HEAD_LIMIT: usize = 64 << 10;
/// The number of header fields that a request may have.
const FIELD_LIMIT: usize = 100;
/// The size limit on the body of a request, in bytes. The body is a form that contains tokens.
const BODY_LIMIT: usize = 1 << 20;
/// How long a client may take to send the head, from the moment it connects.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send the body, from the end of the head.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The path of the redirect URI. It is compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackPath(String);

/// The error for text that is not a valid callback path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackPathError {
    /// The path is not absolute.
    #[error("the path `{0}` does not start with `/`")]
    NotAbsolute(String),
    /// The path contains a character that RFC 3986, section 3.3 does not allow.
    #[error("invalid character `{}` in the path: percent-encode it", .0.escape_debug())]
    Character(char),
    /// The path contains `.` or `..`. Browsers remove these, so the callback would arrive at another path.
    #[error("invalid segment `{0}` in the path: browsers remove it")]
    Dots(String),
}

impl CallbackPath {
    /// Returns the path, still percent-encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for CallbackPath {
    fn default() -> Self {
        Self("/callback".to_owned())
    }
}

impl FromStr for CallbackPath {
    type Err = CallbackPathError;

    fn from_str(text: &str) -> Result<Self, CallbackPathError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@%".contains(c);
        if !text.starts_with('/') {
            return Err(CallbackPathError::NotAbsolute(text.to_owned()));
        }
        if let Some(c) = text.chars().find(|c| !allowed(*c)) {
            return Err(CallbackPathError::Character(c));
        }
        let hex = |escape: &str| escape.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
        if !text.split('%').skip(1).all(hex) {
            return Err(CallbackPathError::Character('%'));
        }
        let is_dots =
            |s: &&str| matches!(s.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        match text.split('/').find(is_dots) {
            Some(dots) => Err(CallbackPathError::Dots(dots.to_owned())),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// What a request of one run must match before it reaches the guest.
#[derive(Debug)]
pub struct Rules {
    /// The scheme of the listener.
    pub scheme: Scheme,
    /// The authorities that `Host` may contain.
    pub authorities: Vec<String>,
    /// The callback path.
    pub path: CallbackPath,
    /// The `state` that was sent to the provider, if any.
    pub state: Option<Secret>,
    /// The issuer that `iss` must name (RFC 9207), if one is known.
    pub issuer: Option<String>,
    /// The path of the one-time link to the authorization URL, if there is one.
    pub link: Option<Secret>,
    /// The path of the last page, if it has a separate one.
    pub last_page: Option<Secret>,
}

/// A request that passed the checks, by its target.
#[derive(Debug)]
pub enum Admitted {
    /// The callback, for the guest.
    Callback(sandbox::Request),
    /// The one-time link to the authorization URL.
    Link,
    /// The last page of the flow.
    LastPage,
}

/// The target of a request, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Callback,
    Link,
    LastPage,
}

impl Rules {
    /// Checks the head, reads the body, and checks the parameters.
    ///
    /// `reserve` is called with the number of bytes that the body may take, before any of it is read.
    ///
    /// # Errors
    /// Returns the first rule that the request violates, in the order of [`REFUSALS`].
    pub async fn admit<B: Body<Data = Bytes> + Unpin>(
        &self,
        request: Request<B>,
        reserve: impl FnOnce(usize),
    ) -> Result<Admitted, Refusal> {
        let (head, body) = request.into_parts();
        match self.check_head(&head)? {
            Target::Callback => {}
            Target::Link => return Ok(Admitted::Link),
            Target::LastPage => return Ok(Admitted::LastPage),
        }
        reserve(body_room(&body));
        let body = tokio::time::timeout(BODY_TIMEOUT, read(body))
            .await
            .unwrap_or(Err(Refusal::BodyTimeout))?;
        self.check_parameters(&head, &body)?;
        Ok(Admitted::Callback(into_guest_request(head, body, self.scheme)))
    }
}

/// Returns the HTTP settings of the host: one request per connection, with limits on the head.
pub fn protocol() -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .keep_alive(false)
        .half_close(true)
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(FIELD_LIMIT)
        .max_header_size(HEAD_LIMIT);
    protocol
}

/// Returns the maximum memory that the body of a request can take, in bytes.
fn body_room(body: &impl Body) -> usize {
    let announced = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    announced.unwrap_or(BODY_LIMIT).min(BODY_LIMIT)
}

/// Reads the body into one buffer. Keeping the chunks would let a body of a million small chunks take far more memory
/// than its length.
async fn read(mut body: impl Body<Data = Bytes> + Unpin) -> Result<Vec<u8>, Refusal> {
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::BodyBroken)?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if whole.len() + data.len() > BODY_LIMIT {
            return Err(Refusal::BodyTooLarge);
        }
        whole.extend_from_slice(data);
    }
    Ok(whole)
}

/// The credentials that a browser sends to every port of this host name. They belong to other servers.
const FOREIGN_CREDENTIALS: [HeaderName; 2] = [COOKIE, AUTHORIZATION];

fn into_guest_request(head: Parts, body: Vec<u8>, scheme: Scheme) -> sandbox::Request {
    let authority = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    sandbox::Request {
        method: head.method.to_string(),
        path_with_query: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        authority: authority.to_owned(),
        origin: format!("{}://{authority}", scheme.as_str()),
        headers: head
            .headers
            .iter()
            .filter(|(name, _)| !FOREIGN_CREDENTIALS.contains(name))
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_path_must_be_one_that_a_browser_sends_unchanged() {
        for good in ["/", "/callback", "/a/b/", "/%C3%A9", "//", "/...", "/a.b"] {
            assert_eq!(good.parse::<CallbackPath>().unwrap().as_str(), good);
        }
        for bad in [
            "", "callback", "/a?b", "/a#b", "/a b", "/é", "/a\n", "/%zz", "/a%2", "/%", "/a/../b",
            "/.", "/%2E%2e",
        ] {
            assert!(bad.parse::<CallbackPath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_guest_gets_the_request_without_credentials_of_other_servers() {
        let request = Request::post("/callback?a=%20b")
            .header("host", "127.0.0.1:1")
            .header("cookie", "session=other")
            .header("authorization", "Basic b3RoZXI=")
            .header("x-repeated", "1")
            .header("x-repeated", "2");
        let (head, ()) = request.body(()).unwrap().into_parts();
        let request = into_guest_request(head, b"body".to_vec(), Scheme::Https);
        assert_eq!((&*request.method, &*request.authority), ("POST", "127.0.0.1:1"));
        assert_eq!(request.origin, "https://127.0.0.1:1");
        assert_eq!(request.path_with_query, "/callback?a=%20b");
        assert_eq!(request.body, b"body");
        let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["host", "x-repeated", "x-repeated"]);
    }
}
