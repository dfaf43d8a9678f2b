//! What a guest reads of a granted origin that has an endpoint. The endpoint answers with a token.

use crate::support::provider::{Endpoint, Flow, provider};

const TOKEN: &str = r#"{"access_token":"t0~k3n!"}"#;
const REFUSED: [&str; 2] = ["fetch: ErrorCode::HttpRequestDenied", "send: not-granted"];

/// A flow of the probe that may read `origin`, and send requests to `/oauth/token` of `server`.
fn flow(server: &Endpoint, origin: &str) -> Flow {
    let endpoint = server.url("/oauth/token");
    Flow::start(provider().args(["--allow-net", &endpoint, "--allow-net", origin]))
}

/// The steps that read `url` in both ways.
fn reads(url: &str) -> [String; 2] {
    [format!("fetch {url}"), format!("send GET {url}")]
}

/// The server resolves no `..`, and everything below the endpoint leads to it.
#[test]
fn a_url_that_is_not_in_its_normal_form_is_not_sent() {
    let server = Endpoint::json(TOKEN);
    let mut flow = flow(&server, &server.url(""));
    for path in [
        "/oauth/token/../../keys?code=C",
        "/oauth/token/%2e%2e/%2E%2e/keys",
        "/oauth/token/..%2f..%2fkeys",
        "/oauth/token\\..\\..\\keys",
        "/keys/../oauth/token",
        "//oauth/token",
    ] {
        let refused = flow.steps(&[format!("fetch {}", server.url(path))]);
        assert_eq!(refused, [REFUSED[0]], "{path}");
    }
    flow.host.wait_for_line("`wasi:http` allows only `GET` and `HEAD` without a body");
    assert!(server.asked().is_empty());
    let (lines, _) = flow.complete(&[format!("fetch {}", server.url("/keys?a=../b"))]);
    assert_eq!(lines, [format!("fetch: 200 {TOKEN}")]);
    assert!(server.asked()[0].head.starts_with("GET /keys?a=../b HTTP/1.1\r\n"));
}

/// Java servers remove path parameters before they resolve `..`.
#[test]
fn path_parameters_do_not_hide_an_endpoint() {
    let server = Endpoint::json(TOKEN);
    let mut flow = flow(&server, &server.url(""));
    for path in [
        "/x/..;/oauth/token",
        "/.;/oauth/token",
        "/;/oauth/token",
        "/;x/oauth/token",
        "/oauth/;/token",
        "/oauth/.;a=b/token",
        "/oauth/%3b/token",
        "/x/..%3B/oauth/token",
    ] {
        let lines = flow.steps(&reads(&server.url(path)));
        assert_eq!(lines, [REFUSED[0], "send: invalid-request"], "{path}");
    }
    for path in [
        "/oauth/token;x",
        "/oauth;x/token",
        "/oauth/token.json",
        "/index.php/oauth/token",
        "/oauth/to%E2%84%AAen",
    ] {
        assert_eq!(flow.steps(&reads(&server.url(path))), REFUSED, "{path}");
    }
    assert!(server.asked().is_empty());
    flow.complete(&reads(&server.url("/keys;x")));
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn an_endpoint_is_sealed_under_each_name_of_this_machine() {
    let server = Endpoint::json(TOKEN);
    let localhost = server.url("").replace("127.0.0.1", "localhost");
    let mut flow = flow(&server, &localhost);
    assert_eq!(flow.steps(&reads(&format!("{localhost}/oauth/token"))), REFUSED);
    assert!(server.asked().is_empty());
    let (lines, _) = flow.complete(&reads(&format!("{localhost}/keys")));
    assert_eq!(lines, [&format!("fetch: 200 {TOKEN}"), "send: 200"]);
}
