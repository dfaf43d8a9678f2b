//! Answers that no provider should send, and too many requests. The guest gets an ordinary error, and the host lives
//! on.

use std::io::Write as _;
use std::net::TcpListener;

use crate::support::provider::{Asked, CODE, Endpoint, Flow, answer, provider, query};

const JSON: &str = "application/json";

/// What the guest gets when the endpoint answers with these bytes.
#[track_caller]
fn result(bytes: Vec<u8>) -> String {
    let endpoint = Endpoint::answering(move |_| bytes.clone());
    let steps = [
        "form client_secret secret key".to_owned(),
        format!("form code text {CODE}"),
        format!("send POST {}", endpoint.url("/token")),
        "get /access_token".to_owned(),
    ];
    let (lines, finished) = endpoint.flow().complete(&steps);
    assert!(!finished.stderr.contains("t0~k3n!"), "{}", finished.stderr);
    // Nothing is sent twice.
    assert_eq!(endpoint.asked().len(), 1);
    lines.join(", ")
}

#[test]
fn an_answer_that_is_not_understood_is_an_ordinary_error() {
    let not_understood = "send: not-understood, get: no answer";
    for (status, content_type, body) in [
        ("200 OK", "text/html", "<!DOCTYPE html><title>Sign in</title>"),
        ("200 OK", JSON, ""),
        ("204 No Content", JSON, ""),
        ("200 OK", JSON, "t0~k3n!"),
        ("200 OK", JSON, "\"t0~k3n!\""),
        ("200 OK", JSON, "{\"access_token\":\"t0~k3n!\""),
        ("200 OK", JSON, "{\"access_token\":\"t0~k3n!\"}}"),
        ("200 OK", JSON, "{\"access_token\":\"a\",\"access_token\":\"t0~k3n!\"}"),
        ("200 OK", JSON, "{\"access_token\":\"a\",\"access\\u005ftoken\":\"t0~k3n!\"}"),
        ("200 OK", "application/x-www-form-urlencoded", "access_token=a&access%5Ftoken=b"),
        ("200 OK", "image/png", "access_token=a"),
    ] {
        assert_eq!(result(answer(status, content_type, body)), not_understood, "{body}");
    }
    // An error has a status even then.
    for (status, content_type, body) in [
        ("401 Unauthorized", JSON, ""),
        ("500 Internal Server Error", "text/plain", "Internal error t0~k3n!"),
        ("503 Service Unavailable", "text/html", "<!DOCTYPE html><title>t0~k3n!</title>"),
        ("503 Service Unavailable", JSON, "{\"access_token\":\"a\",\"access_token\":\"b\"}"),
    ] {
        let only_status = format!("send: {}, get: nothing", &status[..3]);
        assert_eq!(result(answer(status, content_type, body)), only_status, "{status}");
    }
    // The counter-check.
    let form = answer("200 OK", "text/plain", "access_token=t0~k3n!&scope=");
    assert_eq!(result(form), "send: 200, get: secret");
}

