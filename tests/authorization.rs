//! Guests that build the authorization URL. `host/src/authorization` has a test for each rule.

use serde_json::json;

use crate::support::guest;
use crate::support::host::Host;
use crate::support::provider::{Asked, Endpoint, answer};

const ALLOW_OPEN: [&str; 2] = ["--allow-open", "https://idp.example"];

#[test]
fn an_authorizer_guest_starts_the_flow() {
    let guest = guest::component("authorizer", "provider", "");
    let host = Host::run().arg(guest).args(ALLOW_OPEN).start();
    let line = host.wait_for_line("Open this URL in a browser: ");
    let (_, url) = line.split_once("browser: ").unwrap();
    let redirect_uri = &host.redirect_uri;
    let start = format!(
        "https://idp.example/authorize?response_type=code&code_challenge_method=S256&redirect_uri={redirect_uri}&state="
    );
    assert!(url.starts_with(&start), "{url}");
    // The guest is an authorizer, so the host checks `state`. The guest traps in its handler.
    assert_eq!(host.navigate("/callback?code=abc").status(), 400);
    assert_eq!(host.navigate("/callback?code=abc&state=STATE").status(), 400);
    assert_eq!(host.navigate(&format!("/callback?code=abc&state={}", host.state())).status(), 500);
}

#[test]
fn an_authorization_url_that_is_not_granted_is_not_opened() {
    let guest = guest::component("authorizer", "provider", "");
    for other in [None, Some("--allow-open=https://other.example")] {
        let finished = Host::run().arg(&guest).args(other).finish().code(3).stdout("");
        finished.stderr(
            "Waiting for the callback at http://127.0.0.1:PORT/callback\n\
             error: the guest could not start the flow: its authorization URL leads to `https://idp.example`, which is not granted\n\
             hint: if you trust this site, allow it with `--allow-open https://idp.example`\n",
        );
    }
}

/// Each guest differs in one place from the one that starts the flow.
#[test]
fn an_authorization_url_that_is_not_for_this_run_is_not_opened() {
    for (name, from, to, error) in [
        ("state", "(call $state", "(call $code_challenge", "wrong `state`"),
        ("redirect", "(call $redirect_uri", "(call $state", "wrong `redirect_uri`"),
        ("challenge", "(call $code_challenge", "(call $state", "wrong `code_challenge`"),
        ("method", "_method=S256", "_method=none", "wrong `code_challenge_method`"),
        ("type", "response_type=code", "response_type=both", "wrong `response_type`"),
        ("missing", "\"&state=\"", "\"&stete=\"", "missing `state`"),
        ("twice", "/authorize?response", "/a?%73tate&response", "duplicate `state`"),
        ("scheme", "https://idp.example/a", "http://idp.example/aa", "unsupported scheme `http`"),
    ] {
        let guest = guest::edited_provider("authorizer", &format!("authorizer-{name}"), |text| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        let finished = Host::run().arg(guest).args(ALLOW_OPEN).finish().code(3).stdout("");
        let error = format!("error: the guest could not start the flow: {error}");
        assert!(finished.stderr.contains(&error), "{name}: {}", finished.stderr);
        assert!(!finished.stderr.contains("Open this URL"), "{name}: {}", finished.stderr);
    }
}

const CONFIG: [&str; 10] = [
    "--config",
    "client_id=bot",
    "--config",
    "authorization_endpoint=https://idp.example/authorize",
    "--config",
    "token_endpoint=https://login.example/token",
    "--config",
    "userinfo_endpoint=https://api.example/me",
    "--config",
    "account=/login",
];

/// Otherwise a person learns of each missing grant after a sign-in of its own.
#[test]
fn one_message_names_every_grant_that_a_sign_in_needs() {
    let host = |grants: &[&str]| Host::run().arg("oauth2").args(CONFIG).args(grants);
    host(&[]).finish().code(3).stdout("").stderr(
        "Waiting for the callback at http://127.0.0.1:PORT/callback\n\
         error: the guest could not start the flow: its authorization URL leads to `https://idp.example`, \
         and it needs `https://login.example/token`, `https://api.example/me`, which are not granted\n\
         hint: if you trust these sites, allow them with `--allow-open https://idp.example \
         --allow-net https://login.example/token --allow-net https://api.example/me`\n",
    );
    let some =
        ["--allow-open", "https://idp.example", "--allow-net", "https://login.example/token"];
    let stderr = host(&some).finish().code(3).stdout("").stderr;
    let error = "error: the guest could not start the flow: it needs `https://api.example/me`, which is not granted\n\
                 hint: if you trust this site, allow it with `--allow-net https://api.example/me`\n";
    assert!(stderr.ends_with(error), "{stderr}");
    // An origin is no endpoint: a secret would not be sent there.
    let origin = [&some[..], &["--allow-net", "https://api.example"]].concat();
    assert!(host(&origin).finish().code(3).stderr.ends_with(error));
    // Counter-check: the flags of the hint are enough. `host call` checks the same.
    let all = [&some[..], &["--allow-net", "https://api.example/me"]].concat();
    let opened = host(&all).start().wait_for_line("Open this URL in a browser: ");
    assert!(opened.contains("https://idp.example/authorize?response_type=code&client_id=bot&"));
    let call = Host::bare().args(["call", "oauth2", "--authorize"]).args(CONFIG).args(some);
    assert!(call.finish().code(3).stderr.ends_with(error));
}

/// A discovery document must be readable, so the flag to copy names its origin.
#[test]
fn the_hint_for_a_discovery_document_makes_it_readable() {
    let document = |asked: &Asked| {
        let host = asked.head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let issuer = format!("http://{host}");
        let document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
        });
        answer("200 OK", "application/json", &document.to_string())
    };
    let provider = Endpoint::answering(document);
    let (issuer, token) = (provider.url(""), provider.url("/token"));
    let config = format!("issuer={issuer}");
    let host = |grants: &[&str]| {
        let host = Host::run().args(["oauth2", "--config", "client_id=bot", "--config", &config]);
        host.args(grants)
    };
    let refused = host(&[]).finish().code(1).stderr;
    let hint = format!("it is not granted; allow it with `--allow-net {issuer}`\n");
    assert!(refused.contains(&hint), "{refused}");
    let refused = host(&["--allow-net", &issuer]).finish().code(3).stderr;
    let hint = format!("allow them with `--allow-open {issuer} --allow-net {token}`\n");
    assert!(refused.ends_with(&hint), "{refused}");
    let all = ["--allow-net", &issuer, "--allow-open", &issuer, "--allow-net", &token];
    host(&all).start().wait_for_line("Open this URL in a browser: ");
}
