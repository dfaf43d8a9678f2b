//! Every check of a request: its answer, and that the host continues to wait.

use crate::support::host::{Host, Running};

const NAVIGATE: &str = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";

/// Send these requests, with `{host}` replaced, and expect these statuses. A valid callback then completes the flow.
#[track_caller]
fn refuses(host: Running, cases: &[(&str, u16)]) {
    for (request, status) in cases {
        let request = request.replace("{host}", &host.addr.to_string());
        let response = host.client().send(&request).response();
        assert_eq!(response.status(), *status, "{request}");
        assert_eq!(response.header("cache-control"), Some("no-store"), "{request}");
        assert_eq!(response.header("connection"), Some("close"), "{request}");
    }
    let state = if host.stderr().contains("state=") { host.state() } else { String::new() };
    assert_eq!(host.navigate(&format!("/callback?code=abc&state={state}")).status(), 200);
    host.finish().code(0);
}

#[test]
fn host_must_name_a_bound_address() {
    let host = Host::run().start();
    let port = host.addr.port();
    let named = |name: &str| format!("GET /callback HTTP/1.1\r\nHost: {name}\r\n\r\n");
    for foreign in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{}", port.wrapping_add(1)),
        format!("[::1]:{port}"),
        format!("127.0.0.2:{port}"),
        format!("localhost:{port}.evil.example"),
        String::new(),
    ] {
        assert_eq!(host.client().send(named(&foreign)).response().status(), 421, "{foreign}");
    }
    for ours in
        [format!("localhost:{port}"), format!("LocalHost:{port}"), format!("127.0.0.1:{port}")]
    {
        assert_eq!(host.client().send(named(&ours)).response().status(), 400, "{ours}");
    }
    refuses(
        host,
        &[
            ("GET /callback HTTP/1.1\r\n\r\n", 421),
            ("GET /callback HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n", 421),
            ("GET http://evil.example/callback HTTP/1.1\r\nHost: {host}\r\n\r\n", 421),
        ],
    );
}

