//! A pretend authorization server on loopback, for whole sign-ins.

mod grants;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::client::{self, invalid};
use crate::trust::Trust;
use grants::{Grants, basic};

/// How long each wait may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest form, in bytes.
const FORM_LIMIT: usize = 64 << 10;

/// A pretend authorization server (RFC 6749, 7636, 8414 and 9207). It grants every valid request at once, without
/// a login page, and stops when dropped.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    grants: Arc<Mutex<Grants>>,
    trust: Trust,
    _stop: oneshot::Sender<Infallible>,
}

type Parameters = HashMap<String, String>;

impl Provider {
    /// Start a provider on a free port of `127.0.0.1`.
    ///
    /// # Errors
    /// If it gets no port or no thread.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let grants = Arc::new(Mutex::new(Grants::of(&issuer)));
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let serving = Arc::clone(&grants);
        thread::Builder::new().name("provider".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { issuer, grants, trust: Trust::default(), _stop: stop })
    }

    /// Trust these certificates of receivers whose redirect URI is `https`, in [`sign_in`](Self::sign_in).
    #[must_use]
    pub fn trusting(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// The issuer identifier. The provider's URLs start with it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The URL that the browser opens.
    pub fn authorization_endpoint(&self) -> String {
        format!("{}/authorize", self.issuer)
    }

    /// The URL that exchanges a code for a token.
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.issuer)
    }

    /// Deny all further requests with this error code, such as `access_denied`.
    pub fn deny(&self, error: &str) {
        lock(&self.grants).deny(error);
    }

    /// Act as the browser: open `authorization_url`, which must be one of this provider's, and follow it to the
    /// receiver. Returns the page that a person would see.
    ///
    /// # Errors
    /// When the URL is invalid, or when the provider or the receiver does not answer.
    pub fn sign_in(&self, authorization_url: &str) -> io::Result<Response<Vec<u8>>> {
        let redirect = self.open(authorization_url)?;
        let location = redirect.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let location = location.ok_or_else(|| {
            let problem = String::from_utf8_lossy(redirect.body());
            invalid(format!("the provider refused the request: {problem}"))
        })?;
        self.open(location)
    }

    fn open(&self, url: &str) -> io::Result<Response<Vec<u8>>> {
        let url: Uri =
            url.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let target = url.path_and_query().map_or("/", |target| target.as_str());
        client::navigate(&url, target, &self.trust, DEADLINE).map(|(page, _)| page)
    }

    /// Whether `authorization_url` leads to this provider.
    pub fn owns(&self, authorization_url: &str) -> bool {
        let endpoint = self.authorization_endpoint();
        authorization_url
            .strip_prefix(&endpoint)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['?', '#']))
    }

    /// Grant the request of `authorization_url` as if a browser had opened it, and use `code` for it.
    ///
    /// # Errors
    /// When the provider would refuse the request.
    pub fn grant(&self, authorization_url: &str, code: &str) -> io::Result<()> {
        let query = authorization_url.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let granted = lock(&self.grants).grant(&parameters(query.as_bytes()), code);
        granted.map_err(|problem| invalid(format!("the provider refused the request: {problem}")))
    }

    /// Every code that a client has sent to the token endpoint, valid or not.
    pub fn codes_presented(&self) -> Vec<String> {
        lock(&self.grants).presented().to_vec()
    }
}

fn lock(grants: &Mutex<Grants>) -> MutexGuard<'_, Grants> {
    grants.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parameters(bytes: &[u8]) -> Parameters {
    form_urlencoded::parse(bytes).into_owned().collect()
}

async fn serve(listener: TcpListener, grants: Arc<Mutex<Grants>>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let grants = Arc::clone(&grants);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &grants));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client that disconnects is not an error here.
            let _ = connection.await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    grants: &Mutex<Grants>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, FORM_LIMIT).collect().await.map(|body| body.to_bytes());
    let query = parameters(head.uri.query().unwrap_or_default().as_bytes());
    let form = parameters(&body.unwrap_or_default());
    let mut grants = lock(grants);
    Ok(match (head.method.as_str(), head.uri.path()) {
        ("GET", "/authorize") => match grants.authorize(&query) {
            Ok(location) => redirect(&location),
            Err(problem) => plain(StatusCode::BAD_REQUEST, problem),
        },
        ("POST", "/token") => token(&mut grants, &form, &head.headers),
        (
            "GET",
            "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration",
        ) => json(StatusCode::OK, &grants.metadata()),
        _ => plain(StatusCode::NOT_FOUND, "not found"),
    })
}

fn token(grants: &mut Grants, form: &Parameters, fields: &HeaderMap) -> Response<Full<Bytes>> {
    let basic = fields.get(AUTHORIZATION).and_then(|value| basic(value.to_str().ok()?));
    match grants.redeem(form, basic.as_deref()) {
        Ok(token) => json(
            StatusCode::OK,
            &json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 }),
        ),
        Err(error) => json(StatusCode::BAD_REQUEST, &json!({ "error": error })),
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    response
}

fn redirect(location: &str) -> Response<Full<Bytes>> {
    let mut response = plain(StatusCode::FOUND, "");
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = plain(status, &value.to_string());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
