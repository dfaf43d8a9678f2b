//! The network policy for `wasi:http`: a guest reaches only the origins that it may read, and never an endpoint.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{Method, Request};

use crate::grants::NetGrants;
use crate::grants::location::Location;
use crate::outgoing::{Fault, Sending, Upstream};
use crate::sandbox::ProviderInputs;

/// An [`Upstream`] that passes requests on to granted origins, and refuses all others.
pub struct ReadableOrigins {
    grants: Arc<NetGrants>,
    network: Arc<dyn Upstream>,
}

impl ReadableOrigins {
    /// Creates the policy for the network of a provider.
    pub fn new(provider: &ProviderInputs) -> Self {
        Self { grants: Arc::clone(&provider.grants), network: Arc::clone(&provider.network) }
    }
}

/// The header fields of a request. wasmtime sets `host`, and the network replaces it and `accept-encoding`.
///
/// Others could change the request for a server: `x-http-method-override` its method, and `x-original-url` its path.
const HEADERS: [HeaderName; 8] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::HOST,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::ORIGIN,
    header::USER_AGENT,
];

impl ReadableOrigins {
    /// Returns the request to send, if it may be sent. It has the URL that was checked.
    fn checked(&self, mut request: Request<Bytes>) -> Option<Request<Bytes>> {
        let url = request.uri().to_string();
        let (place, query) =
            url.split_once('?').map_or((&*url, None), |(place, query)| (place, Some(query)));
        let mut url = Location::parse(place).ok()?.url;
        if !is_read(&request) || !self.grants.may_read(&url) {
            return None;
        }
        url.set_query(query);
        *request.uri_mut() = String::from(url).parse().ok()?;
        Some(request)
    }
}

/// Returns whether a request only reads. With `POST`, a guest could redeem the code at another path of a granted origin,
/// and read the token.
fn is_read(request: &Request<Bytes>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && request.body().is_empty()
        && request.headers().keys().all(|name| HEADERS.contains(name))
}

impl Upstream for ReadableOrigins {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        match self.checked(request) {
            Some(request) => self.network.send(request),
            None => Box::pin(ready(Err(Fault::Denied))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use http::Response;

    use super::*;

    /// A network that answers each request, and keeps it.
    #[derive(Default)]
    struct Sent(Mutex<Vec<Request<Bytes>>>);

    impl Upstream for Sent {
        fn send(&self, request: Request<Bytes>) -> Sending<'_> {
            self.0.lock().unwrap().push(request);
            Box::pin(async { Ok(Response::default()) })
        }
    }

    /// Sends `request` where the origin `http://127.0.0.1:8080` can be read, and its path `/oauth/token` is an endpoint.
    /// Returns what reaches the network.
    fn sent(request: Request<Bytes>) -> Option<Request<Bytes>> {
        let mut grants = NetGrants::default();
        grants.allow("http://127.0.0.1:8080").unwrap();
        grants.allow("http://127.0.0.1:8080/oauth/token").unwrap();
        let network = Arc::new(Sent::default());
        let readable = ReadableOrigins {
            grants: Arc::new(grants),
            network: Arc::clone(&network) as Arc<dyn Upstream>,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let result = runtime.block_on(readable.send(request));
        let sent = network.0.lock().unwrap().pop();
        assert_eq!(result.err(), sent.is_none().then_some(Fault::Denied));
        sent
    }

    fn get(url: &str) -> Request<Bytes> {
        Request::get(url).body(Bytes::new()).unwrap()
    }

    #[test]
    fn the_network_gets_the_url_that_was_checked() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://127.0.0.1:8080?a", "http://127.0.0.1:8080/?a"),
            ("HTTP://127.0.0.1:8080/keys?a=../b", "http://127.0.0.1:8080/keys?a=../b"),
        ] {
            assert_eq!(sent(get(url)).unwrap().uri().to_string(), expected);
        }
        for path in [
            "/oauth/token",
            "/oauth/token?a=b",
            "/oauth/token/../../keys",
            "/oauth/token/%2e%2e/%2E%2E/keys",
            "/oauth/token/.%2e/keys",
            "/oauth/token\\..\\..\\keys",
            "/x/../keys",
            "//keys",
            "/./keys",
            "/%6Beys",
            "/x/..;/oauth/token",
        ] {
            assert!(sent(get(&format!("http://127.0.0.1:8080{path}"))).is_none(), "{path}");
        }
        for url in ["http://127.1:8080/keys", "http://a@127.0.0.1:8080/keys", "/keys"] {
            assert!(sent(get(url)).is_none(), "{url}");
        }
    }

    #[test]
    fn a_request_only_reads() {
        const URL: &str = "http://127.0.0.1:8080/keys";
        for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS", "get"] {
            let request = Request::builder().method(method).uri(URL);
            let is_sent = sent(request.body(Bytes::new()).unwrap()).is_some();
            assert_eq!(is_sent, ["GET", "HEAD"].contains(&method), "{method}");
        }
        let with_body = Request::get(URL).body(Bytes::from_static(b"grant_type=x")).unwrap();
        assert!(sent(with_body).is_none());
    }

    #[test]
    fn a_header_field_that_could_change_the_method_or_the_path_is_refused() {
        let with = |name: &str| {
            let mut request = get("http://127.0.0.1:8080/keys");
            let name = HeaderName::try_from(name).unwrap();
            request.headers_mut().insert(name, http::HeaderValue::from_static("POST"));
            request
        };
        for name in [
            "x-http-method-override",
            "x-http-method",
            "x-method-override",
            "x-original-url",
            "x-rewrite-url",
            "x-forwarded-host",
            "x-forwarded-prefix",
            "forwarded",
            "authorization",
            "cookie",
            "content-type",
            "accept-x",
        ] {
            assert!(sent(with(name)).is_none(), "{name}");
        }
        for name in ["accept", "accept-language", "host", "if-none-match", "origin", "user-agent"] {
            assert!(sent(with(name)).is_some(), "{name}");
        }
    }
}
