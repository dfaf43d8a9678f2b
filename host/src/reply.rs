//! The page that leaves: a guest's reply after validation, or one of the host's own, in the same cage.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode, Uri};

use crate::outcome::{Outcome, visible};

/// What hyper sends.
pub type Page = Response<Full<Bytes>>;

/// The cage of a page that was granted nothing: it runs no script, loads nothing, submits nothing.
const CONTENT_SECURITY_POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// On every page, whatever the guest says.
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// What a guest may not say: it is the host's (framing), outlives the page (cookies, transport
/// and site settings), or makes the browser fetch something that no CSP holds back.
const RESERVED: [&str; 32] = [
    "accept-ch",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "alt-svc",
    "clear-site-data",
    "connection",
    "content-length",
    "content-security-policy-report-only",
    "date",
    "keep-alive",
    "link",
    "nel",
    "no-vary-search",
    "proxy-authenticate",
    "proxy-connection",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "speculation-rules",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
    "x-dns-prefetch-control",
    "x-xss-protection",
];

/// How many header fields a reply may have.
const FIELD_LIMIT: usize = 64;
/// How many bytes the names and values of a reply's header fields may take together.
const FIELDS_LIMIT: usize = 16 << 10;

/// What the host does once the page has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Keep listening.
    Pending,
    /// The flow is complete.
    Done(Outcome),
}

/// A guest's answer that the host agrees to send.
#[derive(Debug)]
pub struct Reply {
    /// The page, with the host's security headers.
    pub page: Page,
    /// The length of its body in bytes.
    pub bytes: usize,
    /// What to do after sending it.
    pub disposition: Disposition,
}

/// A guest's answer that the host does not send. Names what is wrong, never the page or the outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// Informational and unknown status codes have no page.
    #[error("the status code {0} is not from 200 to 599")]
    Status(u16),
    /// RFC 9110, section 6.4.1.
    #[error("a reply with status code {0} has no body, but {1} bytes were given")]
    BodyNotAllowed(u16, usize),
    /// Characters that HTTP does not allow in a field name.
    #[error("`{0}` is not a header field name")]
    FieldName(String),
    /// Control characters: a line feed would start another field.
    #[error("the value of `{0}` contains a control character")]
    FieldValue(String),
    /// A field that belongs to the host.
    #[error("the header field `{0}` is the host's to set")]
    Reserved(String),
    /// Too many fields.
    #[error("{0} header fields are more than the {FIELD_LIMIT} allowed")]
    FieldCount(usize),
    /// Too long, all together.
    #[error("header fields of {0} bytes are more than the {FIELDS_LIMIT} allowed")]
    FieldsSize(usize),
    /// A policy whose reports would carry the page's address, and the code in it, elsewhere.
    #[error("a `content-security-policy` must not name a place for reports")]
    PolicyReports,
    /// A redirect that would take the authorization response elsewhere.
    #[error("a redirect may only stay on this listener")]
    Redirect,
    /// The body is over its limit, `--max-reply`.
    #[error(
        "a body of {size} bytes is over the limit of {limit} bytes; raise it with `--max-reply`"
    )]
    BodySize {
        /// The length of the body in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// A name in the outcome is empty or has control characters.
    #[error("`{0}` is not a name for a value in the outcome")]
    OutcomeName(String),
    /// A name in the outcome occurs twice.
    #[error("the outcome has two values called `{0}`")]
    OutcomeTwice(String),
    /// No program can take a value with a NUL.
    #[error("the value of `{0}` in the outcome contains a NUL character")]
    OutcomeValue(String),
}

/// A guest's answer as it came out of the sandbox.
pub struct RawReply {
    /// The status code.
    pub status: u16,
    /// Header fields, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// What to do after sending it.
    pub disposition: Disposition,
}

