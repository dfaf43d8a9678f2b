//! The usual flow: open, callback, page, outcome, exit.

use crate::support::client::request;
use crate::support::guest;
use crate::support::host::{BOTH, Host};

#[test]
fn the_default_guest_returns_every_parameter() {
    let host = Host::run().start();
    let page = host.navigate("/callback?code=a%2Fb&iss=https%3A%2F%2Fidp.example&scope=x+y");
    assert_eq!(page.status(), 200);
    host.finish()
        .code(0)
        .stdout("{\"code\":\"a/b\",\"iss\":\"https://idp.example\",\"scope\":\"x y\"}\n")
        .stderr("Waiting for the callback at http://127.0.0.1:PORT/callback\n");
}

#[test]
fn the_readme_example_prints_the_code() {
    let host = Host::run()
        .args([
            "--open",
            "https://github.com/login/oauth/authorize?client_id=ID&redirect_uri={redirect_uri}&state={state}",
        ])
        .start();
    let line = host.wait_for_line("Open this URL in a browser: ");
    let redirect =
        format!("redirect_uri=http%3A%2F%2F127.0.0.1%3A{}%2Fcallback&", host.addr.port());
    assert!(line.contains(&redirect), "{line}");
    host.navigate(&format!("/callback?code=abc&state={}", host.state()));
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[test]
fn a_provider_error_is_reported_as_a_failure() {
    let host = Host::run().start();
    let page = host.navigate("/callback?error=access_denied&error_description=The+user+said+no");
    assert!(page.text().contains("Access was not granted"));
    host.finish()
        .code(1)
        .stdout("{\"error\":\"access_denied\",\"error_description\":\"The user said no\"}\n")
        .stderr(
            "Waiting for the callback at http://127.0.0.1:PORT/callback\n\
             error: the sign-in failed with `access_denied`: The user said no\n",
        );
}

/// The text is untrusted: a provider, or a page that knows `state`, chooses it.
#[test]
fn the_reason_of_a_failure_is_escaped_and_truncated() {
    let host = Host::run().start();
    let long = "x".repeat(2000);
    host.navigate(&format!("/callback?error=a%0Aerror:+b&error_description=%1B%5B2J{long}"));
    let stderr = host.finish().code(1).stderr;
    let start = "\nerror: the sign-in failed with `a\\u{a}error: b`: \\u{1b}[2Jx";
    assert!(stderr.contains(start) && stderr.ends_with("x...\n"), "{stderr:?}");
    assert!(!stderr.contains(&"x".repeat(1024)), "{stderr:?}");
}

#[test]
fn a_form_post_completes_the_flow() {
    for over in BOTH {
        let host =
            Host::run().over(over).args(["--open", "https://idp.example/?state={state}"]).start();
        let state = host.state();
        let form = format!("code=abc&state={state}");
        let request = format!(
            "POST /callback HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Sec-Fetch-Mode: navigate\r\nContent-Length: {}\r\n\r\n{form}",
            host.addr,
            form.len()
        );
        assert_eq!(host.client().send(request).response().status(), 200);
        host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    }
}

#[test]
fn a_request_without_parameters_leaves_the_flow_open() {
    let host = Host::run().start();
    let page = host.navigate("/callback");
    assert_eq!(page.status(), 400);
    assert!(page.text().contains("Still waiting"));
    host.navigate("/callback?code=abc");
    host.finish().code(0);
}

#[test]
fn the_host_sets_security_headers_on_the_page() {
    for over in BOTH {
        let host = Host::run().over(over).start();
        let page = host.navigate("/callback?code=abc");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("connection", "close"),
            (
                "content-security-policy",
                "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'none'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
        ] {
            assert_eq!(page.header(name), Some(value), "{name}");
        }
    }
}

#[test]
fn a_guest_loaded_from_a_file_draws_its_own_page() {
    let host = Host::run().arg(guest::hello()).start();
    let page = host.navigate("/callback?code=abc&name=%3Cyou%3E");
    assert_eq!(
        page.text(),
        "<!DOCTYPE html><html><head></head><body><h1>Hello, &lt;you&gt;</h1>\
         <p>You can close this tab.</p></body></html>"
    );
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[test]
fn a_guest_can_be_in_text_format() {
    let binary = std::fs::read(guest::from_wat("done")).unwrap();
    let text = wasmprinter::print_bytes(&binary).unwrap();
    let host = Host::run().arg(guest::write("text.wat", text.as_bytes())).start();
    assert_eq!(host.navigate("/callback").text(), "bye");
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[test]
fn a_guest_file_can_be_named_like_a_flag() {
    let text = guest::component_with_more("done", "");
    let named = text.with_file_name("-flag.wat");
    std::fs::copy(&text, &named).unwrap();
    // Without a cache, the host passes this name to the compiler process.
    let host = Host::run().args(["--", "-flag.wat"]).env("XDG_CACHE_HOME", "/dev/null/cache");
    let host = host.current_dir(named.parent().unwrap()).start();
    assert_eq!(host.navigate("/callback").status(), 200);
    host.finish().code(0);
}

#[test]
fn pkce_and_nonce_are_printed_if_the_url_contains_them() {
    let host = Host::run()
        .args(["--open", "https://idp.example/?state={state}&c={code_challenge}&n={nonce}"])
        .start();
    host.navigate(&format!("/callback?code=abc&state={}", host.state()));
    let redirect_uri = host.redirect_uri.clone();
    let line = host.wait_for_line("Open this URL in a browser: ");
    let finished = host.finish().code(0);
    let outcome: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    let verifier = outcome["code_verifier"].as_str().unwrap();
    assert_eq!(verifier.len(), 43);
    assert!(!line.contains(verifier), "the URL contains the verifier");
    assert_eq!(outcome["redirect_uri"], redirect_uri);
    assert!(line.ends_with(&format!("&n={}", outcome["nonce"].as_str().unwrap())), "{line}");
}

#[test]
fn two_simultaneous_callbacks_use_the_code_once() {
    let host = Host::run().start();
    let request = request(host.addr, "/callback?code=abc");
    let (mut first, mut second) = (host.client(), host.client());
    first.send(&request);
    let _ = second.try_send(&request);
    assert_eq!(first.response().status(), 200);
    // The other tab gets an error or no connection, but never a second success.
    let late = second.read_to_end_or_reset();
    assert!(
        late.is_empty() || late.starts_with(b"HTTP/1.1 409 "),
        "{}",
        String::from_utf8_lossy(&late)
    );
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}
