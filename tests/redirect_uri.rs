//! A redirect URI that differs from the address on which the host listens.

use std::fs;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use crate::support::client::{Client, Response, navigation};
use crate::support::guest;
use crate::support::host::{Host, Running};
use crate::support::provider::{CODE, Endpoint, SECRET};
use crate::support::tls::Authority;

const BOUNCE: &str = "https://login.example.org/callback";
const OPEN: &str = "https://idp.example/a?redirect_uri={redirect_uri}&state={state}";
const PKCE: &str = "&code_challenge={code_challenge}&code_challenge_method=S256";

fn run(redirect_uri: &str) -> Host {
    Host::run().args(["--redirect-uri", redirect_uri])
}

/// The address that the host listens on, which the redirect URI does not name.
#[track_caller]
fn address(host: &Running) -> SocketAddr {
    let line = host.wait_for_line("Listening on ");
    line.trim_start_matches("Listening on ").trim_end_matches('.').parse().unwrap()
}

/// Request this path under the name `authority`, as a browser tab behind a port forward does.
#[track_caller]
fn navigate(addr: SocketAddr, authority: &str, path_with_query: &str) -> Response {
    let named =
        navigation(addr, path_with_query).replace(&format!("Host: {addr}"), "Host: AUTHORITY");
    assert!(named.contains("AUTHORITY"));
    Client::connect(addr).send(named.replace("AUTHORITY", authority)).response()
}

/// Request the callback as a tab that a bounce sends on, and follow a redirect to the last page.
#[track_caller]
fn bounced(addr: SocketAddr, query: &str) -> Response {
    let authority = addr.to_string();
    let response = navigate(addr, &authority, &format!("/callback?{query}"));
    match response.last_page() {
        Some(path) => navigate(addr, &authority, path),
        None => response,
    }
}

#[test]
fn the_provider_the_caller_and_the_outcome_get_the_given_redirect_uri() {
    let host = run(BOUNCE).args(["--open", &format!("{OPEN}{PKCE}")]).start();
    let addr = address(&host);
    let line = host.wait_for_line("Open this URL in a browser: ");
    let encoded = "redirect_uri=https%3A%2F%2Flogin.example.org%2Fcallback&";
    assert!(line.contains(encoded), "{line}");
    let state = host.state();
    assert_eq!(state.len(), 37);
    assert_eq!(state[..5].parse(), Ok(addr.port()));
    let wrong = format!("{}{}", &state[..36], if state.ends_with('0') { '1' } else { '0' });
    for wrong in [&wrong, &state[..36], &state[5..], &format!("{state}0")] {
        let refused = bounced(addr, &format!("code=abc&state={wrong}"));
        assert_eq!(refused.status(), 400, "{wrong}");
    }
    assert_eq!(bounced(addr, &format!("code=abc&state={state}")).status(), 200);
    let outcome: Value = serde_json::from_str(&host.finish().code(0).stdout).unwrap();
    assert_eq!(outcome["code"], "abc");
    assert_eq!(outcome["redirect_uri"], BOUNCE);
}

#[test]
fn without_a_redirect_uri_state_has_256_random_bits() {
    let host = Host::run().args(["--open", OPEN]).start();
    assert_eq!(host.state().len(), 43);
    assert!(!host.stderr().contains("Listening on "), "{}", host.stderr());
}