#[test]
fn path_must_equal_the_callback_path_byte_for_byte() {
    refuses(
        Host::run().start(),
        &[
            ("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
            ("GET /favicon.ico HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
            ("GET /robots.txt HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
            ("GET /callback/ HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
            ("GET //callback HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
            ("GET /x/../callback HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
            ("GET /%63allback HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
            ("GET /Callback HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
        ],
    );
}

#[test]
fn method_must_be_get_or_post() {
    let host = Host::run().start();
    for method in ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
        let request = format!("{method} /callback?code=x HTTP/1.1\r\nHost: {}\r\n\r\n", host.addr);
        let response = host.client().send(request).response();
        assert_eq!(
            (response.status(), response.header("allow")),
            (405, Some("GET, POST")),
            "{method}"
        );
    }
    refuses(host, &[]);
}

#[test]
fn prefetch_requests_are_refused() {
    refuses(
        Host::run().start(),
        &[
            ("GET /callback?code=x HTTP/1.1\r\nHost: {host}\r\nSec-Purpose: prefetch\r\n\r\n", 503),
            (
                "GET /callback?code=x HTTP/1.1\r\nHost: {host}\r\nSec-Purpose: prefetch;prerender\r\n\r\n",
                503,
            ),
            ("GET /callback?code=x HTTP/1.1\r\nHost: {host}\r\nPurpose: prefetch\r\n\r\n", 503),
            ("GET /callback?code=x HTTP/1.1\r\nHost: {host}\r\npurpose: Prerender\r\n\r\n", 503),
        ],
    );
}

#[test]
fn only_top_level_navigations_are_accepted() {
    refuses(
        Host::run().start(),
        &[
            ("GET /callback?code=x HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Mode: cors\r\n\r\n", 403),
            (
                "GET /callback?code=x HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n\r\n",
                403,
            ),
            (
                "GET /callback?code=x HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n\r\n",
                403,
            ),
            ("GET /callback?code=x HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Dest: empty\r\n\r\n", 403),
        ],
    );
}

#[test]
fn a_head_over_the_limit_gets_431() {
    let long = "x".repeat(70 << 10);
    let many: String = (0..150).map(|n| format!("X-{n}: 1\r\n")).collect();
    let host = Host::run().args(["--events", "-"]).start();
    for head in [
        format!("GET /callback?code={long} HTTP/1.1\r\nHost: {}\r\n\r\n", host.addr),
        format!("GET /callback HTTP/1.1\r\nHost: {}\r\nX-Long: {long}\r\n\r\n", host.addr),
        format!("GET /callback HTTP/1.1\r\nHost: {}\r\n{many}\r\n", host.addr),
    ] {
        let mut client = host.client();
        client.send(&head);
        let answer = client.read_to_end();
        assert!(answer.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&answer));
    }
    host.wait_for_line(r#""reason":"head-too-large","status":431"#);
    refuses(host, &[]);
}

#[test]
fn a_head_of_48_kilobytes_is_accepted() {
    let host = Host::run().start();
    let code = "x".repeat(48 << 10);
    assert_eq!(host.navigate(&format!("/callback?code={code}")).status(), 200);
    host.finish().code(0).stdout(&format!("{{\"code\":\"{code}\"}}\n"));
}

#[test]
fn a_body_over_the_limit_gets_413() {
    let host = Host::run().start();
    let head = format!("POST /callback HTTP/1.1\r\nHost: {}\r\n{NAVIGATE}", host.addr);
    let announced = format!("{head}Content-Length: 2000000\r\n\r\n");
    assert_eq!(host.client().send(announced).response().status(), 413);
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..20 {
        chunked.extend(b"10000\r\n");
        chunked.extend([b'x'; 0x10000]);
        chunked.extend(b"\r\n");
    }
    let mut client = host.client();
    // The answer arrives while the client is still sending, so a failed send does not matter.
    let _ = client.try_send(&chunked);
    assert_eq!(client.response().status(), 413);
    refuses(host, &[]);
}

#[test]
fn a_parameter_must_not_be_repeated() {
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\ncode=b";
    refuses(
        Host::run().start(),
        &[
            ("GET /callback?code=a&code=b HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
            ("GET /callback?code=a&c%6Fde=b HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
            ("GET /callback?error=a&error=b HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
            ("GET /callback?iss=a&code=a&iss=a HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
            ("GET /callback?state=a&state=a HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
            (&format!("POST /callback?code=a HTTP/1.1\r\nHost: {{host}}\r\n{form}"), 400),
            (
                &format!(
                    "POST /callback?code=a HTTP/1.1\r\nHost: {{host}}\r\nContent-Type: text/plain\r\n{form}"
                ),
                400,
            ),
        ],
    );
}

/// Such a token does not prove that this run asked for it. The host refuses it even if `state` is right.
#[test]
fn a_token_from_the_front_channel_is_refused() {
    let host =
        Host::run().args(["--events", "-", "--open", "https://idp.example/?state={state}"]).start();
    let state = host.state();
    let get = |query: &str| {
        format!("GET /callback?state={state}&{query} HTTP/1.1\r\nHost: {{host}}\r\n\r\n")
    };
    let body = format!("state={state}&code=a&id_token=t0ken");
    let form = format!(
        "POST /callback HTTP/1.1\r\nHost: {{host}}\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
        body.len()
    );
    let page = host.navigate(&format!("/callback?access_token=t0ken&state={state}"));
    assert!(page.text().contains("a token instead of a code"), "{}", page.text());
    host.wait_for_line(r#""reason":"front-channel-token","status":400"#);
    host.wait_for_line("warning: refused a request (front-channel-token): still waiting");
    assert!(!host.stderr().contains("t0ken"), "{}", host.stderr());
    refuses(
        host,
        &[
            (&get("code=a&id_token=t0ken"), 400),
            (&get("%69d_token=t0ken"), 400),
            (&get("access_token="), 400),
            (&form, 400),
        ],
    );
}

#[test]
fn state_must_match_this_run() {
    let host = Host::run().args(["--open", "https://idp.example/?state={state}"]).start();
    let state = host.state();
    let form = |body: &str| {
        format!(
            "POST /callback HTTP/1.1\r\nHost: {{host}}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
            body.len()
        )
    };
    let page = host.navigate("/callback?code=evil&state=x");
    assert!(page.text().contains("not the sign-in that was started here"), "{}", page.text());
    refuses(
        host,
        &[
            ("GET /callback?code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
            ("GET /callback?code=evil&state= HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
            (
                &format!(
                    "GET /callback?code=evil&state={state}x HTTP/1.1\r\nHost: {{host}}\r\n\r\n"
                ),
                400,
            ),
            (
                &format!(
                    "GET /callback?code=evil&State={state} HTTP/1.1\r\nHost: {{host}}\r\n\r\n"
                ),
                400,
            ),
            (&form("code=evil&state=x"), 400),
            (&form("code=evil"), 400),
        ],
    );
}

#[test]
fn issuer_must_match_the_expected_one() {
    let host = Host::run().args(["--issuer", "https://idp.example"]).start();
    for wrong in ["", "&iss=", "&iss=https://evil.example", "&iss=https://idp.example/"] {
        assert_eq!(host.navigate(&format!("/callback?code=abc{wrong}")).status(), 400, "{wrong}");
        assert_eq!(host.navigate(&format!("/callback?error=x{wrong}")).status(), 400, "{wrong}");
    }
    assert_eq!(host.navigate("/callback?code=abc&iss=https%3A%2F%2Fidp.example").status(), 200);
    host.finish().code(0);
}

#[test]
fn a_full_queue_answers_with_retry_after() {
    let host = Host::run()
        .arg(crate::support::guest::from_wat("spin"))
        .args(["--max-cpu-time", "5s"])
        .start();
    let request = crate::support::client::navigation(host.addr, "/callback");
    // One request is in the guest call and sixteen wait, so the last one exceeds the queue.
    let mut clients: Vec<_> = (0..18).map(|_| host.client()).collect();
    for client in &mut clients {
        client.send(&request);
    }
    host.wait_for_line("refused a request (busy)");
    let busy = host.navigate("/callback");
    assert_eq!((busy.status(), busy.header("retry-after")), (503, Some("1")));
}

#[test]
fn suspicious_refusals_are_reported_and_noise_is_not() {
    let host = Host::run().args(["--open", "https://idp.example/?state={state}"]).start();
    host.navigate("/favicon.ico");
    host.navigate("/callback?code=evil&state=x");
    host.navigate(&format!("/callback?code=abc&state={}", host.state()));
    let stderr = host.finish().code(0).stderr;
    assert!(stderr.contains("warning: refused a request (state): still waiting\n"), "{stderr}");
    assert!(!stderr.contains("(path)"), "{stderr}");
}