impl Reply {
    /// Validate what a guest returned; nothing of it has been sent yet.
    ///
    /// `authority` is the one that the request named, `body_limit` is in bytes.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn validate(raw: RawReply, authority: &str, body_limit: usize) -> Result<Self, ReplyError> {
        let status = status(&raw)?;
        if raw.body.len() > body_limit {
            return Err(ReplyError::BodySize { size: raw.body.len(), limit: body_limit });
        }
        check_fields_size(&raw.headers)?;
        let bytes = raw.body.len();
        let mut page = Response::new(Full::new(Bytes::from(raw.body)));
        *page.status_mut() = status;
        for (name, value) in raw.headers {
            let (name, value) = field(&name, &value)?;
            if status.is_redirection() && name == header::LOCATION && !stays_here(&value, authority)
            {
                return Err(ReplyError::Redirect);
            }
            page.headers_mut().append(name, value);
        }
        if let Disposition::Done(outcome) = &raw.disposition {
            check_outcome(outcome)?;
        }
        Ok(Self { page: caged(page), bytes, disposition: raw.disposition })
    }
}

fn status(raw: &RawReply) -> Result<StatusCode, ReplyError> {
    let status = StatusCode::from_u16(raw.status)
        .ok()
        .filter(|_| (200..=599).contains(&raw.status))
        .ok_or(ReplyError::Status(raw.status))?;
    let bodyless = matches!(raw.status, 204 | 205 | 304);
    match bodyless && !raw.body.is_empty() {
        true => Err(ReplyError::BodyNotAllowed(raw.status, raw.body.len())),
        false => Ok(status),
    }
}

fn check_fields_size(headers: &[(String, Vec<u8>)]) -> Result<(), ReplyError> {
    if headers.len() > FIELD_LIMIT {
        return Err(ReplyError::FieldCount(headers.len()));
    }
    match headers.iter().map(|(name, value)| name.len() + value.len()).sum() {
        size if size > FIELDS_LIMIT => Err(ReplyError::FieldsSize(size)),
        _ => Ok(()),
    }
}

fn field(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), ReplyError> {
    let shown = || visible(&name.chars().take(64).collect::<String>());
    let name =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| ReplyError::FieldName(shown()))?;
    if RESERVED.contains(&name.as_str()) {
        return Err(ReplyError::Reserved(shown()));
    }
    let value = HeaderValue::from_bytes(value).map_err(|_| ReplyError::FieldValue(shown()))?;
    match name == header::CONTENT_SECURITY_POLICY && reports(&value) {
        true => Err(ReplyError::PolicyReports),
        false => Ok((name, value)),
    }
}

/// Whether a policy has a directive that sends reports: `report-uri`, `report-to` (CSP Level 3).
fn reports(policy: &HeaderValue) -> bool {
    policy.as_bytes().split(|byte| b";,".contains(byte)).any(|directive| {
        let name = directive.trim_ascii_start();
        name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"report"))
    })
}

/// A path on the same listener: `//host` and `/\host` leave it, and so does another authority.
fn stays_here(location: &HeaderValue, authority: &str) -> bool {
    let Ok(uri) = Uri::try_from(location.as_bytes()) else { return false };
    match (uri.scheme_str(), uri.authority()) {
        (None, None) => {
            let path = location.as_bytes();
            path.first() == Some(&b'/') && !matches!(path.get(1), Some(b'/' | b'\\'))
        }
        (Some("http"), Some(named)) => named.as_str().eq_ignore_ascii_case(authority),
        _ => false,
    }
}

fn check_outcome(outcome: &Outcome) -> Result<(), ReplyError> {
    let mut seen = std::collections::HashSet::new();
    for (name, value) in outcome.fields() {
        let shown = || visible(&name.chars().take(64).collect::<String>());
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(ReplyError::OutcomeName(shown()));
        }
        if !seen.insert(name) {
            return Err(ReplyError::OutcomeTwice(shown()));
        }
        if value.contains('\0') {
            return Err(ReplyError::OutcomeValue(shown()));
        }
    }
    Ok(())
}

/// Lock a page in: the host's headers replace the guest's, and the host's policy comes before any other.
fn caged(mut page: Page) -> Page {
    let headers = page.headers_mut();
    for (name, value) in SECURITY {
        headers.insert(name, value);
    }
    let own: Vec<_> = headers.get_all(header::CONTENT_SECURITY_POLICY).iter().cloned().collect();
    headers
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    for policy in own {
        headers.append(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}

/// A page of the host's own: a heading and a sentence, both plain text of ours.
pub fn plain(status: StatusCode, heading: &str, sentence: &str) -> Page {
    let body = format!(include_str!("plain.html"), heading = heading, sentence = sentence);
    let mut page = Response::new(Full::new(Bytes::from(body)));
    *page.status_mut() = status;
    page.headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    caged(page)
}
