//! Errors, logs and events contain no code, state, verifier, query or body.

use std::path::PathBuf;

use crate::support::guest;
use crate::support::host::Host;

const OPEN: &str = "https://idp.example/?state={state}&c={code_challenge}&n={nonce}";

#[test]
fn no_part_of_a_request_appears_in_any_message() {
    let file = guest::private("secrets.jsonl", b"");
    let host = Host::run().args(["-v", "--open", OPEN, "--events"]).arg(&file).start();
    let state = host.state();
    let form = "code=hunter2&state=hunter2";
    let requests = [
        "GET /hunter2?code=hunter2 HTTP/1.1\r\nHost: {host}\r\n\r\n".to_owned(),
        "GET /callback?code=hunter2&state=hunter2 HTTP/1.1\r\nHost: {host}\r\n\r\n".to_owned(),
        "GET /callback?code=hunter2&code=hunter2 HTTP/1.1\r\nHost: {host}\r\nX-A: hunter2\r\n\r\n"
            .to_owned(),
        "HUNTER2 /callback?code=hunter2 HTTP/1.1\r\nHost: {host}\r\nCookie: hunter2\r\n\r\n"
            .to_owned(),
        format!(
            "POST /callback HTTP/1.1\r\nHost: {{host}}\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
            form.len()
        ),
    ];
    for request in requests {
        host.client().send(request.replace("{host}", &host.addr.to_string())).response();
    }
    host.client().send("hunter2 hunter2\r\n\r\n").read_to_end();
    host.navigate(&format!("/callback?code=hunter2&state={state}"));
    let finished = host.finish().code(0);
    let events = std::fs::read_to_string(file).unwrap();
    let outcome: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    let verifier = outcome["code_verifier"].as_str().unwrap();
    for told in [&finished.stderr, &events] {
        assert!(!told.to_lowercase().contains("hunter2"), "{told}");
        assert!(!told.contains(verifier), "{told}");
    }
    // `state` appears once, in the URL for the browser.
    assert_eq!(finished.stderr.matches(&state).count(), 1, "{}", finished.stderr);
    assert_eq!(events.matches(&state).count(), 1, "{events}");
}

/// The guest traps if the store has `client_secret`, or more than one value.
#[test]
fn a_secret_is_not_in_the_configuration() {
    let status = |args: &[&str]| {
        let host = Host::run().arg(guest::from_wat("seeks-secret")).env("SECRET", "hunter2");
        host.args(["--config", "a=1"]).args(args).start().navigate("/callback").status()
    };
    let secrets = ["--secret", "client_secret=env:SECRET", "--secret", "other=env:SECRET"];
    assert_eq!(status(&secrets), 200);
    // A secret that the guest may read is not there either: only the interface `reveal` returns it.
    assert_eq!(status(&[&secrets[..], &["--allow-reveal", "client_secret"]].concat()), 200);
    // Counter-checks: the guest finds variables in both ways.
    assert_eq!(status(&["--config", "client_secret=hunter2"]), 500);
    assert_eq!(status(&["--config", "b=2"]), 500);
}

/// A guest that wants to read the secret `client_secret`.
pub fn reveals() -> PathBuf {
    let world = "package test:reveals; world reveals { import curtaincall:callback/secrets@0.1.0; \
                 import curtaincall:callback/reveal@0.1.0; export curtaincall:callback/handler@0.1.0; }";
    guest::component("reveals", "reveals", world)
}

#[test]
fn a_guest_reads_a_secret_only_where_it_is_allowed_to() {
    let reveals = reveals();
    let host = |args: &[&str]| {
        let host = Host::run().arg(&reveals).env("SECRET", "hunter2").env("OTHER", "swordfish");
        let host = host.args(["--secret", "client_secret=env:SECRET"]);
        host.args(["--secret", "other=env:OTHER"]).args(args)
    };
    let refused = host(&[]).finish().code(3).stdout("").stderr;
    let error = "wants to read secrets: it imports `curtaincall:callback/reveal`\n\
                 hint: if you trust this guest with a secret, let it read the secret with `--allow-reveal NAME`\n";
    assert!(refused.contains(error), "{refused}");
    let shown =
        |name| host(&["--allow-reveal", name]).start().navigate("/callback").text().to_owned();
    assert_eq!(shown("other"), "none");
    assert_eq!(shown("client_secret"), "hunter2");
    // A name that is no secret is a mistake.
    let unknown = host(&["--allow-reveal", "client_secrets"]).finish().code(2).stdout("").stderr;
    let error = "error: unknown secret `client_secrets` in --allow-reveal: expected the name of a `--secret`\n";
    assert!(unknown.starts_with(error), "{unknown}");
}

