//! `host call`: passes one request through the checks, the sandbox and the validation of a run, without a socket.

use serde_json::Value;

use crate::support::guest;
use crate::support::host::{Finished, Host};

fn call<'a>(args: impl IntoIterator<Item = &'a str>) -> Host {
    Host::bare().arg("call").args(args)
}

fn probe(target: &str) -> Host {
    Host::bare().arg("call").arg(guest::built("probe")).arg(target)
}

fn json(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap()
}

#[test]
fn the_text_output_shows_head_body_and_end() {
    let page =
        guest::page("call-page", 200, &[("content-type", "text/plain")], "one\ntwo\x1b[2J\n");
    let finished = Host::bare().arg("call").arg(page).arg("/callback").finish().code(0);
    let (head, rest) = finished.stdout.split_once("\n\n").unwrap();
    assert!(head.starts_with("HTTP 200 OK\ncontent-type: text/plain; charset=utf-8\n"), "{head}");
    assert!(head.contains("\ncontent-security-policy: sandbox;"), "{head}");
    assert_eq!(rest, "one\ntwo\\u{1b}[2J\n\n[Pending]\n");
    assert_eq!(
        finished.stderr,
        "the guest is waiting for another request: the flow is not complete\n"
    );
}

#[test]
fn the_exit_codes_are_those_of_run() {
    let success = call(["default", "?code=a%20b&iss=i"]).finish().code(0);
    assert!(success.stdout.ends_with("\n[Success]\ncode: a b\niss: i\n"), "{}", success.stdout);
    assert_eq!(success.stderr, "");
    let failure = call(["default", "?error=e&error_description=d"]).finish().code(1);
    let end = "\n[Failure]\nerror: e\nerror_description: d\n";
    assert!(failure.stdout.ends_with(end), "{}", failure.stdout);
}

#[test]
fn a_guest_failure_exits_with_6() {
    let trap = Host::bare().arg("call").arg(guest::from_wat("trap")).arg("/callback").finish();
    let trap = trap.code(6);
    assert!(trap.stdout.starts_with("HTTP 500 Internal Server Error\n"), "{}", trap.stdout);
    assert!(trap.stdout.ends_with("\n[Failed]\nreason: trap\n"), "{}", trap.stdout);
    assert!(trap.stderr.starts_with("error: the guest trapped: "), "{}", trap.stderr);
    assert!(trap.stderr.contains("\n    0: "), "{}", trap.stderr);
    let spin = Host::bare().args(["call", "--max-cpu-time", "50ms"]).arg(guest::from_wat("spin"));
    let spin = spin.arg("/callback").finish().code(6);
    assert!(spin.stderr.contains("its limit of 50ms of CPU time"), "{}", spin.stderr);
    let flood = Host::bare().arg("call").arg(guest::from_wat("log-flood")).arg("/callback");
    let flood = flood.finish().code(6);
    assert!(flood.stderr.contains("(cut here: "), "{}", flood.stderr);
    assert!(flood.stderr.len() < 200 << 10);
}

#[test]
fn a_request_that_run_refuses_is_refused() {
    for (args, status, reason) in [
        (&["GET", "/favicon.ico"][..], 404, "path"),
        (&["HEAD", "/callback"], 405, "method"),
        (&["?code=a&code=b"], 400, "repeated-parameter"),
        (&["?code=a&id_token=b"], 400, "front-channel-token"),
        (&["?code=a", "-H", "Host: evil.example"], 421, "host"),
        (&["?code=a", "-H", "Sec-Purpose: prefetch"], 503, "prefetch"),
        (&["?code=a", "-H", "Sec-Fetch-Mode: cors"], 403, "not-navigation"),
        (&["?code=a", "--issuer", "https://i"], 400, "issuer"),
        (&["?code=a&state=x", "--session", "state=y"], 400, "state"),
    ] {
        let finished = call(["default"]).args(args).finish().code(7);
        let head = format!("HTTP {status} ");
        assert!(finished.stdout.starts_with(&head), "{args:?}: {}", finished.stdout);
        let end = format!("\n[Refused]\nreason: {reason}\n");
        assert!(finished.stdout.ends_with(&end), "{args:?}: {}", finished.stdout);
        let said =
            format!("error: the host refused the request before the guest saw it ({reason}): ");
        assert!(finished.stderr.starts_with(&said), "{}", finished.stderr);
    }
    call(["default", "?code=a&state=y", "--session", "state=y"]).finish().code(0);
}

#[test]
fn parameters_can_be_sent_as_form_data_file_or_query() {
    let file = guest::write("call-form.txt", b"code=abc");
    let at = format!("@{}", file.display());
    let form = "Content-Type: application/x-www-form-urlencoded";
    for args in [
        &["/callback", "--form", "code=abc"][..],
        &["?", "--data", "code=abc"],
        &["POST", "?", "--data", "code=abc", "-H", form],
        &["/callback", "--data", &at, "-H", form],
        &["GET", "/callback?code=abc"],
    ] {
        let finished = call(["default", "--format", "json"]).args(args).finish().code(0);
        assert_eq!(json(&finished)["end"]["success"]["code"], "abc", "{args:?}");
    }
    let other = ["?", "--data", "code=abc", "-H", "content-type: text/plain"];
    let finished = call(["default", "--format", "json"]).args(other).finish().code(0);
    assert!(json(&finished)["end"]["pending"].is_object(), "{}", finished.stdout);
}

