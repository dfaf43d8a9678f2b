//! A guest that fails answers 500, says why on standard error, and leaves the host listening.

use crate::support::guest;
use crate::support::host::Host;

/// Run `tests/guests/<name>.wat`; it fails with this line, and the host goes on.
#[track_caller]
fn fails(name: &str, args: &[&str], warning: &str) {
    let host = Host::run().arg(guest::from_wat(name)).args(args).start();
    for _ in 0..2 {
        let page = host.navigate("/callback?code=abc");
        assert_eq!(page.status(), 500, "{name}: {}", page.head);
        assert!(page.text().contains("the sign-in is still waiting"));
    }
    let line = host.wait_for_line("warning: ");
    assert_eq!(line, format!("warning: {warning}: still waiting"), "{name}");
    assert_eq!(host.navigate("/other").status(), 404, "{name}: the host no longer serves");
}

#[test]
fn a_trap() {
    fails("trap", &[], "the guest trapped: wasm trap: wasm `unreachable` instruction executed");
}

#[test]
fn recursion() {
    fails("recursion", &[], "the guest trapped: wasm trap: call stack exhausted");
}

#[test]
fn cpu_time_in_the_call() {
    fails(
        "spin",
        &["--max-cpu-time", "50ms"],
        "the call was stopped at its limit of 50ms of CPU time; raise it with `--max-cpu-time`",
    );
}

#[test]
fn cpu_time_before_the_call() {
    fails(
        "spin-at-start",
        &["--max-cpu-time", "50ms"],
        "the call was stopped at its limit of 50ms of CPU time; raise it with `--max-cpu-time`",
    );
}

#[test]
fn wall_time_while_computing() {
    fails(
        "spin",
        &["--max-wall-time", "50ms"],
        "the call was stopped at its limit of 50ms; raise it with `--max-wall-time`",
    );
}

#[test]
fn wall_time_in_a_host_call() {
    let sleeper = guest::with_clocks("sleep");
    let host = Host::run().arg(sleeper).args(["--max-wall-time", "50ms"]).start();
    assert_eq!(host.navigate("/callback").status(), 500);
    host.wait_for_line(
        "the call was stopped at its limit of 50ms; raise it with `--max-wall-time`",
    );
}

#[test]
fn memory_that_grows() {
    fails(
        "memory-bomb",
        &["--max-memory", "8MiB"],
        "the call wanted more memory than its limit of 8.0 MiB; raise it with `--max-memory`",
    );
}

#[test]
fn memory_from_the_start() {
    fails(
        "memory-at-start",
        &[],
        "the call wanted more memory than its limit of 64.0 MiB; raise it with `--max-memory`",
    );
}

#[test]
fn a_reply_over_its_limit() {
    fails(
        "huge-reply",
        &[],
        "the guest's reply cannot be sent: a body of 5242880 bytes is over the limit of 4194304 bytes; \
         raise it with `--max-reply`",
    );
}

#[test]
fn a_limit_can_be_raised() {
    let host = Host::run().arg(guest::from_wat("huge-reply")).args(["--max-reply", "6MiB"]).start();
    assert_eq!(host.navigate("/callback").body.len(), 5_242_880);
}

#[test]
fn a_header_that_would_start_another() {
    fails(
        "crlf-header",
        &[],
        "the guest's reply cannot be sent: the value of `x-a` contains a control character",
    );
}

#[test]
fn a_header_that_frames() {
    fails(
        "content-length",
        &[],
        "the guest's reply cannot be sent: the header field `content-length` is the host's to set",
    );
}

#[test]
fn a_status_code_that_does_not_exist() {
    fails(
        "status-99",
        &[],
        "the guest's reply cannot be sent: the status code 99 is not from 200 to 599",
    );
}

#[test]
fn a_policy_that_reports() {
    fails(
        "policy-reports",
        &[],
        "the guest's reply cannot be sent: a `content-security-policy` must not name a place for reports",
    );
}

#[test]
fn a_policy_of_the_guest_s_comes_on_top_of_the_host_s() {
    let host = Host::run().arg(guest::from_wat("policy")).start();
    let page = host.navigate("/callback");
    let policies = page.headers("content-security-policy");
    assert_eq!(policies.len(), 2, "{policies:?}");
    assert!(policies[0].starts_with("sandbox; default-src 'none';"), "{policies:?}");
    assert_eq!(policies[1], "img-src 'none'");
}

#[test]
fn the_names_of_a_guest_s_functions_cannot_pass_for_the_host_s_words() {
    let host = Host::run().arg(guest::from_wat("evil-name")).start();
    assert_eq!(host.navigate("/callback").status(), 500);
    assert!(host.wait_for_line("evil").contains("\\u{1b}[31mevil\\u{a}error: fake"));
    assert!(!host.stderr().contains('\u{1b}'), "{:?}", host.stderr());
}

#[test]
fn a_redirect_away() {
    fails(
        "redirect-away",
        &[],
        "the guest's reply cannot be sent: a redirect may only stay on this listener",
    );
}

#[test]
fn a_redirect_that_stays_is_sent() {
    let host = Host::run().arg(guest::from_wat("redirect-here")).start();
    let page = host.navigate("/callback");
    assert_eq!((page.status(), page.header("location")), (303, Some("/callback?next")));
}

#[test]
fn a_guest_may_stay_pending() {
    let host = Host::run().arg(guest::from_wat("pending")).args(["--timeout", "5s"]).start();
    for _ in 0..3 {
        assert_eq!(host.navigate("/callback").text(), "more");
    }
}

#[test]
fn a_guest_that_computes_delays_nobody_else() {
    let host = Host::run().arg(guest::from_wat("spin")).args(["--max-cpu-time", "1h"]).start();
    let mut stuck = host.client();
    stuck.send(crate::support::client::navigation(host.addr, "/callback"));
    for _ in 0..20 {
        assert_eq!(host.navigate("/favicon.ico").status(), 404);
    }
    #[cfg(unix)]
    {
        host.signal("INT");
        host.signal("INT");
        host.finish().code(130);
    }
}

#[test]
fn a_rust_panic_shows_its_message_and_the_names_of_its_functions() {
    let host = Host::run().arg(guest::hello()).start();
    assert_eq!(host.navigate("/callback").status(), 500);
    host.wait_for_line("panicked at guest/hello/src/lib.rs:9:46:");
    host.wait_for_line("[guest] the callback has a code");
    host.wait_for_line("warning: the guest trapped: wasm trap: wasm `unreachable` instruction executed: still waiting");
    assert!(host.wait_for_line("::Guest>::handle").contains("hello_guest"));
    host.navigate("/callback?code=abc");
    host.finish().code(0);
}

/// A guest that no test runs tells nothing.
#[test]
fn every_guest_here_is_run_by_a_test() {
    let tests: String = std::fs::read_dir(guest::folder().join(".."))
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    for entry in std::fs::read_dir(guest::folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let used = tests.contains(&format!("\"{name}\"")) || name == "hello";
        assert!(used, "tests/guests/{name} is used by no test");
    }
}
