//! Clients with malformed, slow or no HTTP. At most one request of each connection counts, and the legitimate callback
//! still wins.

use crate::support::DEADLINE;
use crate::support::client::{navigation, request};
use crate::support::guest;
use crate::support::host::{Finished, Host, Running};

/// The memory that a host may use with a small guest: 64 MB, and the memory of the guest.
pub const MEMORY: u64 = 128 << 20;

/// Complete a sign-in after `attack`. The connections that `attack` returns stay open.
#[track_caller]
fn survives<T>(attack: impl FnOnce(&Running) -> T) -> Finished {
    survives_in(Host::run(), attack)
}

#[track_caller]
pub fn survives_in<T>(host: Host, attack: impl FnOnce(&Running) -> T) -> Finished {
    let open = "https://idp.example/authorize?redirect_uri={redirect_uri}&state={state}";
    let host = host.args(["-v", "--open", open]).start();
    let kept_open = attack(&host);
    #[cfg(target_os = "linux")]
    assert!(host.peak_memory() < MEMORY, "{}", host.peak_memory());
    let page = host.navigate(&format!("/callback?code=good&state={}", host.state()));
    assert_eq!(page.status(), 200, "{}", page.head);
    let finished = host.finish().code(0).stdout("{\"code\":\"good\"}\n");
    drop(kept_open);
    finished
}

/// Send these bytes, with `{host}` replaced. Returns the status of the answer, if there is one.
fn status(host: &Running, bytes: &str) -> Option<u16> {
    let mut client = host.client();
    let bytes = bytes.replace("{host}", &host.addr.to_string());
    let _ = client.try_send(&bytes);
    let _ = client.half_close();
    let answer = String::from_utf8_lossy(&client.read_to_end_or_reset()).into_owned();
    assert!(answer.matches("HTTP/1.1 ").count() <= 1, "more than one answer: {answer}");
    answer.starts_with("HTTP/1.").then(|| answer[9..12].parse().unwrap())
}

/// Send each request and expect its status. None of them completes the flow.
#[track_caller]
fn answers(cases: &[(&str, Option<u16>)]) {
    let host = Host::run().start();
    for (bytes, expected) in cases {
        let shown: String = bytes.chars().take(200).collect();
        assert_eq!(status(&host, bytes), *expected, "{shown:?}");
    }
    assert_eq!(host.navigate("/callback?code=good").status(), 200);
    host.finish().code(0).stdout("{\"code\":\"good\"}\n");
}

pub const FORM: &str = "POST /callback HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n";

