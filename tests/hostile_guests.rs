//! Hostile guests: each attack, the whole message about it, and that the host continues.

use crate::support::guest;
use crate::support::host::{Host, Running};

/// The memory that the host may use in addition to that of the guest, in bytes.
pub const HOST_MEMORY: u64 = 64 << 20;
/// The default of `--max-memory`, in bytes.
pub const GUEST_MEMORY: u64 = 64 << 20;

/// Send a request that triggers the attack. Some guests wait for a long request.
pub fn attack(host: &Running) -> crate::support::client::Response {
    host.navigate(&format!("/callback?evil={}", "x".repeat(2000)))
}

#[track_caller]
pub fn memory_is_bounded(host: &Running) {
    #[cfg(target_os = "linux")]
    assert!(host.peak_memory() < GUEST_MEMORY + HOST_MEMORY, "{}", host.peak_memory());
}

/// Run `tests/guests/<name>.wat`. The host answers the attack with 500, prints `said` on standard error, and stays
/// within its memory. The next valid request completes the flow.
#[track_caller]
fn fails(name: &str, args: &[&str], said: &str) {
    let host = Host::run().arg(guest::from_wat(name)).args(args).start();
    let page = attack(&host);
    assert_eq!(page.status(), 500, "{name}: {}", page.head);
    assert!(page.text().contains("The sign-in is still waiting"), "{name}: {}", page.text());
    memory_is_bounded(&host);
    assert_eq!(host.navigate("/callback?good").text(), "good", "{name}");
    let finished = host.finish().code(0).stdout("{\"good\":\"good\"}\n");
    finished.stderr(&format!("Waiting for the callback at http://127.0.0.1:PORT/callback\n{said}"));
}

/// Each test has the name of its guest, and calls `fails`.
macro_rules! fail {
    ($($guest:ident [$($arg:literal),*] $said:literal;)*) => {$(
        #[test]
        fn $guest() {
            fails(&stringify!($guest).replace('_', "-"), &[$($arg),*], $said);
        }
    )*};
}