#[test]
fn a_guest_failure_does_not_reveal_the_request() {
    let host = Host::run().arg(guest::from_wat("trap")).args(["-v", "--events", "-"]).start();
    host.navigate("/callback?code=hunter2");
    host.wait_for_line("unreachable");
    assert!(!host.stderr().contains("hunter2"), "{}", host.stderr());
}

#[test]
fn a_secret_split_by_the_html_parser_is_redacted_in_errors() {
    let html = [("content-type", "text/html")];
    let page = guest::page("secret-cut", 200, &html, "<p>pa<Th1sIsTheTail of>");
    let secret = guest::write("secret-cut.txt", b"pa<Th1sIsTheTail");
    let call = || Host::bare().arg("call").arg(&page).arg("/callback");
    let secret = format!("key=file:{}", secret.display());
    let told = call().args(["--secret", &secret]).finish().code(6).stderr;
    assert!(told.contains("line 1: a page may not have the element `<[redacted]>`"), "{told}");
    // Counter-check: text that is not a secret is shown.
    let told = call().finish().code(6).stderr;
    assert!(told.contains("the element `<th1sisthetail>`"), "{told}");
}

/// The guest may read the code, and a log may not show it. A short one is not redacted, or logs become unreadable.
#[test]
fn the_code_of_a_callback_is_redacted_in_the_log() {
    let host = Host::run().arg(guest::built("probe")).start();
    host.navigate("/callback?code=4%2F0AbCdEfGh&log=is+4/0AbCdEfGh&log=or+4%252F0AbCdEfGh");
    host.wait_for_line("[guest] is [redacted]");
    host.wait_for_line("[guest] or [redacted]");
    let form = "code=form-code-1&log=it+is+form-code-1&log=4/0AbCdEfGh";
    let post = format!(
        "POST /callback HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        host.addr,
        form.len()
    );
    assert_eq!(host.client().send(post).response().status(), 200);
    host.wait_for_line("[guest] it is [redacted]");
    // The counter-checks: the code of an earlier request, and one that is too short.
    host.wait_for_line("[guest] 4/0AbCdEfGh");
    host.navigate("/callback?code=abcdefg&log=is+abcdefg");
    host.wait_for_line("[guest] is abcdefg");
    assert!(!host.stderr().contains("form-code-1"), "{}", host.stderr());
}

/// What the guest says of a failed sign-in, and the host names that it asks for, are messages for a person.
#[test]
fn the_code_of_a_callback_is_redacted_in_a_failure_and_in_refused_requests() {
    let file = guest::private("failure.jsonl", b"");
    let host = Host::run().arg(guest::built("probe")).arg("--events").arg(&file).start();
    host.navigate(
        "/callback?code=c0de-c0de&ask=https://c0de-c0de.example&ask=https://c0de.example",
    );
    host.wait_for_line("to `https://[redacted].example`, `https://c0de.example`");
    host.signal("TERM");
    let finished = host.finish().code(143);
    let events = std::fs::read_to_string(file).unwrap();
    assert!(!finished.stderr.contains("c0de-c0de") && !events.contains("c0de-c0de"), "{events}");

    let host = Host::run().start();
    host.navigate("/callback?error=no&error_description=is+c0de-c0de&code=c0de-c0de");
    let finished = host.finish().code(1);
    assert!(finished.stderr.contains("failed with `no`: is [redacted]"), "{}", finished.stderr);
    assert!(!finished.stdout.contains("c0de"), "{}", finished.stdout);
}