#[test]
fn the_token_request_has_the_given_redirect_uri() {
    let idp = Endpoint::json(r#"{ "access_token": "t0ken", "token_type": "Bearer" }"#);
    let origin = idp.url("");
    let preset = format!(
        "[config]\nauthorization_endpoint = \"{origin}/authorize\"\ntoken_endpoint = \"{origin}/token\"\n\
         [grants]\nopen = [\"{origin}\"]\n\
         [[grants.endpoint]]\nurl = \"{origin}/token\"\nsecrets = [\"code_verifier\"]\n"
    );
    let file = guest::write("behind-a-bounce.toml", preset.as_bytes());
    let host = run(BOUNCE).arg(file).args(["--config", "client_id=bot"]).start();
    let (addr, state) = (address(&host), host.state());
    assert_eq!(state[..5].parse(), Ok(addr.port()));
    assert_eq!(bounced(addr, &format!("code={CODE}&state={state}")).status(), 200);
    host.finish().code(0);
    let [asked] = &idp.asked()[..] else { panic!("expected one request") };
    assert_eq!(asked.field("redirect_uri").as_deref(), Some(BOUNCE));
}

#[test]
fn the_authority_of_the_redirect_uri_is_accepted_in_host() {
    let uri = "https://login.example.org:8443/callback";
    let host = run(uri).args(["--open", &format!("{OPEN}{PKCE}")]).start();
    let addr = address(&host);
    let query = format!("/callback?code=abc&state={}", host.state());
    for foreign in [
        "login.example.org",
        "login.example.org:443",
        "evil.example:8443",
        "login.example.org.evil.example:8443",
        "login.example.org:8443@evil.example",
    ] {
        assert_eq!(navigate(addr, foreign, &query).status(), 421, "{foreign}");
    }
    let accepted = navigate(addr, "LOGIN.example.org:8443", &query);
    assert!(accepted.last_page().is_some(), "{}", accepted.head);
}

/// Forward one port, as `ssh -L` does. Returns the forwarded address, and where to send the address that it leads to.
fn forward() -> (SocketAddr, mpsc::Sender<SocketAddr>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (target, targets) = mpsc::channel();
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        })
    };
    thread::spawn(move || {
        let target: SocketAddr = targets.recv().unwrap();
        for client in listener.incoming().map_while(Result::ok) {
            // After the end of the run, nothing listens there.
            let Ok(server) = TcpStream::connect(target) else { continue };
            copy(client.try_clone().unwrap(), server.try_clone().unwrap());
            copy(server, client);
        }
    });
    (addr, target)
}

#[test]
fn a_callback_through_a_port_forward_completes_the_flow() {
    let (forwarded, target) = forward();
    let redirect_uri = format!("http://localhost:{}/callback", forwarded.port());
    let events = guest::private("forwarded.jsonl", b"");
    let host = run(&redirect_uri).args(["--open", OPEN]).arg("--events").arg(&events).start();
    target.send(address(&host)).unwrap();
    let authority = format!("localhost:{}", forwarded.port());
    let query = format!("/callback?code=abc&state={}", host.state());
    let done = navigate(forwarded, &authority, &query);
    let page = navigate(forwarded, &authority, done.last_page().unwrap());
    assert!(page.text().contains("All done here"), "{}", page.text());
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    let events = fs::read_to_string(events).unwrap();
    assert!(events.contains("\"delivered\":true"), "{events}");
}

/// `ssh -L 9999:127.0.0.1:PORT` changes the port that the browser uses, and nothing else.
#[test]
fn behind_a_port_forward_the_path_is_that_of_the_redirect_uri() {
    let host = run("http://localhost:9999/sign-in").start();
    let addr = address(&host);
    assert_eq!(navigate(addr, "localhost:9999", "/callback?code=abc").status(), 404);
    let done = navigate(addr, "localhost:9999", "/sign-in?code=abc");
    let page = navigate(addr, "localhost:9999", done.last_page().unwrap());
    assert_eq!(page.status(), 200);
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");

    let host = run("http://localhost:9999/sign-in").args(["--path", "/other"]).start();
    let addr = address(&host);
    assert_eq!(navigate(addr, "localhost:9999", "/sign-in?code=abc").status(), 404);
    assert!(navigate(addr, "localhost:9999", "/other?code=abc").last_page().is_some());
}

#[test]
fn a_code_that_another_host_could_use_needs_permission() {
    let refused = "the code would pass through `login.example.org`, which could use it: the sign-in has \
                   neither PKCE (RFC 7636) nor the secret `client_secret`\n\
                   hint: add `code_challenge={code_challenge}&code_challenge_method=S256` to `--open`, or give the \
                   secret `client_secret`; if you trust that host with the code, use `--allow-unprotected-code`\n";
    let refuses = |host: Host| {
        let finished = host.env("THE_SECRET", SECRET).finish().code(2).stdout("");
        finished.stderr(&format!("error: {refused}"));
    };
    let starts = |host: Host| {
        let host = host.env("THE_SECRET", SECRET).start_unseen();
        host.wait_for_line("Waiting for the callback at ");
        host.wait_for_line("Open this URL in a browser: ");
    };
    let open = |url: &str| run(BOUNCE).args(["--open", url]);
    refuses(run(BOUNCE));
    refuses(open(OPEN));
    refuses(open(&format!("{OPEN}&code_challenge={{code_challenge}}")));
    refuses(open(&format!("{OPEN}&code_challenge_method=S256&code_challenge=own")));
    refuses(open(OPEN).args(["--secret", "other=env:THE_SECRET"]));
    starts(open(&format!("{OPEN}{PKCE}")));
    starts(open(OPEN).arg("--allow-unprotected-code"));
    starts(open(OPEN).args(["--secret", "client_secret=env:THE_SECRET"]));
    // A code that stays on this machine needs nothing.
    starts(Host::run().args(["--redirect-uri", "https://localhost:8443/callback", "--open", OPEN]));
}

