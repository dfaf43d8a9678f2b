//! A request as a guest writes it, and as it is sent.

use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri};

use super::body::{self, Body};
use super::permit::Permit;
use super::vault::Vault;
use super::{ANSWER_LIMIT, Credentials, ExchangeError, Held, Provenance, Unlisted, Value};
use crate::grants::location::Location;
use crate::grants::{Endpoint, NetGrants};

/// The size limit on the guest's own text in the URL and the header fields, in bytes.
///
/// It is far below the limits of usual servers, 8 KiB and more. Otherwise a guest could fill a request up to that limit
/// and measure the secret with it.
const HEAD_LIMIT: usize = 4 << 10;

/// The size limit on the guest's own text in a request, in bytes. It is below the limits of usual servers, 100 kB and
/// more.
const TEXT_LIMIT: usize = 64 << 10;

/// The number of secrets in a query. With the limits above, the URL is shorter than the longest that [`Uri`] allows,
/// 65,534 bytes.
const QUERY_SECRETS: usize = 3;

/// The header fields that a guest may set in every request.
const HEADERS: [HeaderName; 4] =
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::ORIGIN, header::USER_AGENT];

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`, without a body.
    Get,
    /// `POST`.
    Post,
}

/// A request as a guest writes it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The method.
    pub method: Method,
    /// Scheme, host, port and path.
    pub url: String,
    /// The query: names and values.
    pub query: Vec<(String, Value)>,
    /// Header fields, in the guest's own words.
    pub headers: Vec<(String, String)>,
    /// The `Authorization` header.
    pub credentials: Credentials,
    /// The body.
    pub body: Body,
}

/// A request that may be sent. `Debug` shows only where to.
pub struct Prepared {
    /// The request, with the secrets in it. Never log it. To send it, take it out with [`std::mem::take`].
    pub request: Request<Bytes>,
    /// The endpoint that seals the answer, or `None` if the guest may read the answer.
    pub seal: Option<Endpoint>,
    /// The bytes that the request counts for. It does not depend on the secrets.
    pub cost: u64,
    pub(super) sent: Vec<Held>,
}

impl Draft {
    /// Returns whether this is a `GET` without a secret, whose answer a guest wants to read.
    pub fn is_plain_get(&self) -> bool {
        let has_secret = |(_, value): &(String, Value)| matches!(value, Value::Secret(_));
        self.method == Method::Get
            && matches!(self.credentials, Credentials::None)
            && !self.query.iter().any(has_secret)
    }

    /// Checks the request against the grants, and fills in its secrets.
    ///
    /// # Errors
    /// If the URL is not granted, a secret or a header field is not allowed in its place, or the request is invalid.
    pub fn build(&self, grants: &NetGrants) -> Result<Prepared, ExchangeError> {
        let location = Location::parse(&self.url).map_err(|_| ExchangeError::InvalidRequest)?;
        let endpoint = grants.endpoint(&location.url);
        let may_read = self.method == Method::Get && grants.may_read(&location.url);
        if endpoint.is_none() && !may_read {
            return Err(ExchangeError::NotGranted);
        }
        let mut permit = Permit::new(endpoint);
        let mut names = HashSet::new();
        let mut url = permit.count(String::from(location.url));
        if !self.query.is_empty() {
            url = url + "?" + &body::parameters(&self.query, &mut names, &mut permit)?;
        }
        if permit.secrets() > QUERY_SECRETS {
            return Err(ExchangeError::InvalidRequest);
        }
        let mut headers = fields(&self.headers, &mut permit, endpoint)?;
        if let Some(credentials) = self.credentials.build(&mut permit)? {
            headers.insert(header::AUTHORIZATION, credentials);
        }
        if permit.text() > HEAD_LIMIT {
            return Err(ExchangeError::InvalidRequest);
        }
        let body = self.body.build(&mut names, &mut permit)?;
        if permit.text() > TEXT_LIMIT || (self.method == Method::Get && body.is_some()) {
            return Err(ExchangeError::InvalidRequest);
        }
        let mut request = Request::default();
        *request.method_mut() = match self.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        };
        *request.uri_mut() = Uri::try_from(url).map_err(|_| ExchangeError::InvalidRequest)?;
        if let Some((content_type, bytes)) = body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            *request.body_mut() = bytes;
        }
        *request.headers_mut() = headers;
        let (seal, cost) = (endpoint.cloned(), permit.cost());
        Ok(Prepared { request, seal, cost, sent: permit.into_sent() })
    }
}

/// Checks the header fields.
fn fields(
    fields: &[(String, String)],
    permit: &mut Permit<'_>,
    endpoint: Option<&Endpoint>,
) -> Result<HeaderMap, ExchangeError> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        permit.count(name);
        permit.count(value);
        let parsed =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| ExchangeError::InvalidRequest)?;
        let listed = endpoint.map(Endpoint::headers).unwrap_or_default();
        if !HEADERS.contains(&parsed) && !listed.contains(&parsed) {
            return Err(ExchangeError::NotAllowedThere(Unlisted::Header(name.clone())));
        }
        let is_printable = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let value = HeaderValue::from_str(value).ok().filter(|_| is_printable);
        let value = value.ok_or(ExchangeError::InvalidRequest)?;
        if headers.insert(parsed, value).is_some() {
            return Err(ExchangeError::InvalidRequest);
        }
    }
    Ok(headers)
}

impl Prepared {
    /// Keeps the secrets of this request that are from answers, before the request is sent.
    pub fn confide(&self, vault: &Vault) {
        let is_issued = |held: &&Held| matches!(held.source(), Provenance::Answer { .. });
        self.sent.iter().filter(is_issued).for_each(|held| vault.keep(held.value()));
    }

    /// The bytes that an answer of `length` bytes counts for. That of a sealed answer does not depend on its length.
    pub fn answer_cost(&self, length: usize) -> u64 {
        if self.seal.is_some() { ANSWER_LIMIT as u64 } else { length as u64 }
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.request.uri();
        f.debug_struct("Prepared")
            .field("method", self.request.method())
            .field("host", &uri.host())
            .field("path", &uri.path())
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}