#[test]
fn a_raw_request_is_sent_unchanged_even_if_malformed() {
    let raw = |name: &str, bytes: &[u8]| {
        let file = guest::write(name, bytes);
        call(["default", "--format", "json", "--raw"]).arg(file).finish()
    };
    // Editors end lines with a line feed alone.
    let good =
        raw("raw.http", b"GET /callback?code=abc HTTP/1.1\nHost: 127.0.0.1:8080\n\n").code(0);
    assert_eq!(json(&good)["end"]["success"]["code"], "abc");
    for (name, bytes, status) in [
        ("raw-empty.http", &b""[..], 400),
        ("raw-garbage.http", b"\x00\xff\x16\x03", 400),
        ("raw-half.http", b"GET /callback?code=abc HTTP/1.1\r\nHost: 127", 400),
        ("raw-no-host.http", b"GET /callback?code=abc HTTP/1.1\r\n\r\n", 421),
        (
            "raw-short.http",
            b"POST /callback HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 9\r\n\r\nx",
            400,
        ),
    ] {
        let finished = raw(name, bytes).code(7);
        assert_eq!(json(&finished)["status"], status, "{name}");
    }
    let fields = "X-A: b\r\n".repeat(1000);
    let many = format!("GET /callback HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{fields}\r\n");
    let finished = raw("raw-many.http", many.as_bytes()).code(7);
    assert_eq!(json(&finished)["end"]["refused"]["reason"], "head-too-large");
}

#[cfg(unix)]
#[test]
fn a_raw_request_can_be_read_from_standard_input() {
    let host = env!("CARGO_BIN_EXE_host");
    let command = format!(
        "printf 'GET /callback?code=abc HTTP/1.1\\nHost: 127.0.0.1:8080\\n\\n' | '{host}' call default --raw -"
    );
    let finished = Host::shell(&command).finish().code(0);
    assert!(finished.stdout.ends_with("[Success]\ncode: abc\n"), "{}", finished.stdout);
}

#[test]
fn the_body_flag_prints_what_a_browser_gets() {
    let page = guest::page("call-body", 200, &[("content-type", "text/html")], "<p>\u{1b}é");
    let finished = Host::bare().args(["call", "--body"]).arg(page).arg("/callback").finish();
    finished.code(0).stdout("<!DOCTYPE html><html><head></head><body><p>\u{1b}é</p></body></html>");
}

#[test]
fn json_output_is_complete_and_escapes_control_characters() {
    let page = guest::page("call-json", 200, &[("content-type", "text/plain")], "\u{9b}2J");
    let finished = Host::bare()
        .args(["call", "--format", "json", "--time"])
        .arg(page)
        .arg("?x")
        .finish()
        .code(0);
    assert!(!finished.stdout.contains('\u{9b}'));
    let reply = json(&finished);
    assert_eq!(reply["status"], 200);
    assert_eq!(reply["body"], "\u{9b}2J");
    assert_eq!(
        reply["headers"][0],
        serde_json::json!(["content-type", "text/plain; charset=utf-8"])
    );
    assert_eq!(reply["end"], serde_json::json!({ "pending": {} }));
    assert!(reply["cost"]["memory_bytes"].as_u64().unwrap() >= 64 << 10);
    assert!(reply["cost"]["fuel"].as_u64().unwrap() > 0);
}

#[test]
fn fuel_is_reproducible_and_grows_with_the_work() {
    let fuel = |target: &str| {
        let finished = call(["default", "--time", "--format", "json", target]).finish().code(0);
        assert!(finished.stderr.starts_with("instantiate "), "{}", finished.stderr);
        json(&finished)["cost"]["fuel"].as_u64().unwrap()
    };
    assert_eq!(fuel("?code=abc"), fuel("?code=abc"));
    assert!(fuel(&format!("?code={}", "x".repeat(1000))) > fuel("?code=abc"));
    let finished = call(["default", "--time", "--body", "?x"]).finish().code(0);
    assert!(finished.stderr.contains(" ms, call "), "{}", finished.stderr);
    assert!(finished.stdout.starts_with("<!DOCTYPE html>"));
}