fail! {
    trap [] "warning: the guest trapped: wasm trap: wasm `unreachable` instruction executed: still waiting\n\
         \x20   0: wasm function 1\n";
    spin ["--max-cpu-time", "50ms"] "warning: the guest reached its limit of 50ms of CPU time: still waiting; raise it with `--max-cpu-time`\n\
         \x20   0: wasm function 1\n";
    memory_fill ["--max-cpu-time", "50ms"] "warning: the guest reached its limit of 50ms of CPU time: still waiting; raise it with `--max-cpu-time`\n\
         \x20   0: wasm function 1\n";
    memory_bomb [] "warning: the guest reached its limit of 64MiB of memory: still waiting; raise it with `--max-memory`\n\
         \x20   0: wasm function 1\n";
    memory_in_one_step [] "warning: the guest reached its limit of 64MiB of memory: still waiting; raise it with `--max-memory`\n\
         \x20   0: wasm function 1\n";
    many_memories [] "warning: the guest reached its limit of 64MiB of memory: still waiting; raise it with `--max-memory`\n\
         \x20   0: wasm function 1\n";
    table_bomb [] "warning: the guest reached its limit of 100000 table elements: still waiting; raise it with `--max-table-elements`\n\
         \x20   0: wasm function 1\n";
    huge_reply [] "warning: the guest reached its limit of 4MiB of reply body: still waiting; raise it with `--max-reply`\n";
    huge_header [] "warning: the guest reached its limit of 16KiB of reply headers: still waiting; raise it with `--max-reply-headers`\n";
    ten_thousand_headers [] "warning: the guest reached its limit of 16KiB of reply headers: still waiting; raise it with `--max-reply-headers`\n";
    crlf_value [] "warning: the guest's reply cannot be sent: the value of the header field `content-language` contains a control character: still waiting\n";
    crlf_name [] "warning: the guest's reply cannot be sent: invalid header field name `a: b\\u{d}\\u{a}set-cookie`: still waiting\n";
    nul_value [] "warning: the guest's reply cannot be sent: the value of the header field `content-language` contains a control character: still waiting\n";
    nul_name [] "warning: the guest's reply cannot be sent: invalid header field name `content-\\u{0}language`: still waiting\n";
    empty_name [] "warning: the guest's reply cannot be sent: invalid header field name ``: still waiting\n";
    status_0 [] "warning: the guest's reply cannot be sent: invalid status code 0: expected 200 to 599: still waiting\n";
    status_99 [] "warning: the guest's reply cannot be sent: invalid status code 99: expected 200 to 599: still waiting\n";
    status_103 [] "warning: the guest's reply cannot be sent: invalid status code 103: expected 200 to 599: still waiting\n";
    status_199 [] "warning: the guest's reply cannot be sent: invalid status code 199: expected 200 to 599: still waiting\n";
    status_600 [] "warning: the guest's reply cannot be sent: invalid status code 600: expected 200 to 599: still waiting\n";
    status_65535 [] "warning: the guest's reply cannot be sent: invalid status code 65535: expected 200 to 599: still waiting\n";
    bad_utf_8 [] "warning: the guest trapped: invalid utf-8 sequence of 1 bytes from index 0: still waiting\n";
    bad_discriminant [] "warning: the guest trapped: unexpected discriminant: 7: still waiting\n";
    bad_body [] "warning: the guest's reply cannot be sent: the body is not valid UTF-8: still waiting\n";
    bad_pointer [] "warning: the guest trapped: pointer out of bounds of memory: still waiting\n";
    bad_alignment [] "warning: the guest trapped: return pointer not aligned: still waiting\n";
    bad_length [] "warning: the guest trapped: list pointer/length out of bounds of memory: still waiting\n";
    bad_list [] "warning: the guest trapped: list pointer/length out of bounds of memory: still waiting\n";
    realloc_outside [] "warning: the guest trapped: realloc return: beyond end of memory: still waiting\n";
    realloc_short [] "warning: the guest trapped: realloc return: beyond end of memory: still waiting\n";
    realloc_grows [] "warning: the guest reached its limit of 64MiB of memory: still waiting; raise it with `--max-memory`\n\
         \x20   0: wasm function 0\n";
    realloc_spins ["--max-cpu-time", "50ms"] "warning: the guest reached its limit of 50ms of CPU time: still waiting; raise it with `--max-cpu-time`\n\
         \x20   0: wasm function 0\n";
    content_length [] "warning: the guest's reply cannot be sent: a page may not set the header field `content-length`: still waiting\n";
    transfer_encoding [] "warning: the guest's reply cannot be sent: a page may not set the header field `transfer-encoding`: still waiting\n";
    connection [] "warning: the guest's reply cannot be sent: a page may not set the header field `connection`: still waiting\n";
    upgrade [] "warning: the guest's reply cannot be sent: a page may not set the header field `upgrade`: still waiting\n";
    content_encoding [] "warning: the guest's reply cannot be sent: a page may not set the header field `content-encoding`: still waiting\n";
    download [] "warning: the guest's reply cannot be sent: a page may not set the header field `content-disposition`: still waiting\n";
    two_types [] "warning: the guest's reply cannot be sent: duplicate header field `content-type`: still waiting\n";
    xml [] "warning: the guest's reply cannot be sent: unsupported content type `application/xhtml+xml`: expected `text/html`, `text/plain` or `application/json`, in UTF-8: still waiting\n";
    preconnect [] "warning: the guest's reply cannot be sent: line 1: a page may not have the element `<link>`: still waiting\n";
    srcdoc [] "warning: the guest's reply cannot be sent: line 1: a page may not have the element `<iframe>`: still waiting\n";
    policy_reports [] "warning: the guest's reply cannot be sent: a `content-security-policy` must not contain a directive that sends reports: still waiting\n";
    body_with_204 [] "warning: the guest's reply cannot be sent: a reply with status code 204 must not have a body, but has one of 3 bytes: still waiting\n";
    body_with_304 [] "warning: the guest's reply cannot be sent: a reply with status code 304 must not have a body, but has one of 3 bytes: still waiting\n";
    redirect_away [] "warning: the guest's reply cannot be sent: a redirect must stay on this listener: still waiting; allow it with `--allow-page redirect=ORIGIN`\n";
    outcome_no_name [] "warning: the guest's reply cannot be sent: invalid name `` in the outcome: it must not be empty or contain control characters: still waiting\n";
    outcome_twice [] "warning: the guest's reply cannot be sent: duplicate name `code` in the outcome: still waiting\n";
    outcome_control [] "warning: the guest's reply cannot be sent: invalid name `code\\u{a}error` in the outcome: it must not be empty or contain control characters: still waiting\n";
    outcome_nul [] "warning: the guest's reply cannot be sent: the value of `code` in the outcome contains a NUL character: still waiting\n";
    outcome_huge [] "warning: the guest reached its limit of 8MiB of data for one call: still waiting; raise it with `--max-host-call-data`\n";
    sleep ["--max-wall-time", "50ms"] "warning: the guest reached its limit of 50ms of wall time: still waiting; raise it with `--max-wall-time`\n";
    handles [] "warning: the guest reached its limit of 1000 resource handles: still waiting; raise it with `--max-handles`\n\
         \x20   0: wasm function 2\n";
    random [] "warning: the guest reached its limit of 8MiB of data for one call: still waiting; raise it with `--max-host-call-data`\n\
         \x20   0: wasm function 0\n\
         \x20   1: wasm function 2\n";
    exit_0 [] "warning: the guest exited with code 0 instead of returning a reply: still waiting\n";
    exit_1 [] "warning: the guest exited with code 1 instead of returning a reply: still waiting\n";
    log_escapes [] "[guest] \\u{1b}[2J\\u{1b}]0;owned\\u{7}\\u{d}error: fake\n\
         [guest] \\u{202e}��\\u{0}�\\u{7f}\n\
         warning: the guest trapped: wasm trap: wasm `unreachable` instruction executed: still waiting\n\
         \x20   0: wasm function 3\n";
}

