//! Error messages and exit codes. The host reports an invalid value before it listens or opens a browser.

use crate::support::guest;
use crate::support::host::Host;

#[test]
fn an_authorizer_guest_cannot_be_combined_with_open() {
    Host::run()
        .arg(guest::component("authorizer", "provider", ""))
        .args(["--open", "https://idp.example/?state={state}"])
        .finish()
        .code(2)
        .stderr(
            "error: cannot use two authorization URLs: the guest builds its own\n\
             hint: remove `--open`\n",
        );
}

#[test]
fn an_authorizer_that_declines_ends_the_flow_before_it_starts() {
    let finished = Host::run()
        .arg(guest::component("declines", "provider", ""))
        .args(["--events", "-"])
        .finish()
        .code(1)
        .stdout("{\"error\":\"closed\"}\n");
    let events: Vec<_> = finished.stderr.lines().filter(|line| line.starts_with('{')).collect();
    assert!(events[1].contains(r#""event":"done""#), "{events:?}");
    assert!(events[2].contains(r#""event":"closed""#), "{events:?}");
}

#[test]
fn invalid_values_are_usage_errors() {
    for (flag, value, reason) in [
        ("--open", "https://idp.example/?s={sate}", "unknown placeholder `{sate}`"),
        (
            "--open",
            "ftp://idp.example/",
            "unsupported URL scheme `ftp`: expected `https` or `http`",
        ),
        (
            "--port",
            "65536",
            "invalid value '65536' for '--port <PORT>': expected a port from 0 to 65535\n",
        ),
        ("--port", "x", "'--port <PORT>': expected a port from 0 to 65535\n"),
        ("--port", "", "'--port <PORT>': expected a port from 0 to 65535\n"),
        ("--bind", "0.0.0.0", "`0.0.0.0` is not a loopback address"),
        (
            "--bind",
            "example.com",
            "invalid address `example.com`: expected a loopback IP address or `localhost`",
        ),
        ("--path", "callback", "the path `callback` does not start with `/`"),
        ("--path", "/a?b", "invalid character `?` in the path: percent-encode it"),
        ("--path", "/a/../b", "invalid segment `..` in the path: browsers remove it"),
        ("--timeout", "0s", "expected a duration longer than 0"),
        (
            "--timeout",
            "5",
            "'--timeout <DURATION>': expected a duration such as `500ms`, `90s` or `5m`\n",
        ),
        ("--timeout", "-1s", "'--timeout <DURATION>': expected a duration such as"),
        (
            "--timeout",
            "99999999999999999999d",
            "'--timeout <DURATION>': expected a duration such as",
        ),
        ("--timeout", "5M", "'--timeout <DURATION>': expected a duration such as"),
        ("--timeout", "2000d", "expected a duration of at most 365 days"),
        ("--grace", "soon", "expected a duration such as"),
        (
            "--max-memory",
            "lots",
            "invalid value 'lots' for '--max-memory <SIZE>': \
             expected a size such as `512KiB` or `64MiB`\n",
        ),
        ("--max-memory", "-1", "'--max-memory <SIZE>': expected a size such as"),
        ("--max-memory", "9EiB", "expected a size below 8EiB"),
        ("--max-stack", "0", "'--max-stack <SIZE>': expected a size from 1B to 1GiB\n"),
        ("--max-stack", "1TiB", "'--max-stack <SIZE>': expected a size from 1B to 1GiB\n"),
        ("--max-cpu-time", "0s", "expected a duration longer than 0"),
        (
            "--max-handles",
            "1.5",
            "'--max-handles <COUNT>': expected a whole number from 0 to 4294967295\n",
        ),
        ("--allow-page", "everything", "unknown grant `everything`: expected `scripts`"),
        ("--allow-page", "links", "missing origin in the grant `links`: expected `links=ORIGIN`"),
        (
            "--allow-page",
            "redirect=app.example",
            "invalid origin `app.example`: expected an origin",
        ),
        ("--issuer", "", "a value is required"),
        ("--print", "", "a value is required"),
        ("--format", "xml", "[possible values: json, text, env]"),
    ] {
        let argument = format!("{flag}={value}");
        let finished = Host::bare().args(["run", &argument]).finish().code(2).stdout("");
        assert!(finished.stderr.starts_with("error: "), "{argument}: {}", finished.stderr);
        assert!(finished.stderr.contains(reason), "{argument}: {}", finished.stderr);
    }
}

#[test]
fn an_unwritable_events_file_is_an_error() {
    Host::run().args(["--events", "/nowhere/events"]).finish().code(2).stdout("").stderr(
        "error: cannot write the events to `/nowhere/events`: No such file or directory (os error 2)\n",
    );
}