/// A guest without PKCE, which its grants allow.
#[test]
fn the_code_of_a_guests_sign_in_needs_permission_too() {
    let grants = guest::write("bounce.toml", b"open = ['https://idp.example']\npkce = false\n");
    let run = |guest: &PathBuf| run(BOUNCE).arg(guest).arg("--grants").arg(&grants);
    let without = guest::edited_provider("authorizer", "authorizer-no-pkce", |text| {
        assert!(text.contains("&code_challenge=") && text.contains("code_challenge_method=S256"));
        text.replace("&code_challenge=", "&code_challengx=")
            .replace("code_challenge_method=S256", "acode_challenge=aaaaaaaaaa")
    });
    let stderr = run(&without).finish().code(2).stdout("").stderr;
    assert!(stderr.contains("error: the code would pass through `login.example.org`"), "{stderr}");
    let host = run(&without).arg("--allow-unprotected-code").start();
    assert_eq!(host.state().len(), 37);
    let with = guest::component("authorizer", "provider", "");
    run(&with).start().wait_for_line("Open this URL in a browser: ");
}

#[test]
fn an_invalid_redirect_uri_is_refused() {
    for (uri, reason) in [
        ("http://login.example.org/callback", "expected `https`, because `http` is only allowed"),
        ("https://login.example.org/callback#x", "expected a URL without a fragment"),
        ("myapp:/callback", "expected a URL that starts with `https://`"),
        ("https://login.example.org/a b", "expected a URL without spaces"),
    ] {
        let stderr = run(uri).finish().code(2).stdout("").stderr;
        let start = format!("error: invalid value '{uri}' for '--redirect-uri <URL>': {reason}");
        assert!(stderr.starts_with(&start), "{stderr}");
    }
    let alone = Host::run().arg("--allow-unprotected-code").finish().code(2).stderr;
    assert!(alone.contains("--redirect-uri <URL>"), "{alone}");
}

#[test]
fn a_certificate_is_for_the_host_of_the_redirect_uri() {
    let flags = Authority::new("redirect").issue(&["dev.example", "localhost"]).flags("redirect");
    let with = |uri: &str| run(uri).args(&flags).args(["--open", &format!("{OPEN}{PKCE}")]);
    with("https://dev.example:8443/callback").start().wait_for_line("Open this URL in a browser: ");
    let other = with("https://login.example.org/callback").finish().code(2).stdout("").stderr;
    let error = "error: the certificate is not for `login.example.org`, the host of the redirect URI: it is for";
    assert!(other.starts_with(error), "{other}");
    let hint = "hint: make a certificate for this host, such as with `mkcert login.example.org`\n";
    assert!(other.ends_with(hint), "{other}");
    let plain = with("http://localhost:8080/callback").finish().code(2).stdout("");
    plain.stderr(
        "error: cannot receive a callback to `http://localhost:8080/callback`: \
         with a certificate, the host listens for `https`\n\
         hint: give an `https` redirect URI, or remove `--tls-cert` and `--tls-key`\n",
    );
}

#[test]
fn a_provider_that_refuses_loopback_gets_no_warning_for_a_given_redirect_uri() {
    let secret = "client_secret=env:THE_SECRET";
    let slack = |host: Host| {
        host.env("THE_SECRET", SECRET)
            .args(["slack", "--config", "client_id=1", "--config", "scope=chat:write"])
            .args(["--secret", secret])
    };
    let host = slack(run(BOUNCE)).start();
    host.wait_for_line("Open this URL in a browser: ");
    assert!(!host.stderr().contains("warning"), "{}", host.stderr());
    slack(Host::run()).start().wait_for_line("warning: Slack");
}
