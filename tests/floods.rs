//! The host reports repeated events once, and then only their number.

use std::fs;

use serde_json::Value;

use crate::support::client::navigation;
use crate::support::guest;
use crate::support::host::{Host, Running};

/// More than the host reports individually.
const REQUESTS: u64 = 1_300;

/// The number of lines of standard error about an event, and the number of events that they report.
fn told(stderr: &str, once: &str, more: &str) -> (usize, u64) {
    let sums = stderr.lines().filter_map(|line| line.strip_prefix("warning: ")?.split_once(more));
    let sums: Vec<u64> = sums
        .map(|(before, _)| before.rsplit(' ').find_map(|word| word.parse().ok()).unwrap())
        .collect();
    let whole = stderr.matches(once).count();
    (whole + sums.len(), whole as u64 + sums.iter().sum::<u64>())
}

fn ask(host: &Running, times: u64, path: &str) {
    for _ in 0..times {
        host.client().send(navigation(host.addr, path)).response();
    }
}

#[test]
fn a_flood_of_refused_requests_prints_a_few_lines() {
    let file = guest::private("flood.jsonl", b"");
    let host = Host::run()
        .args(["--open", "https://idp.example/?state={state}", "--events"])
        .arg(&file)
        .start();
    ask(&host, REQUESTS, "/callback?code=evil&state=x");
    host.navigate(&format!("/callback?code=abc&state={}", host.state()));
    let stderr = host.finish().code(0).stderr;
    let once = "warning: refused a request (state): still waiting\n";
    let (lines, requests) = told(&stderr, once, " more request");
    assert_eq!(requests, REQUESTS, "{stderr}");
    assert!((2..100).contains(&lines), "{stderr}");

    let events = fs::read_to_string(file).unwrap();
    let events: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused: Vec<_> = events.iter().filter(|event| event["event"] == "refused").collect();
    let count = |event: &&Value| event["count"].as_u64().unwrap_or(1);
    assert_eq!(refused.iter().map(count).sum::<u64>(), REQUESTS);
    assert!((1_001..1_200).contains(&refused.len()), "{}", refused.len());
    assert!(refused.iter().all(|event| event["reason"] == "state" && event["status"] == 400));
    assert_eq!(events.last().unwrap()["event"], "closed");
}

#[test]
fn a_guest_that_keeps_failing_is_reported_in_full_once_a_second() {
    let host = Host::run().arg(guest::from_wat("trap")).start();
    ask(&host, 200, "/callback?code=abc");
    host.signal("TERM");
    let stderr = host.finish().code(143).stderr;
    let (lines, failures) = told(&stderr, "warning: the guest trapped: ", " more time");
    assert_eq!(failures, 200, "{stderr}");
    assert!((2..100).contains(&lines), "{stderr}");
    assert!(stderr.contains("    0: "), "{stderr}");
    assert!(stderr.ends_with("error: stopped before a callback completed the flow\n"), "{stderr}");
}

/// The host once searched each log line for each line of the secret. That took minutes, which no limit counted.
#[test]
fn a_flood_of_line_feeds_ends_even_with_a_large_secret() {
    let secret: String = (0..50_000).map(|number| format!("line {number}\n")).collect();
    let file = guest::write("flood.secret", secret.as_bytes());
    let guest =
        guest::edited("log-flood", |text| text.replace("(i32.const 120)", "(i32.const 10)"));
    let host = Host::run()
        .arg(guest)
        .args(["--max-cpu-time", "200ms", "--secret"])
        .arg(format!("key=file:{}", file.display()))
        .start();
    assert_eq!(host.navigate("/callback").status(), 500);
    host.wait_for_line("(cut here: the guest reached its limit of 64KiB of log");
    host.wait_for_line("the guest reached its limit of 200ms of CPU time");
    assert_eq!(host.stderr().matches("[guest] \n").count(), 2048, "{}", host.stderr());
}

/// Counter-check: a few refusals are reported individually.
#[test]
fn refusals_of_different_kinds_are_reported_separately() {
    let host = Host::run().args(["-v", "--open", "https://idp.example/?state={state}"]).start();
    ask(&host, 1, "/callback?code=evil&state=x");
    ask(&host, 1, "/favicon.ico");
    ask(&host, 1, "/callback?code=a&code=b");
    host.navigate(&format!("/callback?code=abc&state={}", host.state()));
    let stderr = host.finish().code(0).stderr;
    for reason in ["state", "path", "repeated-parameter"] {
        assert_eq!(stderr.matches(&format!("refused a request ({reason})")).count(), 1, "{stderr}");
    }
    assert!(!stderr.contains(" more "), "{stderr}");
}
