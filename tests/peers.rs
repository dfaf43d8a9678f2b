//! The eleven request shapes that 14 measured programs were put to, none of which passed all:
//! whatever comes first, the legitimate callback then still wins.

use crate::support::client::{Client, navigation};
use crate::support::host::{Host, Running};

const OPEN: &str = "https://idp.example/authorize?redirect_uri={redirect_uri}&state={state}";

/// Start a sign-in, let `first` happen, and complete it.
#[track_caller]
fn wins_after<T>(first: impl FnOnce(&Running) -> T) {
    let host = Host::run().args(["--open", OPEN]).start();
    let kept_open = first(&host);
    let page = host.navigate(&format!("/callback?code=good&state={}", host.state()));
    assert_eq!(page.status(), 200, "{}", page.head);
    assert!(page.text().contains("You can close this tab"));
    host.finish().code(0).stdout("{\"code\":\"good\"}\n");
    drop(kept_open);
}

/// Send a request that must be refused with this status.
#[track_caller]
fn refused(host: &Running, request: &str, status: u16) {
    let response = host.client().send(request.replace("{host}", &host.addr.to_string())).response();
    assert_eq!(response.status(), status, "{request}");
}

#[test]
fn plain() {
    wins_after(|_| ());
}

#[test]
fn silent_preconnect() {
    wins_after(Running::client);
}

#[test]
fn half_sent_request() {
    wins_after(|host| {
        let mut client = host.client();
        client.send("GET /callback?code=evil HTTP/1.1\r\nHost: 127");
        client
    });
}

#[test]
fn keep_alive() {
    wins_after(|host| {
        let mut client = host.client();
        client.send(
            navigation(host.addr, "/other")
                .replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n"),
        );
        assert_eq!(client.response().status(), 404);
        client
    });
}

#[test]
fn favicon_first() {
    wins_after(|host| refused(host, "GET /favicon.ico HTTP/1.1\r\nHost: {host}\r\n\r\n", 404));
}

#[test]
fn forged_error() {
    wins_after(|host| {
        refused(host, "GET /callback?error=access_denied HTTP/1.1\r\nHost: {host}\r\n\r\n", 400);
        refused(
            host,
            "GET /callback?error=access_denied&state=x HTTP/1.1\r\nHost: {host}\r\n\r\n",
            400,
        );
    });
}

#[test]
fn forged_state() {
    wins_after(|host| {
        refused(host, "GET /callback?code=evil&state=x HTTP/1.1\r\nHost: {host}\r\n\r\n", 400);
        refused(host, "GET /callback?code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n", 400);
    });
}

#[test]
fn head_first() {
    wins_after(|host| {
        let state = host.state();
        let request = format!(
            "HEAD /callback?code=good&state={state} HTTP/1.1\r\nHost: {}\r\n\r\n",
            host.addr
        );
        let head = host.client().send(request).read_to_end();
        assert!(head.starts_with(b"HTTP/1.1 405 "), "{}", String::from_utf8_lossy(&head));
    });
}

#[test]
fn options_first() {
    wins_after(|host| {
        let state = host.state();
        let preflight = format!(
            "OPTIONS /callback?code=good&state={state} HTTP/1.1\r\nHost: {{host}}\r\n\
             Origin: https://idp.example\r\nAccess-Control-Request-Method: GET\r\n\r\n"
        );
        refused(host, &preflight, 405);
    });
}

#[test]
fn callback_without_parameters() {
    wins_after(|host| refused(host, "GET /callback HTTP/1.1\r\nHost: {host}\r\n\r\n", 400));
}

#[test]
fn foreign_host() {
    wins_after(|host| {
        let state = host.state();
        let rebound =
            format!("GET /callback?code=good&state={state} HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        refused(host, &rebound, 421);
    });
}

#[test]
fn all_of_them_at_once() {
    wins_after(|host| {
        let silent: Vec<Client> = (0..20).map(|_| host.client()).collect();
        refused(host, "GET /callback?error=x HTTP/1.1\r\nHost: {host}\r\n\r\n", 400);
        refused(host, "GET /robots.txt HTTP/1.1\r\nHost: {host}\r\n\r\n", 404);
        let mut half = host.client();
        half.send("POST /callback HTTP/1.1\r\nHost: x\r\nContent-Le");
        (silent, half)
    });
}
