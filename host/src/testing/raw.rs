//! HTTP requests as bytes.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Method, Request, Uri};

/// The address at which the host would listen, and the default value of `Host`.
pub(super) const AUTHORITY: &str = "127.0.0.1:8080";

/// The largest request, body or snapshot that is read from a file, in bytes.
pub const FILE_LIMIT: u64 = 64 << 20;

/// An HTTP/1.1 request as it is sent over the wire. It may be invalid.
#[derive(Clone, PartialEq, Eq)]
pub struct RawRequest(Vec<u8>);

/// Why a request cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RawRequestError {
    /// The method is invalid (RFC 9110, section 9.1).
    #[error("invalid HTTP method `{0}`: expected a token such as `GET`")]
    Method(String),
    /// The target is invalid (RFC 9112, section 3.2). The text leaves out the query, which may contain a code.
    #[error("invalid request target `{0}`: expected a path such as `/callback?code=abc`")]
    Target(String),
    /// The query of the target contains a character that is not allowed. The rest of the query may contain a code.
    #[error("invalid character `{}` in the query: percent-encode it", .0.escape_debug())]
    Query(char),
    /// The name of a header field is invalid (RFC 9110, section 5.1).
    #[error("invalid header field name `{0}`")]
    FieldName(String),
    /// The value of this header field is invalid (RFC 9110, section 5.5).
    #[error("invalid character in the value of the header field `{0}`")]
    FieldValue(String),
}

impl RawRequest {
    /// Builds a request. Adds `Host` and `Content-Length` if they are missing.
    ///
    /// # Errors
    /// Fails if a part is not valid in an HTTP request.
    pub fn new(
        method: &str,
        target: &str,
        fields: &[(String, String)],
        body: &[u8],
    ) -> Result<Self, RawRequestError> {
        Method::from_bytes(method.as_bytes())
            .map_err(|_| RawRequestError::Method(method.to_owned()))?;
        let is_path = target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic());
        match target.parse::<Uri>() {
            Ok(_) if is_path => {}
            _ => return Err(RawRequestError::of_target(target)),
        }
        for (name, value) in fields {
            HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| RawRequestError::FieldName(name.clone()))?;
            HeaderValue::from_str(value).map_err(|_| RawRequestError::FieldValue(name.clone()))?;
        }
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        Ok(Self::join(method, target, &fields.collect::<Vec<_>>(), body))
    }

    /// Joins the valid parts of a request. Adds `Host` and `Content-Length` if they are missing.
    fn join(method: &str, target: &str, fields: &[(&[u8], &[u8])], body: &[u8]) -> Self {
        let has = |name: HeaderName| {
            let name = name.as_str().as_bytes();
            fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name))
        };
        let mut raw = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
        let mut add = |name: &[u8], value: &[u8]| {
            raw.extend([name, b": ", value, b"\r\n"].concat());
        };
        if !has(HOST) {
            add(b"host", AUTHORITY.as_bytes());
        }
        for (name, value) in fields {
            add(name, value);
        }
        if !body.is_empty() && !has(CONTENT_LENGTH) && !has(TRANSFER_ENCODING) {
            add(b"content-length", body.len().to_string().as_bytes());
        }
        raw.extend(b"\r\n");
        raw.extend(body);
        Self(raw)
    }

    /// Returns the bytes of the request.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl RawRequestError {
    /// Returns the error for an invalid request target.
    fn of_target(target: &str) -> Self {
        let is_allowed = |c: char| c.is_ascii_graphic();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let is_path = path.starts_with('/') && path.chars().all(is_allowed);
        match query.chars().find(|c| !is_allowed(*c)) {
            Some(character) if is_path => Self::Query(character),
            _ => Self::Target(path.to_owned()),
        }
    }
}

/// Takes any bytes, even if they are not valid HTTP.
impl From<Vec<u8>> for RawRequest {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// Serializes a request. Only the path and the query of its URI are used.
impl From<Request<Vec<u8>>> for RawRequest {
    fn from(request: Request<Vec<u8>>) -> Self {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let fields = head.headers.iter();
        let fields: Vec<_> =
            fields.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())).collect();
        Self::join(head.method.as_str(), target, &fields, &body)
    }
}

/// Formats only the length, because the request may contain a code.
impl std::fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RawRequest({} bytes)", self.0.len())
    }
}

/// Encodes a form as the body of a request. Adds its content type to `fields`, unless they have one.
pub fn form_body<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    fields: &mut Vec<(String, String)>,
) -> Vec<u8> {
    form_type(fields);
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}

/// Adds the content type of a form to `fields`, unless they have one.
pub fn form_type(fields: &mut Vec<(String, String)>) {
    if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE.as_str())) {
        let form = "application/x-www-form-urlencoded";
        fields.push((CONTENT_TYPE.as_str().to_owned(), form.to_owned()));
    }
}
