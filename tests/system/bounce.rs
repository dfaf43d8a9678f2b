//! The bounce on the servers `wasmtime serve` and `jco serve`, which run the same file and must answer the same.

use crate::support::client::{Client, Response};
use crate::support::server::Server;

tests! {
    Wasmtime:
        wasmtime_serve_answers_each_request_as_expected,
        a_form_that_never_ends_is_ended_by_the_timeout_of_the_server;
    Jco: jco_serve_answers_each_request_as_expected;
}

const RANDOM: &str = "0123456789abcdef0123456789abcdef";

/// A part of every request that must not appear in the output of a server.
const CODE: &str = "a-c0de-that-n0body-logs";

/// Fields of every answer of the bounce.
const FIELDS: [(&str, &str); 7] = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-language", "en"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
];

fn wasmtime_serve_answers_each_request_as_expected() {
    answers_each_request_as_expected(&Server::wasmtime());
}

/// Counter-check: the same server answers a form that is whole.
fn a_form_that_never_ends_is_ended_by_the_timeout_of_the_server() {
    let server = Server::wasmtime_within("1s");
    let whole = post(FORM, &format!("code={CODE}&state=43117{RANDOM}"));
    let mut stalled = Client::connect(server.addr);
    stalled.send(whole.split_once(RANDOM).unwrap().0);
    assert_eq!(ask(&server, &whole).status(), 200);
    // Without the timeout, nothing arrives.
    let answer = stalled.read_to_end_or_reset();
    assert!(answer.starts_with(b"HTTP/1.1 500 "), "{answer:?}");
    assert_eq!(ask(&server, &whole).status(), 200);
}

fn jco_serve_answers_each_request_as_expected() {
    answers_each_request_as_expected(&Server::jco());
}

#[track_caller]
fn answers_each_request_as_expected(server: &Server) {
    sends_a_query_on(server);
    sends_a_form_on(server);
    refuses_queries(server);
    refuses_forms(server);
    refuses_methods_and_paths(server);
    refuses_what_is_too_large(server);
    refuses_what_is_not_http(server);
    let output = server.output();
    assert!(!output.contains(CODE) && !output.contains(RANDOM), "{output}");
}

/// Send a whole request, and read the answer.
#[track_caller]
fn ask(server: &Server, request: &str) -> Response {
    Client::connect(server.addr).send(request).response()
}

fn get(target: &str) -> String {
    request("GET", target)
}

fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: login.example.org\r\nConnection: close\r\n\r\n")
}

