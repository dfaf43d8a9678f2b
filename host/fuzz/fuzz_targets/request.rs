//! Fuzz connections with arbitrary bytes. At most one request reaches a guest, and it has passed every check.

#![no_main]

use std::convert::Infallible;
use std::sync::LazyLock;
use std::sync::Mutex;

use curtaincall::internals::request::{self, Admitted, Rules, Scheme};
use curtaincall::internals::sandbox;
use curtaincall::internals::session::Session;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt as _;
use tokio::runtime::Runtime;

const AUTHORITY: &str = "127.0.0.1:8080";
const ISSUER: &str = "https://idp.example";

static SESSION: LazyLock<Session> =
    LazyLock::new(|| Session::issue(format!("http://{AUTHORITY}/callback")).unwrap());
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap());

fuzz_target!(|input: &[u8]| {
    let admitted = RUNTIME.block_on(serve(&filled_in(input)));
    assert!(admitted.len() <= 1, "two requests on one connection");
    admitted.iter().for_each(check);
});

/// Insert the `state` of this run into the input, because the fuzzer cannot guess it.
fn filled_in(input: &[u8]) -> Vec<u8> {
    const PLACEHOLDER: &[u8] = b"{state}";
    let mut filled = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some(at) = rest.windows(PLACEHOLDER.len()).position(|window| window == PLACEHOLDER) {
        filled.extend(&rest[..at]);
        filled.extend(SESSION.state().expose().as_bytes());
        rest = &rest[at + PLACEHOLDER.len()..];
    }
    filled.extend(rest);
    filled
}

async fn serve(input: &[u8]) -> Vec<sandbox::Request> {
    let rules = Rules {
        scheme: Scheme::Http,
        authorities: vec![AUTHORITY.to_owned(), "localhost:8080".to_owned()],
        path: "/callback".parse().unwrap(),
        state: Some(SESSION.state().clone()),
        issuer: Some(ISSUER.to_owned()),
        link: Some("/link".to_owned().into()),
        last_page: Some("/callback/page".to_owned().into()),
    };
    let admitted = Mutex::new(Vec::new());
    let service = service_fn(async |request: Request<Incoming>| {
        if let Ok(Admitted::Callback(request)) = rules.admit(request, |_| ()).await {
            admitted.lock().unwrap().push(request);
        }
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let (mut client, server) = tokio::io::duplex(input.len() + 4096);
    client.write_all(input).await.unwrap();
    client.shutdown().await.unwrap();
    let connection = request::protocol().serve_connection(TokioIo::new(server), service);
    // Invalid input is an error of the connection. Only admitted requests matter here.
    let _ = connection.await;
    admitted.into_inner().unwrap()
}

fn check(request: &sandbox::Request) {
    assert!(["GET", "POST"].contains(&&*request.method));
    assert!(
        [AUTHORITY, "localhost:8080"].iter().any(|a| a.eq_ignore_ascii_case(&request.authority))
    );
    let (path, query) =
        request.path_with_query.split_once('?').unwrap_or((&request.path_with_query, ""));
    assert_eq!(path, "/callback");
    assert!(request.body.len() <= 1 << 20);
    assert!(request.headers.len() <= 100);
    let mut is_form = false;
    for (name, value) in &request.headers {
        assert!(!["cookie", "authorization"].contains(&&**name), "{name} reached the guest");
        assert!(
            !value.iter().any(|byte| b"\r\n\0".contains(byte)),
            "{name} has a control character"
        );
        is_form |= name == "content-type"
            && String::from_utf8_lossy(value)
                .to_lowercase()
                .contains("application/x-www-form-urlencoded");
        let expected: &[u8] = match &**name {
            "sec-fetch-mode" => b"navigate",
            "sec-fetch-dest" => b"document",
            _ => continue,
        };
        assert_eq!(value, expected);
    }
    let form: &[u8] = if is_form { &request.body } else { b"" };
    let all = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(form));
    let all: Vec<_> = all.collect();
    let values = |wanted: &str| {
        all.iter().filter(|(name, _)| name == wanted).map(|(_, value)| &**value).collect::<Vec<_>>()
    };
    assert_eq!(values("state"), [SESSION.state().expose()]);
    assert_eq!(values("iss"), [ISSUER]);
    assert!(values("code").len() <= 1 && values("error").len() <= 1);
}
