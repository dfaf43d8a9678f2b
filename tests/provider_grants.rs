//! What only a person can decide: where the browser goes.

use std::net::TcpListener;

use crate::support::guest;
use crate::support::host::Host;
use crate::support::provider::{SECRET, assert_clean};

/// The counter-check of the next test.
#[test]
fn a_guest_opens_an_authorization_url_with_the_values_of_this_run() {
    let guest = guest::component("authorizer-session", "provider", "");
    let finished = Host::run().arg(&guest).finish().code(3).stdout("");
    finished.stderr(
        "Waiting for the callback at http://127.0.0.1:PORT/callback\n\
         error: the guest could not start the flow: its authorization URL leads to \
         `https://idp.example`, which is not granted\n\
         hint: if you trust this site, allow it with `--allow-open https://idp.example`\n",
    );
    let host = Host::run().arg(&guest).args(["--allow-open", "https://idp.example"]).start();
    let line = host.wait_for_line("Open this URL in a browser: ");
    let redirect_uri = format!("&redirect_uri={}&", host.redirect_uri);
    assert!(line.contains(&redirect_uri), "{line}");
    assert_eq!(host.state().len(), 43);
}

/// How the host refuses an authorization URL. In `url`, `PORT` is the port of the listener.
#[track_caller]
fn refused(url: &str) -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let host = Host::run()
        .arg(guest::starts(&format!("refused-{port}"), &url.replace("PORT", &port), None))
        .env("PROBE_SECRET", SECRET)
        .args(["--port", &port, "--allow-open", "https://idp.example"])
        .args(["--secret", "key=env:PROBE_SECRET"]);
    let finished = host.finish().code(3).stdout("");
    assert_clean("message", &finished.stderr, SECRET);
    let line = finished.stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
    line.trim_start_matches("error: the guest could not start the flow: ").to_owned()
}

#[test]
fn the_browser_opens_only_an_authorization_url_of_this_run() {
    let good = "https://idp.example/authorize?response_type=code\
                &redirect_uri=http%3A%2F%2F127.0.0.1%3APORT%2Fcallback";
    let with = |more: &str| format!("{good}{more}");
    for (url, reason) in [
        ("http://idp.example/a", "unsupported scheme `http` of its authorization URL"),
        ("javascript:alert(1)", "unsupported scheme `javascript` of its authorization URL"),
        ("file:///etc/passwd", "unsupported scheme `file` of its authorization URL"),
        ("https://evil.example/a", "leads to `https://evil.example`, which is not granted"),
        ("https://idp.example:8443/a", "leads to `https://idp.example:8443`, which is not"),
        ("https://idp.example@evil.example/a", "contains a user name or a password"),
        ("https://idp.example/a#state=x", "has a fragment"),
        ("https://idp.example/a?request_uri=https://evil.example", "contains `request_uri`"),
        ("https://idp.example/a?request=x", "contains `request`"),
        ("https://idp.example/a?response_type=token", "wrong `response_type`"),
        ("https://idp.example/a?response_type=code", "missing `redirect_uri`"),
        (&with(""), "missing `state`"),
        (&with("&state=a"), "wrong `state`"),
        (&with("&state=a&%73tate=b"), "duplicate `state`"),
        (&with("&%73tate=a&%73%74ate=b"), "duplicate `state`"),
        (&with("&STATE=a"), "that some servers read as `state`"),
        (&with("&state[]=a"), "that some servers read as `state`"),
        (&with("&redirect[uri=https://evil.example"), "invalid parameter name `redirect[uri` in"),
        (&with("&redirect%5Buri=https://evil.example"), "invalid parameter name `redirect[uri` in"),
        (&with("&]redirect_uri=https://evil.example"), "invalid parameter name `]redirect_uri` in"),
        (&with("&code[challenge.method=plain"), "invalid parameter name `code[challenge.method`"),
        (&with("&%u0072edirect_uri=x"), "invalid parameter name `%u0072edirect_uri` in"),
        (&with(&format!("&state={SECRET}")), "contains the value of the secret `key`;"),
        (
            "https://idp.example/a?x=pW%7E7%21kQ%242%7ExV%219d%24Lm%7E4",
            "contains the value of the secret `key`; if the secret is short, this may be",
        ),
    ] {
        let shown = refused(url);
        assert!(shown.contains(reason), "{url}: {shown}");
    }
    let wrong = good.replace("callback", "elsewhere");
    assert!(refused(&wrong).contains("wrong `redirect_uri`"), "{wrong}");
}