#[test]
fn endless_recursion_reaches_the_stack_limit() {
    let frames: String = (0..20).map(|number| format!("{number:>5}: deeper\n")).collect();
    let warning = "warning: the guest reached its limit of 512KiB of stack: still waiting; \
                   raise it with `--max-stack`\n";
    fails("recursion", &[], &(warning.to_owned() + &frames));
}

#[test]
fn a_flood_in_the_log_is_cut_off() {
    let line = format!("[guest] {}\n", "x".repeat(4096));
    let said = line.repeat(2)
        + "[guest] (cut here: the guest reached its limit of 8KiB of log; raise it with `--max-log`)\n\
           warning: the guest reached its limit of 50ms of CPU time: still waiting; raise it with `--max-cpu-time`\n";
    let host = Host::run().arg(guest::from_wat("log-flood"));
    let host = host.args(["--max-log", "8KiB", "--max-cpu-time", "50ms"]).start();
    assert_eq!(attack(&host).status(), 500);
    memory_is_bounded(&host);
    assert_eq!(host.navigate("/callback?good").text(), "good");
    // The time limit ends the guest itself, or a host call that logs.
    let stderr = host.finish().code(0).stderr;
    let (_, stderr) = stderr.split_once('\n').unwrap();
    let frames = stderr.strip_prefix(&said).unwrap_or_else(|| panic!("{stderr}"));
    assert!(frames.trim_end().ends_with(": wasm function 3"), "{stderr}");
}

/// Run a guest that fails when it is instantiated. The host continues until the timeout.
#[track_caller]
fn never_serves(guest: std::path::PathBuf, args: &[&str], warning: &str, frames: &str) {
    let host = Host::run().arg(guest).args(args).args(["--timeout", "2s"]).start();
    for _ in 0..2 {
        assert_eq!(attack(&host).status(), 500);
    }
    memory_is_bounded(&host);
    assert_eq!(host.navigate("/other").status(), 404);
    let finished = host.finish().code(124);
    let told = &finished.stderr[finished.stderr.find('\n').unwrap() + 1..];
    // The host reports the second failure like the first, or as a number.
    assert!(told.starts_with(&format!("warning: {warning}\n{frames}")), "{told}");
    let end = "error: no callback completed the flow within 2s\nhint: wait longer with a larger `--timeout`\n";
    assert!(told.ends_with(end), "{told}");
}

