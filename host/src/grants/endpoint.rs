//! An endpoint: a URL to which the host may send secrets. Its answers are sealed.

use std::fmt;

use http::HeaderName;
use http::header;
use url::Url;

use super::location::{Location, UrlProblem};
use super::{GrantError, pointer};

/// The names under which a secret may be sent, unless a grant lists others: the confidential parameters of RFC 6749,
/// RFC 7636 and RFC 7009.
const SECRETS: [&str; 6] =
    ["client_secret", "code", "code_verifier", "refresh_token", "access_token", "token"];

/// Names that can never be read in a sealed answer, and whose members and items cannot either.
///
/// `error_description` is one, because an endpoint may repeat parts of what it was sent there.
const NEVER_READABLE: [&str; 9] = [
    "access_token",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "error_description",
    "id_token",
    "refresh_token",
    "token",
];

/// Returns whether no member of this name, and nothing below it, can be read in a sealed answer.
pub(crate) fn is_never_readable(name: &str) -> bool {
    NEVER_READABLE.contains(&name)
}

/// Header fields that only the host sets: those with credentials, and those that frame or route the request.
const HOST_HEADERS: [HeaderName; 15] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// A URL to which the host may send secrets: scheme, host, port and path. Its answers are sealed.
///
/// `Display` writes its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub(super) url: Url,
    pub(super) secrets: Vec<String>,
    pub(super) readable: Vec<String>,
    pub(super) headers: Vec<HeaderName>,
    pub(super) claims: Vec<String>,
}

impl Endpoint {
    pub(super) fn new(url: Url) -> Self {
        let secrets = SECRETS.map(String::from).to_vec();
        Self { url, secrets, readable: Vec::new(), headers: Vec::new(), claims: Vec::new() }
    }

    /// Its URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The names under which a secret may be sent to it.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// The names and JSON Pointers of the members of its answers that a guest may read, besides `token_type`, `scope`
    /// and `error`.
    pub fn readable(&self) -> &[String] {
        &self.readable
    }

    /// The header fields that a guest may set in a request to it, besides `accept`, `accept-language`, `origin` and
    /// `user-agent`.
    pub fn headers(&self) -> &[HeaderName] {
        &self.headers
    }

    /// The claims of its ID tokens that a guest may read, besides the usual ones.
    pub fn claims(&self) -> &[String] {
        &self.claims
    }

    /// Returns whether the grant makes the member at `pointer` readable. `name` is its name.
    pub(crate) fn reads(&self, pointer: &str, name: &str) -> bool {
        self.readable.iter().any(|listed| listed == pointer || listed == name)
    }

    /// Adds what `other` allows. Both have the same URL.
    pub(super) fn merge(&mut self, other: Self) {
        add(&mut self.secrets, other.secrets);
        add(&mut self.readable, other.readable);
        add(&mut self.headers, other.headers);
        add(&mut self.claims, other.claims);
    }
}

/// Adds those of `others` that `list` does not contain.
pub(super) fn add<T: PartialEq>(list: &mut Vec<T>, others: impl IntoIterator<Item = T>) {
    for other in others {
        if !list.contains(&other) {
            list.push(other);
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

/// Checks the URL of an endpoint.
pub(super) fn url(text: &str) -> Result<Url, GrantError> {
    match Location::parse(text) {
        Ok(location) if location.has_path => Ok(location.url),
        Ok(_) => Err(GrantError::name(
            "endpoint",
            text,
            "a URL with a path; for the root, write `/` at its end",
        )),
        Err(problem) => Err(GrantError::url(text, problem)),
    }
}

/// Checks the origin of URLs.
pub(super) fn origin(text: &str) -> Result<url::Origin, GrantError> {
    match Location::parse(text) {
        Ok(location) if location.url.path() == "/" => Ok(location.url.origin()),
        Ok(_) => Err(GrantError::url(text, UrlProblem::NotAnOrigin)),
        Err(problem) => Err(GrantError::url(text, problem)),
    }
}

/// Checks the name of a parameter that may be a secret.
pub(super) fn secret(name: &str) -> Result<String, GrantError> {
    if is_word(name) {
        Ok(name.to_owned())
    } else {
        Err(GrantError::name("name of a secret parameter", name, "a name such as `client_secret`"))
    }
}

/// Checks the name of a readable member, or the JSON Pointer to it.
pub(super) fn readable(text: &str) -> Result<String, GrantError> {
    let invalid = |expected| Err(GrantError::name("readable member", text, expected));
    let path =
        if text.starts_with('/') { pointer::parse(text) } else { Some(vec![text.to_owned()]) };
    match path.as_deref().and_then(<[String]>::last) {
        _ if path.iter().flatten().any(|name| is_never_readable(name)) => {
            invalid("a member without secrets")
        }
        Some(name) if is_word(name) => Ok(text.to_owned()),
        _ => invalid("a name such as `login`, or a JSON Pointer such as `/team/name`"),
    }
}

/// Checks the name of a header field that a guest may set.
pub(super) fn header(text: &str) -> Result<HeaderName, GrantError> {
    let invalid = |expected| GrantError::name("header field", text, expected);
    let name = HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| invalid("a name such as `notion-version`"))?;
    if HOST_HEADERS.contains(&name) {
        Err(invalid("a field that the host does not set"))
    } else {
        Ok(name)
    }
}

/// Checks the name of a claim. Distributed claims (OpenID Connect Core, section 5.6.2) can contain access tokens.
pub(super) fn claim(name: &str) -> Result<String, GrantError> {
    let invalid = |expected| Err(GrantError::name("claim", name, expected));
    match name {
        "_claim_names" | "_claim_sources" => invalid("a claim without secrets"),
        _ if is_word(name) => Ok(name.to_owned()),
        _ => invalid("a name such as `groups`"),
    }
}

/// Returns whether `name` is printable ASCII and not empty.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}