#[test]
fn bytes_that_are_not_utf_8_are_not_understood() {
    let mut bytes = answer("200 OK", JSON, "{\"access_token\":\"t0~k3n!?\"}");
    let at = bytes.iter().rposition(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xe9;
    assert_eq!(result(bytes), "send: not-understood, get: no answer");
}

#[test]
fn a_redirect_is_not_followed() {
    let endpoint = Endpoint::answering(|asked| {
        if asked.head.contains("/token ") {
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"
                .into()
        } else {
            answer("200 OK", JSON, "{}")
        }
    });
    let send = format!("send POST {}", endpoint.url("/token"));
    let host = provider().args(["--allow-net", &endpoint.url("/token")]);
    let host = host.args(["--allow-net", &endpoint.url("/other")]);
    let steps = ["form client_secret secret key", &send, "status"];
    let (lines, _) = Flow::start(host).complete(&steps);
    assert_eq!(lines, ["send: redirect", "status: no answer"]);
    assert_eq!(endpoint.asked().len(), 1);
}

#[test]
fn an_incomplete_or_invalid_response_is_an_ordinary_error() {
    for (bytes, error) in [
        (&b""[..], "connection"),
        (b"HTTP/1.1 200 OK\r\nContent-", "connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"a\":1}", "connection"),
        (b"\x00\xff\x16\x03garbage\r\n\r\n", "not-understood"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            "not-understood",
        ),
    ] {
        assert_eq!(
            result(bytes.to_vec()),
            format!("send: {error}, get: no answer"),
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn an_answer_that_is_too_large_is_cut() {
    for size in [65 << 10, 10_000_000] {
        let body = format!("{{\"access_token\":\"{}\"}}", "t0~k3n!".repeat(size / 7));
        assert_eq!(result(answer("200 OK", JSON, &body)), "send: limit, get: no answer", "{size}");
    }
    let many = format!("[{}0]", "0,".repeat(17_000));
    assert_eq!(result(answer("200 OK", JSON, &many)), "send: limit, get: no answer");
}

#[test]
fn an_endless_answer_is_cut() {
    let endpoint = Endpoint::serving(|_, stream| {
        let mut sent =
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[");
        while sent.is_ok() {
            sent = stream.write_all(&b"\"t0~k3n!\",".repeat(6_000));
        }
    });
    let send = format!("send POST {}", endpoint.url("/token"));
    let mut flow = endpoint.flow();
    assert_eq!(flow.steps(&["form client_secret secret key", &send]), ["send: limit"]);
    flow.host.wait_for_line("the response body has more than 1048576 bytes");
    flow.complete(&[""; 0]);
}

#[test]
fn a_provider_that_is_down_is_an_ordinary_error() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/token");
    let mut flow = Flow::start(provider().args(["--allow-net", &url]));
    let steps = ["form client_secret secret key".to_owned(), format!("send POST {url}")];
    assert_eq!(flow.steps(&steps), ["send: connection"]);
    let line = flow.host.wait_for_line("warning: cannot reach `127.0.0.1");
    assert!(line.contains("cannot connect: Connection refused"), "{line}");
    flow.complete(&[""; 0]);
}

#[test]
fn a_thousand_requests_reach_the_limit_and_the_host_lives_on() {
    let endpoint = Endpoint::json("{}");
    let url = endpoint.url("/token");
    let mut flow = endpoint.flow();
    let steps = [format!("loop 1000 POST {url}")];
    assert_eq!(flow.host.navigate(&format!("/callback?{}", query(&steps))).status(), 500);
    let line = flow.host.wait_for_line("the guest reached its limit");
    assert!(line.contains("of 16 outgoing requests: still waiting; raise it with"), "{line}");
    let asked = endpoint.asked().len();
    assert!((1..=16).contains(&asked), "{asked}");
    assert_eq!(flow.steps(&[format!("loop 3 POST {url}")]), ["loop: 3 200"]);
    // The counter-check: more are allowed with the flag that the message names.
    let host = provider().args(["--max-outgoing-requests", "40", "--max-outgoing-data", "10MiB"]);
    let mut other = Flow::start(host.args(["--allow-net", &url]));
    assert_eq!(other.steps(&[format!("loop 40 POST {url}")]), ["loop: 40 200"]);
}

/// The guest gets a short error. The person sees the reason, and what would allow the request.
#[test]
fn a_person_sees_why_a_request_failed() {
    let answer_of = |asked: &Asked| match asked.field("case").as_deref() {
        Some("redirect") => answer("302 Found\r\nLocation: /login?code=1", JSON, "{}"),
        Some("page") => answer("200 OK", "text/html", "<title>t0~k3n!</title>"),
        Some("large") => answer("200 OK", JSON, &format!("\"{}\"", "x".repeat(65 << 10))),
        _ => answer("200 OK", JSON, "{}"),
    };
    for (steps, error, reason) in [
        (
            &["form case text redirect"][..],
            "redirect",
            "the answer is a redirect, which is not followed: use the final URL",
        ),
        (
            &["form case text page"],
            "not-understood",
            "the answer is neither JSON nor a form, or a name occurs twice in it",
        ),
        (
            &["form case text large"],
            "limit",
            "a value or the answer is too large: expected at most 16 KiB and 64 KiB",
        ),
        (
            &["form state secret key"],
            "not-allowed-there",
            "its grant does not list `state` in `secrets`",
        ),
        (&["header x-a 1"], "not-allowed-there", "its grant does not list `x-a` in `headers`"),
        (
            &["form a text 1", "form a text 2"],
            "invalid-request",
            "the guest's request is invalid or too large",
        ),
        // The counter-check.
        (&["form case text good"], "200", ""),
    ] {
        let endpoint = Endpoint::answering(answer_of);
        let url = endpoint.url("/token");
        let send = format!("send POST {url}");
        let (lines, finished) = endpoint.flow().complete(&[steps, &[&*send]].concat());
        assert_eq!(lines, [format!("send: {error}")]);
        let warning = format!("warning: problem with the guest's request to `{url}`: {reason}\n");
        assert_eq!(finished.stderr.contains(&warning), !reason.is_empty(), "{}", finished.stderr);
        assert!(!finished.stderr.contains("t0~k3n!") && !finished.stderr.contains("/login"));
    }
}