#[test]
fn a_guest_that_computes_at_its_start_never_serves() {
    never_serves(
        guest::from_wat("spin-at-start"),
        &["--max-cpu-time", "50ms"],
        "the guest reached its limit of 50ms of CPU time: still waiting; \
         raise it with `--max-cpu-time`",
        "    0: start\n",
    );
}

/// A function that compiles slowly, because each block can change every local.
pub fn compile_bomb(locals: usize, blocks: usize) -> String {
    let declared = "i32 ".repeat(locals);
    let block: String = (0..8)
        .map(|n| format!("(local.set {n} (i32.add (local.get 0) (local.get {})))", n + 1))
        .collect();
    let blocks = format!("(block (br_if 0 (local.get 0)) {block})").repeat(blocks);
    format!("(func (local {declared}) {blocks})")
}

#[cfg(target_os = "linux")]
#[test]
fn a_guest_that_exceeds_the_compile_limits_is_not_loaded() {
    let bomb = guest::with_more("done", &compile_bomb(10_000, 10_000));
    for (limit, value, what) in [
        ("--max-compile-time", "100ms", "compile time"),
        ("--max-compile-memory", "64MiB", "compile memory"),
    ] {
        let finished = Host::run().arg(&bomb).args([limit, value]).finish().code(3).stdout("");
        finished.stderr(&format!(
            "error: cannot load the guest `{}`: the guest reached its limit of {value} of {what}; raise it with `{limit}`\n",
            bomb.display(),
        ));
    }
}

/// The author of a guest chooses the names of its functions, of any length.
#[test]
fn a_long_name_is_truncated() {
    let long = guest::edited("trap", |text| {
        let named = format!("(func $\"{}\" (export \"curtaincall", "\u{e9}".repeat(30_000));
        text.replace("(func (export \"curtaincall", &named)
    });
    let host = Host::run().arg(long).start();
    assert_eq!(attack(&host).status(), 500);
    let frame = host.wait_for_line("    0: ");
    assert_eq!(frame, format!("    0: {}...", "\u{e9}".repeat(100)));
}

/// The guest gets no folder, no variable and no argument.
#[test]
fn a_guest_sees_no_files_variables_or_arguments() {
    let host = Host::run().arg(guest::from_wat("wants-files")).env("SECRET", "x").start();
    assert_eq!(host.navigate("/callback").text(), "000");
}

/// Both calls fail (1): the socket with `access-denied` (1), the name with `permanent-resolver-failure` (20).
#[test]
fn a_guest_cannot_create_sockets_or_resolve_names() {
    let host = Host::run().arg(guest::from_wat("wants-sockets")).start();
    assert_eq!(host.navigate("/callback").text(), "111D");
}

#[test]
fn growth_beyond_the_declared_maximum_takes_no_memory() {
    let host = Host::run().arg(guest::from_wat("no-growth")).start();
    assert_eq!(attack(&host).text(), "good");
}

#[test]
fn overlapping_arguments_do_not_affect_the_host() {
    let host = Host::run().arg(guest::from_wat("realloc-overlap")).start();
    assert_eq!(attack(&host).text(), "good");
}

#[test]
fn done_without_values_is_an_empty_outcome() {
    let host = Host::run().arg(guest::from_wat("outcome-empty")).start();
    assert_eq!(host.navigate("/callback").status(), 200);
    host.finish().code(0).stdout("{}\n");
}

#[test]
fn control_characters_in_a_value_are_escaped() {
    for (format, printed) in [
        ("json", "{\"code\":\"\\u001b]0;owned\\u0007\\r\\n\"}\n"),
        ("text", "code: \\u{1b}]0;owned\\u{7}\\u{d}\\u{a}\n"),
    ] {
        let host =
            Host::run().arg(guest::from_wat("outcome-escapes")).args(["--format", format]).start();
        assert_eq!(host.navigate("/callback").status(), 200);
        host.finish().code(0).stdout(printed);
    }
}