/// The host answers valid heads with 404, because these requests are not for the callback path.
#[test]
fn malformed_heads_are_refused() {
    let long = format!("GET /x HTTP/1.1\r\nHost: {{host}}\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET /x HTTP/1.1\r\nHost: {{host}}\r\n{}\r\n", "X: 1\r\n".repeat(1000));
    let method = format!("{} /x HTTP/1.1\r\nHost: {{host}}\r\n\r\n", "G".repeat(70_000));
    answers(&[
        (&long, Some(431)),
        (&many, Some(431)),
        (&method, Some(431)),
        ("", None),
        ("\r\n\r\n", None),
        ("GET /x\r\n\r\n", Some(400)),
        ("GET /x HTTP/0.9\r\nHost: {host}\r\n\r\n", Some(400)),
        ("GET /x HTTP/1.0\r\n\r\n", Some(421)),
        ("GET /x HTTP/1.0\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET /x HTTP/1.2\r\nHost: {host}\r\n\r\n", Some(400)),
        ("GET /x HTTP/2.0\r\nHost: {host}\r\n\r\n", Some(400)),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{7c}\u{3}\u{3}", Some(400)),
        ("GET /x HTTP/1.1\r\nHost: {host}\r\nX: a\r\n b\r\n\r\n", Some(400)),
        ("GET /x HTTP/1.1\nHost: {host}\n\n", Some(404)),
        ("GET /x HTTP/1.1\rHost: {host}\r\r", Some(400)),
        ("GET  /x HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(400)),
        ("GET /\0x HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(400)),
        ("GET /x HTTP/1.1\r\nHost : {host}\r\n\r\n", Some(400)),
        ("GET /x HTTP/1.1\r\n: x\r\nHost: {host}\r\n\r\n", Some(400)),
        ("GET /x HTTP/1.1\r\nHost: {host}\r\nX: \0\r\n\r\n", Some(400)),
        ("GET /x HTTP/1.1\r\nHost: {host}\r\nX: \u{7f}\r\n\r\n", Some(400)),
    ]);
}

#[test]
fn targets_other_than_the_callback_are_refused() {
    answers(&[
        ("GET http://{host}/x HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET http://evil.example/callback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(421)),
        ("GET http://{host}@evil.example/callback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(421)),
        ("GET {host} HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(421)),
        ("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET * HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET //callback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET /./callback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET /x/../callback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET /%2fcallback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET /x%2f..%2fcallback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET /callback%00 HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET /callback; HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
        ("GET \\callback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(400)),
        ("GET callback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(421)),
        ("GET /x#/callback HTTP/1.1\r\nHost: {host}\r\n\r\n", Some(404)),
    ]);
}

/// The host refuses a request whose end is ambiguous.
#[test]
fn bodies_of_ambiguous_length_are_refused() {
    let form = |rest: &str| format!("{FORM}{rest}");
    answers(&[
        (&form("Content-Length: 6\r\nContent-Length: 7\r\n\r\ncode=xy"), Some(400)),
        (&form("Content-Length: 6, 7\r\n\r\ncode=xy"), Some(400)),
        (&form("Content-Length: +6\r\n\r\ncode=x"), Some(400)),
        (&form("Content-Length: -1\r\n\r\n"), Some(400)),
        (&form("Content-Length: 0x6\r\n\r\ncode=x"), Some(400)),
        (&form("Content-Length: 99999999999999999999\r\n\r\n"), Some(400)),
        (&form("Content-Length: 100\r\n\r\ncode=x"), Some(400)),
        (&form("Transfer-Encoding: gzip\r\n\r\ncode=x"), Some(400)),
        (&form("Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), Some(400)),
        (&form("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), Some(400)),
        (&form("Transfer-Encoding: chunked\r\n\r\nzz\r\n"), Some(400)),
        (&form("Transfer-Encoding: chunked\r\n\r\n-1\r\n"), Some(400)),
        (&form("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"), Some(400)),
        (&form("Transfer-Encoding: chunked\r\n\r\n6\r\ncode=xy\r\n0\r\n\r\n"), Some(400)),
        (&form("Transfer-Encoding: chunked\r\n\r\n6\r\ncode=x\r\n"), Some(400)),
        (
            &form(&format!(
                "Transfer-Encoding: chunked\r\n\r\n6;{}\r\ncode=x\r\n0\r\n\r\n",
                "x".repeat(70_000)
            )),
            Some(400),
        ),
        (
            &form(&format!(
                "Transfer-Encoding: chunked\r\n\r\n0\r\n{}\r\n",
                "X: 1\r\n".repeat(20_000)
            )),
            Some(400),
        ),
        (
            "GET /callback HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            Some(400),
        ),
    ]);
}

/// The host ignores the bytes after the request, whatever length the request announces.
#[test]
fn a_request_smuggled_behind_another_is_ignored() {
    let host = Host::run().args(["-v"]).start();
    let evil = "GET /callback?code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n";
    for first in [
        format!("POST /x HTTP/1.1\r\nHost: {{host}}\r\nContent-Length: 0\r\n\r\n{evil}"),
        format!(
            "POST /x HTTP/1.1\r\nHost: {{host}}\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{evil}"
        ),
        format!(
            "POST /x HTTP/1.1\r\nHost: {{host}}\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{evil}"
        ),
        format!("GET /x HTTP/1.1\r\nHost: {{host}}\r\nConnection: keep-alive\r\n\r\n{evil}"),
        format!(
            "GET /x HTTP/1.1\r\nHost: {{host}}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{evil}"
        ),
        format!(
            "GET /x HTTP/1.1\r\nHost: {{host}}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n{evil}"
        ),
        "GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n".repeat(100),
    ] {
        assert_eq!(status(&host, &first), Some(404), "{first}");
    }
    assert_eq!(host.navigate("/callback?code=good").status(), 200);
    let finished = host.finish().code(0).stdout("{\"code\":\"good\"}\n");
    assert_eq!(finished.stderr.matches("replied").count(), 1, "{}", finished.stderr);
}

#[test]
fn expect_100_continue_is_answered_after_the_checks() {
    let host = Host::run().start();
    let form = format!("{FORM}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        .replace("{host}", &host.addr.to_string());
    let mut refused = host.client();
    refused.send(form.replace("/callback", "/x"));
    assert_eq!(refused.response().status(), 404);
    let mut client = host.client();
    client.send(&form);
    assert_eq!(client.read_some(100).unwrap(), b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.send("code=good").response().status(), 200);
    host.finish().code(0).stdout("{\"code\":\"good\"}\n");
}

#[test]
fn a_request_sent_byte_by_byte_is_accepted() {
    let host = Host::run().start();
    let mut client = host.client();
    for byte in request(host.addr, "/callback?code=slow").bytes() {
        client.send([byte]);
    }
    assert_eq!(client.half_close().response().status(), 200);
    host.finish().code(0).stdout("{\"code\":\"slow\"}\n");
}

#[test]
fn an_endless_head_is_cut_off() {
    survives(|host| {
        let mut client = host.client();
        client.send(format!("GET /callback HTTP/1.1\r\nHost: {}\r\n", host.addr));
        let endless = "X-Endless: x\r\n".repeat(1000);
        let started = std::time::Instant::now();
        while client.try_send(&endless).is_ok() {
            assert!(started.elapsed() < DEADLINE, "an endless head is still read");
        }
    });
}

/// The resets happen while a callback waits, during its guest call, and while its page is sent.
#[test]
fn a_reset_during_a_guest_call_does_no_harm() {
    let host =
        Host::run().arg(guest::from_wat("large-then-spin")).args(["--max-cpu-time", "100ms"]);
    let host = host.start();
    for (path, read) in [("/callback?computes", 0), ("/callback?waiting", 0), ("/callback?page", 1)]
    {
        let mut client = host.client();
        client.send(navigation(host.addr, path));
        if read > 0 {
            assert_eq!(client.read_some(read).unwrap().len(), read);
        }
        client.reset();
    }
    assert_eq!(host.navigate("/callback?page").body.len(), 4_000_000);
    assert!(!host.stderr().contains("panicked"), "{}", host.stderr());
}

#[test]
fn a_reset_at_any_stage_does_no_harm() {
    let finished = survives(|host| {
        let request = navigation(host.addr, "/callback?code=evil");
        for sent in ["", "GET", &request[..40], &request[..request.len() - 2], &request] {
            let mut client = host.client();
            client.send(sent);
            client.reset();
        }
        let form = FORM.replace("{host}", &host.addr.to_string()) + "Content-Length: 100\r\n\r\n";
        for sent in [form.clone(), form + "code=evil"] {
            let mut client = host.client();
            client.send(sent);
            client.reset();
        }
        let mut client = host.client();
        client.send(&request).read_some(10).unwrap();
        client.reset();
    });
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
}
