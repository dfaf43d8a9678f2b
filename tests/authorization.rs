//! Guests that build the authorization URL. `host/src/authorization` has a test for each rule.

use crate::support::guest;
use crate::support::host::Host;

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