fn post(content_type: &str, body: &str) -> String {
    format!(
        "POST /callback HTTP/1.1\r\nHost: login.example.org\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Assert that the answer is the bounce's own, and that it allows forms only to `form_action`.
#[track_caller]
fn assert_caged(answer: &Response, form_action: &str) {
    for (name, value) in FIELDS {
        assert_eq!(answer.header(name), Some(value), "{}", answer.head);
    }
    let policy = answer.header("content-security-policy").unwrap();
    let (style, rest) = policy.split_once("; form-action ").unwrap();
    assert!(style.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert_eq!(rest, format!("{form_action}; frame-ancestors 'none'; base-uri 'none'"));
    assert_eq!(answer.headers("set-cookie").len(), 0, "{}", answer.head);
    assert_eq!(answer.headers("location").len(), 0, "{}", answer.head);
}

/// Assert that the answer is an error page of the bounce that leads nowhere.
#[track_caller]
fn assert_refused(answer: &Response, status: u16, words: &str) {
    assert_eq!(answer.status(), status, "{}", answer.head);
    assert_caged(answer, "'none'");
    assert_leads_nowhere(answer);
    assert!(answer.text().contains(words), "{}", answer.text());
    assert!(answer.text().contains("Start the sign-in again"), "{}", answer.text());
    assert!(!answer.text().contains(CODE), "{}", answer.text());
}

#[track_caller]
fn assert_leads_nowhere(answer: &Response) {
    assert!((400..500).contains(&answer.status()), "{}", answer.head);
    assert_eq!(answer.headers("refresh").len() + answer.headers("location").len(), 0);
    for way in ["127.0.0.1", "href", "<form", "http-equiv"] {
        assert!(!answer.text().contains(way), "{way}: {}", answer.text());
    }
}

#[track_caller]
fn sends_a_query_on(server: &Server) {
    for port in ["01024", "08080", "43117", "65535"] {
        for (path, query) in [
            ("/callback", format!("code={CODE}&state={port}{RANDOM}")),
            ("/login/callback", format!("state={port}{RANDOM}&iss=https%3A%2F%2Fidp&b=2&a=1&b=3")),
            (
                "/callback",
                format!("error=access_denied&error_description=No+%26+no&state={port}{RANDOM}"),
            ),
            ("/callback", format!("&&x=%0d%0a%00;,'*()~&state={port}{RANDOM}&=&")),
        ] {
            let answer = ask(server, &get(&format!("{path}?{query}")));
            assert_eq!(answer.status(), 200, "{}", answer.head);
            assert_caged(&answer, "'none'");
            let url = format!("http://127.0.0.1:{}/callback?{query}", port.trim_start_matches('0'));
            assert_eq!(answer.header("refresh"), Some(&*format!("0; url={url}")));
            let link = url.replace('&', "&amp;").replace('\'', "&#x27;");
            assert!(answer.text().contains(&format!("href=\"{link}\"")), "{}", answer.text());
        }
    }
}

#[track_caller]
fn sends_a_form_on(server: &Server) {
    let body = format!("b=2&code={CODE}%3C%22%27%3E+%C3%A9&state=43117{RANDOM}&b=&b=3");
    let request = post(&format!("{FORM};charset=UTF-8"), &body);
    for request in [request.clone(), request.replace("/callback ", "/callback?state=1 ")] {
        let answer = ask(server, &request);
        assert_eq!(answer.status(), 200, "{}", answer.head);
        assert_caged(&answer, "http://127.0.0.1:43117");
        assert_eq!(answer.headers("refresh").len(), 0, "{}", answer.head);
        let input = |name: &str, value: &str| {
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        };
        let form = format!(
            "<form method=\"post\" action=\"http://127.0.0.1:43117/callback\" autocomplete=\"off\">{}{}{}{}{}<button",
            input("b", "2"),
            input("code", &format!("{CODE}&lt;&quot;&#x27;&gt; é")),
            input("state", &format!("43117{RANDOM}")),
            input("b", ""),
            input("b", "3"),
        );
        assert!(answer.text().contains(&form), "{}", answer.text());
    }
}

#[track_caller]
fn refuses_queries(server: &Server) {
    let no_state = "contains no <code>state</code>";
    let invalid = "must be 5 digits";
    let port = "names an invalid port";
    for (query, words) in [
        (String::new(), no_state),
        (format!("code={CODE}"), no_state),
        (format!("State=43117{RANDOM}"), no_state),
        (format!("state[]=43117{RANDOM}"), no_state),
        (format!("code={CODE};state=43117{RANDOM}"), no_state),
        (format!("state=43117{RANDOM}&state=43117{RANDOM}"), "more than one <code>state</code>"),
        (format!("state=43117{RANDOM}&st%61te="), "more than one <code>state</code>"),
        (format!("state={RANDOM}"), invalid),
        (format!("state={RANDOM}{RANDOM}"), invalid),
        ("state=".to_owned(), invalid),
        (format!("state=43117{}", &RANDOM[1..]), invalid),
        (format!("state=43117{RANDOM}0"), invalid),
        (format!("state=43117{}", RANDOM.to_uppercase()), invalid),
        (format!("state=%EF%BC%94%EF%BC%93%EF%BC%91%EF%BC%91%EF%BC%97{RANDOM}"), invalid),
        (format!("state=+4311{RANDOM}"), invalid),
        (format!("state=-4311{RANDOM}"), invalid),
        ("state=43117@evil.example".to_owned(), invalid),
        ("state=43117.evil.example".to_owned(), invalid),
        ("state=https://evil.example/".to_owned(), invalid),
        ("state=[::1]:43117".to_owned(), invalid),
        (format!("state=43117{}%0D%0ARefresh:0", &RANDOM[..12]), invalid),
        (format!("state=43117{}%00", &RANDOM[1..]), invalid),
        (format!("state=00000{RANDOM}"), port),
        (format!("state=00022{RANDOM}"), port),
        (format!("state=01023{RANDOM}"), port),
        (format!("state=65536{RANDOM}"), port),
        (format!("state=99999{RANDOM}"), port),
    ] {
        assert_refused(&ask(server, &get(&format!("/callback?{query}"))), 400, words);
    }
    assert_refused(&ask(server, &get("/callback")), 400, no_state);
}

#[track_caller]
fn refuses_forms(server: &Server) {
    for (body, words) in [
        (String::new(), "contains no <code>state</code>"),
        (format!("state=43117{RANDOM}&state=43117{RANDOM}"), "more than one <code>state</code>"),
        (format!("state=00022{RANDOM}"), "names an invalid port"),
        (format!("state=43117{RANDOM}&code={CODE}%0A"), "cannot be passed on unchanged"),
        (format!("state=43117{RANDOM}&_charset_="), "cannot be passed on unchanged"),
    ] {
        assert_refused(&ask(server, &post(FORM, &body)), 400, words);
    }
    let body = format!("state=43117{RANDOM}&code={CODE}");
    for other in ["text/plain", "application/json", "multipart/form-data; boundary=x"] {
        assert_refused(&ask(server, &post(other, &body)), 415, "is not a form");
    }
}

#[track_caller]
fn refuses_methods_and_paths(server: &Server) {
    let target = format!("/callback?code={CODE}&state=43117{RANDOM}");
    for method in ["OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND"] {
        let answer = ask(server, &request(method, &target));
        assert_refused(&answer, 405, "does not accept requests with this method");
        assert_eq!(answer.header("allow"), Some("GET, POST"), "{}", answer.head);
    }
    let head = ask(server, &request("HEAD", &target));
    assert_eq!((head.status(), head.text()), (405, ""));
    assert_eq!(head.header("allow"), Some("GET, POST"), "{}", head.head);
    assert_eq!(head.headers("refresh").len(), 0, "{}", head.head);
    for path in ["/favicon.ico", "/robots.txt", "/callback/", "/Callback", "/callback%2f"] {
        let answer = ask(server, &get(&format!("{path}?code={CODE}&state=43117{RANDOM}")));
        assert_refused(&answer, 404, "There is no page at this address");
    }
    let home = ask(server, &get("/"));
    assert_eq!(home.status(), 200);
    assert_caged(&home, "'none'");
    assert!(home.text().contains("Nothing to do here"), "{}", home.text());
}

#[track_caller]
fn refuses_what_is_too_large(server: &Server) {
    let start = format!("/callback?state=43117{RANDOM}&code={CODE}&x=");
    let answer = ask(server, &get(&(start.clone() + &"x".repeat(9_000))));
    assert_refused(&answer, 414, "longer than 8 KB");
    // The servers themselves refuse 100 KB, without reading all of it.
    let mut client = Client::connect(server.addr);
    let _ = client.try_send(get(&(start + &"x".repeat(100_000))));
    if let Some(answer) = Response::parse(&client.read_to_end_or_reset()) {
        assert_leads_nowhere(&answer);
    }
    // The body that this announces is never sent.
    let announced = post(FORM, "").replace("Content-Length: 0", "Content-Length: 10000000");
    assert_refused(&ask(server, &announced), 413, "more than 64 KB");
    let chunked = post(FORM, "").replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    let mut client = Client::connect(server.addr);
    let answer = client.send(chunked.clone() + &chunk.repeat(3)).response();
    assert_refused(&answer, 413, "more than 64 KB");
    // A client that goes on to send gets the same answer, or is disconnected.
    let mut client = Client::connect(server.addr);
    let _ = client.try_send(chunked);
    let _ = (0..300).try_for_each(|_| client.try_send(&chunk));
    if let Some(answer) = Response::parse(&client.read_to_end_or_reset()) {
        assert_refused(&answer, 413, "more than 64 KB");
    }
}

/// The servers themselves refuse these. Node reads a request line without a version as one of HTTP/1.0.
#[track_caller]
fn refuses_what_is_not_http(server: &Server) {
    let query = format!("state=43117{RANDOM}");
    for more in ["\r\nRefresh: 0; url=http://evil.example/\r\nX: ", "&x=\n", "&x=a b", "&x=\0"] {
        let mut client = Client::connect(server.addr);
        client.send(get(&format!("/callback?{query}{more}")));
        let Some(answer) = Response::parse(&client.read_to_end_or_reset()) else { continue };
        if answer.status() == 200 {
            let url = format!("0; url=http://127.0.0.1:43117/callback?{query}");
            assert_eq!(answer.header("refresh"), Some(&*url));
            assert!(!answer.text().contains("evil"), "{}", answer.text());
        } else {
            assert_leads_nowhere(&answer);
        }
    }
    for part in ["é", "#", "４", "\u{7f}"] {
        let target = format!("/callback?code={CODE}{part}&state=43117{RANDOM}");
        let answer = ask(server, &get(&target));
        // A server may remove what follows a `#`.
        assert_leads_nowhere(&answer);
    }
}
