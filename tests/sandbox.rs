//! What a guest can do, and what its author sees when it fails.

use crate::support::guest;
use crate::support::host::Host;

#[test]
fn a_limit_can_be_raised() {
    let host = Host::run().arg(guest::from_wat("huge-reply")).args(["--max-reply", "6MiB"]).start();
    assert_eq!(host.navigate("/callback").body.len(), 5_242_880);
}

#[test]
fn a_policy_of_the_guest_is_added_to_that_of_the_host() {
    let host = Host::run().arg(guest::from_wat("policy")).start();
    let page = host.navigate("/callback");
    let policies = page.headers("content-security-policy");
    assert_eq!(policies.len(), 2, "{policies:?}");
    assert!(policies[0].starts_with("sandbox; default-src 'none';"), "{policies:?}");
    assert_eq!(policies[1], "img-src 'none'");
}

#[test]
fn function_names_of_a_guest_cannot_imitate_the_host() {
    let host = Host::run().arg(guest::from_wat("evil-name")).start();
    assert_eq!(host.navigate("/callback").status(), 500);
    assert!(host.wait_for_line("evil").contains("\\u{1b}[31mevil\\u{a}error: fake"));
    assert!(!host.stderr().contains('\u{1b}'), "{:?}", host.stderr());
}

#[test]
fn a_redirect_to_the_same_origin_is_sent() {
    let host = Host::run().arg(guest::from_wat("redirect-here")).start();
    let page = host.navigate("/callback");
    assert_eq!((page.status(), page.header("location")), (303, Some("/callback?next")));
}

#[test]
fn a_guest_can_stay_pending() {
    let host = Host::run().arg(guest::from_wat("pending")).args(["--timeout", "5s"]).start();
    for _ in 0..3 {
        assert_eq!(host.navigate("/callback").text(), "more");
    }
}

#[test]
fn a_call_keeps_nothing_from_the_previous_call() {
    let host = Host::run().arg(guest::from_wat("forgetful")).start();
    for _ in 0..3 {
        assert_eq!(host.navigate("/callback").text(), "11");
    }
}

#[test]
fn a_busy_guest_delays_no_other_request() {
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
fn a_rust_panic_shows_its_message_and_function_names() {
    let host = Host::run().arg(guest::hello()).start();
    assert_eq!(host.navigate("/callback").status(), 500);
    host.wait_for_line("panicked at guest/hello/src/lib.rs:9:46:");
    host.wait_for_line("[guest] the callback has a code");
    host.wait_for_line("warning: the guest trapped: wasm trap: wasm `unreachable` instruction executed: still waiting");
    assert!(host.wait_for_line("::Guest>::handle").contains("hello_guest"));
    host.navigate("/callback?code=abc");
    host.finish().code(0);
}

/// The compiler process is sandboxed before it reads the first byte of a guest, and can still compile.
#[cfg(target_os = "linux")]
#[test]
fn the_compiler_is_sandboxed_before_it_reads_the_guest() {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};
    use std::time::Instant;

    /// The number of seccomp filters of a process, and its `NoNewPrivs` flag; proc(5).
    fn held(process: &str) -> Option<(u32, u32)> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let field = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        Some((field("Seccomp_filters:")?, field("NoNewPrivs:")?))
    }

    // The process that started it may have passed on other open files.
    let mut compiler = Command::new("sh")
        .args(["-c", "exec 7</proc/self/environ && exec \"$0\" __aot 1GiB"])
        .arg(env!("CARGO_BIN_EXE_host"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (before, _) = held("self").unwrap();
    let deadline = Instant::now() + crate::support::DEADLINE;
    while held(&compiler.id().to_string()) != Some((before + 2, 1)) {
        assert!(Instant::now() < deadline, "{:?}", held(&compiler.id().to_string()));
        std::thread::yield_now();
    }
    let open = std::fs::read_dir(format!("/proc/{}/fd", compiler.id())).unwrap();
    let mut open: Vec<_> = open.map(|entry| entry.unwrap().file_name()).collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2"]);
    let mut stdin = compiler.stdin.take().unwrap();
    stdin.write_all(&std::fs::read(guest::hello()).unwrap()).unwrap();
    drop(stdin);
    let mut compiled = Vec::new();
    compiler.stdout.take().unwrap().read_to_end(&mut compiled).unwrap();
    assert!(compiler.wait().unwrap().success());
    assert!(compiled.len() > 1_000, "{}", compiled.len());
}

#[test]
fn every_guest_is_used_by_a_test() {
    let tests: String = ["..", "../system"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(guest::folder().join(folder)).unwrap())
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    for entry in std::fs::read_dir(guest::folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let as_case = format!(" {} [", name.replace('-', "_"));
        let used = tests.contains(&format!("\"{name}\"")) || tests.contains(&as_case);
        let used = used || ["hello", "wasi"].contains(&name);
        assert!(used, "no test uses tests/guests/{name}");
    }
}
