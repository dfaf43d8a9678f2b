//! A pretend authorization server: real enough for a whole sign-in, on loopback.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::client;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest form, in bytes.
const FORM_LIMIT: usize = 64 << 10;

/// A pretend authorization server (RFC 6749, 7636, 8414 and 9207), which lets everybody in at once. It ends
/// when it is dropped.
#[derive(Debug)]
pub struct Provider {
    issuer: String,
    state: Arc<Mutex<State>>,
    _stop: oneshot::Sender<Infallible>,
}

#[derive(Debug, Default)]
struct State {
    issuer: String,
    denies: Option<String>,
    issued: usize,
    /// By their codes; each is good once.
    grants: HashMap<String, Grant>,
}

#[derive(Debug)]
struct Grant {
    client_id: String,
    redirect_uri: String,
    challenge: Option<String>,
}

type Parameters = HashMap<String, String>;

impl Provider {
    /// Start one on a free port of `127.0.0.1`.
    ///
    /// # Errors
    /// When there is no port or no thread for it.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let state = State { issuer: issuer.clone(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let (stop, stopped) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let serving = Arc::clone(&state);
        thread::Builder::new().name("provider".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { issuer, state, _stop: stop })
    }

    /// Its issuer identifier, and the beginning of its URLs.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the browser goes.
    pub fn authorization_endpoint(&self) -> String {
        format!("{}/authorize", self.issuer)
    }

    /// Where a code becomes a token.
    pub fn token_endpoint(&self) -> String {
        format!("{}/token", self.issuer)
    }

    /// Let nobody in from now on, with this error code, e.g. `access_denied`.
    pub fn deny(&self, error: &str) {
        lock(&self.state).denies = Some(error.to_owned());
    }

    /// Be the browser: open `authorization_url`, which is one of this provider's, and follow it to the
    /// receiver. Returns the page that a person would see.
    ///
    /// # Errors
    /// When the URL is not good, or one of both does not answer.
    pub fn sign_in(&self, authorization_url: &str) -> io::Result<Response<Vec<u8>>> {
        let invalid =
            |problem: &str| io::Error::new(io::ErrorKind::InvalidInput, problem.to_owned());
        let redirect = open(authorization_url)?;
        let location = redirect.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let location = location.ok_or_else(|| {
            invalid(&format!("the provider refused: {}", String::from_utf8_lossy(redirect.body())))
        })?;
        open(location)
    }
}

fn open(url: &str) -> io::Result<Response<Vec<u8>>> {
    let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
    let url: Uri = url.parse().map_err(invalid)?;
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    client::navigate(&url, target, DEADLINE)
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &state));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client that goes away is nobody's problem here.
            let _ = connection.await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    state: &Mutex<State>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, FORM_LIMIT).collect().await.map(|body| body.to_bytes());
    let parameters = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect();
    let query = parameters(head.uri.query().unwrap_or_default().as_bytes());
    let form = parameters(&body.unwrap_or_default());
    let mut state = lock(state);
    Ok(match (head.method.as_str(), head.uri.path()) {
        ("GET", "/authorize") => state.authorize(&query),
        ("POST", "/token") => state.token(&form),
        (
            "GET",
            "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration",
        ) => state.metadata(),
        _ => plain(StatusCode::NOT_FOUND, "there is nothing here"),
    })
}

impl State {
    fn authorize(&mut self, query: &Parameters) -> Response<Full<Bytes>> {
        let get = |name: &str| query.get(name).cloned().unwrap_or_default();
        let redirect_uri = get("redirect_uri");
        let is_loopback = redirect_uri.parse().is_ok_and(|url| client::address(&url).is_ok());
        if !is_loopback || redirect_uri.contains('#') {
            return plain(StatusCode::BAD_REQUEST, "`redirect_uri` is not a loopback URL");
        }
        let is_pkce = query.contains_key("code_challenge");
        if is_pkce && get("code_challenge_method") != "S256" {
            return plain(StatusCode::BAD_REQUEST, "`code_challenge_method` is not `S256`");
        }
        let mut answer = form_urlencoded::Serializer::new(String::new());
        if let Some(error) = &self.denies {
            answer.append_pair("error", error);
        } else if get("response_type") != "code" {
            answer.append_pair("error", "unsupported_response_type");
        } else {
            self.issued += 1;
            let code = format!("code-{}", self.issued);
            answer.append_pair("code", &code);
            let challenge = query.get("code_challenge").cloned();
            let (client_id, redirect_uri) = (get("client_id"), redirect_uri.clone());
            self.grants.insert(code, Grant { client_id, redirect_uri, challenge });
        }
        if let Some(state) = query.get("state") {
            answer.append_pair("state", state);
        }
        answer.append_pair("iss", &self.issuer);
        let sign = if redirect_uri.contains('?') { '&' } else { '?' };
        let location = format!("{redirect_uri}{sign}{}", answer.finish());
        let mut response = plain(StatusCode::FOUND, "");
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(LOCATION, location);
        }
        response
    }

    fn token(&mut self, form: &Parameters) -> Response<Full<Bytes>> {
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let grant = self.grants.remove(get("code"));
        let is_good = |grant: &Grant| {
            let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier")));
            grant.client_id == get("client_id")
                && grant.redirect_uri == get("redirect_uri")
                && grant.challenge.as_ref().is_none_or(|challenge| *challenge == proof)
        };
        if get("grant_type") != "authorization_code" {
            return json(StatusCode::BAD_REQUEST, &json!({ "error": "unsupported_grant_type" }));
        }
        match grant.filter(is_good) {
            None => json(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_grant" })),
            Some(_) => {
                let token = format!("token-of-{}", get("code"));
                let answer =
                    json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 });
                json(StatusCode::OK, &answer)
            }
        }
    }

    fn metadata(&self) -> Response<Full<Bytes>> {
        let issuer = &self.issuer;
        json(
            StatusCode::OK,
            &json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": true,
            }),
        )
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    response
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = plain(status, &value.to_string());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