#[test]
fn a_guest_gets_what_run_would_grant() {
    let finished = probe("?ask=https://idp.example/x")
        .env("PROBE_SECRET", "hunter2")
        .args(["--config", "a=1", "--secret", "b=env:PROBE_SECRET", "--session", "nonce=n0nce"])
        .finish()
        .code(0);
    for line in ["ask: ErrorCode::HttpRequestDenied", "nonce: n0nce", "config a: 1"] {
        assert!(finished.stdout.contains(&format!("{line}\n")), "{line}: {}", finished.stdout);
    }
    assert!(!finished.stdout.contains("config b"), "{}", finished.stdout);
    let warning = "refused the guest's request to `https://idp.example`: it is not granted; \
                   allow it with `--allow-net https://idp.example`";
    assert!(finished.stderr.contains(warning), "{}", finished.stderr);
    // The guest cannot read the secret. Text that is equal to it is redacted all the same.
    let equal = probe("?log=hunter2&done=hunter2").env("PROBE_SECRET", "hunter2");
    let equal = equal.args(["--secret", "b=env:PROBE_SECRET", "--format", "json"]).finish().code(0);
    assert!(!equal.stdout.contains("hunter2") && !equal.stderr.contains("hunter2"));
    assert!(equal.stderr.contains("[guest] [redacted]\n"), "{}", equal.stderr);
    // Counter-check: a value of the configuration is not redacted.
    let plain = probe("?log=hunter2&done=hunter2").args(["--config", "b=hunter2"]);
    let plain = plain.finish().code(0);
    assert!(plain.stdout.contains("config b: hunter2\n"), "{}", plain.stdout);
    assert!(plain.stderr.contains("[guest] hunter2\n"), "{}", plain.stderr);
}

/// The host escapes these characters in text and in JSON, and must redact the escaped forms too. The guest has the text
/// of the secret from its configuration.
#[test]
fn a_secret_with_escaped_characters_is_redacted() {
    for (name, secret) in
        [("tab", "a\tb\u{1b}hunter2"), ("mark", "x\u{200e}hunter2"), ("slash", "\\hunter2\\")]
    {
        let file = guest::write(&format!("call-secret-{name}"), secret.as_bytes());
        for format in ["text", "json"] {
            let source = format!("s=file:{}", file.display());
            let encoded: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
            // The probe repeats a step that it does not know.
            let finished = probe(&format!("/callback?log={encoded}&do={encoded}"))
                .args(["--format", format, "--secret", &source]);
            let finished = finished.finish().code(0);
            for told in [&finished.stdout, &finished.stderr] {
                assert!(!told.contains("hunter2"), "{name}: {told}");
                assert!(told.contains("[redacted]"), "{name}: {told}");
            }
        }
    }
}

/// The guest swaps the name and the value of a header field.
#[test]
fn a_secret_in_a_reply_error_is_redacted() {
    let swapped =
        guest::page("call-swapped", 200, &[("hunter2", "x"), ("content-type", "text/html")], "");
    let host = Host::bare().arg("call").arg(&swapped).env("SWAPPED", "hunter2");
    let finished = host.args(["/callback", "--secret", "s=env:SWAPPED"]).finish().code(6);
    assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
    assert!(finished.stderr.contains("[redacted]"), "{}", finished.stderr);
    let host = Host::run().arg(&swapped).env("SWAPPED", "hunter2");
    let host = host.args(["--secret", "s=env:SWAPPED"]).start();
    assert_eq!(host.navigate("/callback").status(), 500);
    host.wait_for_line("a page may not set the header field `[redacted]`");
}

/// Both the bytes after the request and the answer exceed the capacity of a pipe.
#[test]
fn bytes_after_the_request_do_not_block_the_call() {
    let mut raw = b"GET /callback HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n".to_vec();
    raw.extend(vec![b'x'; 1 << 20]);
    let raw = guest::write("raw-with-a-rest.http", &raw);
    let large = guest::write(
        "large-value.toml",
        format!("large = \"{}\"", "x".repeat(300 << 10)).as_bytes(),
    );
    let finished = Host::bare().arg("call").arg(guest::built("probe")).arg("--raw").arg(raw);
    let finished = finished.arg("--config-file").arg(large).finish().code(0);
    assert!(finished.stdout.len() > 300 << 10);
}

#[test]
fn authorize_prints_the_checked_url() {
    let starts = guest::starts("call", guest::AUTHORIZE, Some("https://idp.example"));
    let ask = |args: &[&str]| {
        let host = call(["--authorize", "--allow-open", "https://idp.example"]).args(args.to_vec());
        host.arg(&starts).finish().code(0).stderr("")
    };
    ask(&[]).stdout(&format!("{}\n", guest::AUTHORIZE));
    let printed = json(&ask(&["--format", "json"]));
    let expected = serde_json::json!({ "url": guest::AUTHORIZE, "issuer": "https://idp.example" });
    assert_eq!(printed, expected);
    let own = guest::starts("call-own", &guest::AUTHORIZE.replace("state=state", "state=s"), None);
    let host = call(["--authorize", "--allow-open", "https://idp.example", "--session", "state=s"]);
    let printed = json(&host.args(["--format", "json"]).arg(own).finish().code(0));
    assert!(printed["issuer"].is_null(), "{printed}");
}

#[test]
fn authorize_prints_why_a_guest_declines() {
    let declines = guest::component("declines", "provider", "");
    let text = call(["--authorize"]).arg(&declines).finish().code(1);
    text.stdout("[Failure]\nerror: closed\n").stderr("");
    let printed = call(["--authorize", "--format", "json"]).arg(&declines).finish().code(1);
    printed.stdout("{\"failure\":{\"error\":\"closed\"}}\n");
}
