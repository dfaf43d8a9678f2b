//! `--events`: reports what happens, for programs.

use std::fs;

use serde_json::Value;

use crate::support::guest;
use crate::support::host::Host;

fn parse(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[test]
fn a_sign_in_writes_its_events_in_order() {
    let file = guest::private("events.jsonl", b"");
    let host = Host::run()
        .args(["--open", "https://idp.example/?state={state}", "--events"])
        .arg(&file)
        .start();
    host.navigate("/favicon.ico");
    host.navigate("/callback?code=evil&state=x");
    let page = host.navigate(&format!("/callback?code=abc&state={}", host.state()));
    let redirect_uri = host.redirect_uri.clone();
    host.finish().code(0);

    let events = parse(&fs::read_to_string(file).unwrap());
    assert_eq!(
        names(&events),
        ["listening", "authorize", "refused", "refused", "replied", "done", "closed"]
    );
    assert_eq!(events[0]["redirect_uri"], redirect_uri);
    assert!(events[1]["url"].as_str().unwrap().starts_with("https://idp.example/?state="));
    assert_eq!((&events[2]["reason"], &events[2]["status"]), (&"path".into(), &404.into()));
    assert_eq!((&events[3]["reason"], &events[3]["status"]), (&"state".into(), &400.into()));
    assert_eq!((&events[4]["status"], &events[4]["bytes"]), (&200.into(), &page.body.len().into()));
    assert_eq!(events[5]["success"], true);
    assert_eq!(events[6]["delivered"], true);
    for event in &events {
        let time = event["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    }
}

#[test]
fn events_are_appended_to_an_existing_file() {
    let file = guest::private("appended.jsonl", b"{\"event\":\"before\"}\n");
    Host::run().args(["--timeout", "1ms", "--events"]).arg(&file).finish().code(124);
    let events = parse(&fs::read_to_string(file).unwrap());
    assert_eq!(names(&events), ["before", "listening", "closed"]);
    assert_eq!(events[2]["delivered"], Value::Null);
}

#[test]
fn a_guest_failure_event_contains_the_reason() {
    let host = Host::run().arg(guest::from_wat("trap")).args(["--events", "-"]).start();
    assert_eq!(host.navigate("/callback").status(), 500);
    host.wait_for_line(r#""event":"guest-failed""#);
    host.wait_for_line(r#""reason":"trap""#);
}

/// The host reports refused requests on standard error, and any web page can make the browser send them.
#[cfg(unix)]
#[test]
fn a_stalled_reader_of_standard_error_does_not_block_the_host() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use crate::support::DEADLINE;
    use crate::support::client::{Client, navigate};

    let (_reader, mut full) = std::io::pipe().unwrap();
    full.write_all(&vec![b'.'; 65_536]).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let child = Command::new(env!("CARGO_BIN_EXE_host"))
        .args([
            "run",
            "--no-browser",
            "--events",
            "-",
            "--timeout",
            "20s",
            "--port",
            &addr.port().to_string(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(full)
        .spawn()
        .unwrap();
    let started = std::time::Instant::now();
    let mut client = loop {
        match Client::try_connect(addr) {
            Ok(client) => break client,
            Err(error) => assert!(started.elapsed() < DEADLINE, "{error}"),
        }
        std::thread::yield_now();
    };
    client.send("GET /callback HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(client.response().status(), 421);
    for _ in 0..50 {
        let mut client = Client::connect(addr);
        client.send("GET /callback HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert_eq!(client.response().status(), 421);
    }
    assert_eq!(navigate(addr, "/callback?code=abc").status(), 200);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"{\"code\":\"abc\"}\n"[..]));
}
