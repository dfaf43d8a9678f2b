//! The output on a terminal. Foreign text neither controls the terminal nor imitates the host.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::support::guest;
use crate::support::host::Host;
use crate::support::terminal::{Terminal, rows};

/// The beginnings of the rows that the host prints in these tests.
const OURS: [&str; 6] =
    ["Waiting for the callback at ", "[guest] ", "    | ", "warning: ", "    0: ", "{\"good\":"];

/// Lines with padding, so that on a terminal of this width a fake message starts in a new row.
fn padded(columns: usize) -> Vec<String> {
    let room = columns - "[guest] a".len();
    let line = |spaces| format!("a{}error: it failed", " ".repeat(spaces));
    (room - 2..room + 2).map(line).chain(["error: ".repeat(20), "你".repeat(60)]).collect()
}

/// A guest that logs these lines and then traps.
fn logging(lines: &[String]) -> PathBuf {
    let text = lines.join("\n") + "\n";
    assert!(text.len() < 2048);
    let data: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    guest::edited("log-escapes", |wat| {
        let (before, after) = wat.split_once("(data (i32.const 2048) \"").unwrap();
        let (_, after) = after.split_once('"').unwrap();
        let length = format!("(i32.const {})", text.len());
        format!("{before}(data (i32.const 2048) \"{data}\"{after}")
            .replace("(i32.const 36)", &length)
    })
}

fn begins_like_ours(row: &str) -> bool {
    row.is_empty() || OURS.iter().any(|ours| row.starts_with(ours))
}

#[test]
fn guest_output_never_starts_a_terminal_row() {
    for columns in [80, 61] {
        let lines = padded(columns);
        let guest = logging(&lines);
        let terminal = Terminal::host(
            columns as u16,
            [OsStr::new("run"), OsStr::new("--no-browser"), guest.as_os_str()],
        );
        assert_eq!(terminal.navigate("/callback?code=abc").status(), 500);
        assert_eq!(terminal.navigate("/callback?good").status(), 200);
        let output = terminal.finish(0);
        let shown = rows(&output, columns);
        for row in &shown {
            assert!(begins_like_ours(row), "{row:?} in {shown:#?}");
        }
        assert!(shown.iter().any(|row| row.starts_with("    | ")), "{shown:#?}");
        assert!(shown.iter().any(|row| row.contains("error: it failed")), "{shown:#?}");
        // Counter-check: without the host, the terminal wraps the same lines so that a fake message starts a row.
        let unbroken: Vec<_> =
            lines.iter().flat_map(|line| rows(&format!("[guest] {line}"), columns)).collect();
        assert!(unbroken.iter().any(|row| row == "error: it failed"), "{unbroken:#?}");
        assert!(unbroken.iter().any(|row| !begins_like_ours(row)));
    }
}

#[test]
fn errors_are_wrapped_and_urls_are_not() {
    let name = format!("x{}error: it failed.wasm", " ".repeat(200));
    let output = Terminal::host(80, ["run", name.as_str()]).finish(3);
    let shown = rows(&output, 80);
    let faked = shown.iter().filter(|row| row.starts_with("error: "));
    assert_eq!(faked.count(), 1, "{shown:#?}");
    assert!(shown.iter().filter(|row| row.starts_with("    | ")).count() >= 2, "{shown:#?}");
    let url = format!("https://idp.example/?{}", "x".repeat(200));
    let output =
        Terminal::host(80, ["run", "--no-browser", "--timeout", "1ms", "--open", url.as_str()]);
    let output = output.finish(124);
    assert!(output.contains(&format!("Open this URL in a browser: {url}\r\n")), "{output:?}");
}

/// Counter-check of the next test: the host prints values for a program unchanged.
#[test]
fn a_value_for_a_program_is_printed_unchanged() {
    for (args, printed) in [
        (["--print", "code"], "\u{1b}]0;owned\u{7}\r\n\n"),
        (["--format", "env"], "CALLBACK_CODE='\u{1b}]0;owned\u{7}\r\n'\n"),
    ] {
        let host = Host::run().arg(guest::from_wat("outcome-escapes")).args(args).start();
        assert_eq!(host.navigate("/callback").status(), 200);
        host.finish().code(0).stdout(printed);
    }
}

#[test]
fn a_value_on_a_terminal_is_escaped() {
    let guest = guest::from_wat("outcome-escapes");
    for (args, printed) in [
        (["--print", "code"], "\r\n\\u{1b}]0;owned\\u{7}\\u{d}\\u{a}\r\n"),
        (["--format", "env"], "\r\nCALLBACK_CODE='\\u{1b}]0;owned\\u{7}\\u{d}\\u{a}'\r\n"),
        (["--format", "json"], "\r\n{\"code\":\"\\u001b]0;owned\\u0007\\r\\n\"}\r\n"),
    ] {
        let run = [OsStr::new("run"), OsStr::new("--no-browser"), guest.as_os_str()];
        let terminal = Terminal::host(80, run.into_iter().chain(args.map(OsStr::new)));
        assert_eq!(terminal.navigate("/callback").status(), 200);
        let output = terminal.finish(0);
        assert!(output.contains(printed) && !output.contains('\u{1b}'), "{output:?}");
    }
}

#[test]
fn a_body_on_a_terminal_is_escaped() {
    let text = [("content-type", "text/plain")];
    let guest = guest::page("terminal-body", 200, &text, "one\n\u{1b}[2J\u{202e}two");
    let args = [OsStr::new("call"), guest.as_os_str(), OsStr::new("--body"), OsStr::new("?x")];
    let output = Terminal::host(80, args).finish(0);
    assert!(output.starts_with("one\r\n\\u{1b}[2J\\u{202e}two"), "{output:?}");
    let piped = Host::bare().args(args).finish().code(0);
    assert_eq!(piped.stdout, "one\n\u{1b}[2J\u{202e}two");
}

/// The names are of files, variables and values.
#[test]
fn names_in_messages_are_escaped() {
    let evil = "\u{1b}[31m\nerror: fake\u{202e}\u{2028}\u{200b}";
    let shown = "\\u{1b}[31m\\u{a}error: fake\\u{202e}\\u{2028}\\u{200b}";
    let config =
        guest::write("evil.toml", b"\"\\u001b[31m\\nerror: fake\\u202e\\u2028\\u200b\" = []\n");
    for line in [
        "run EVIL",
        "run --config-file EVIL",
        "run --config-file CONFIG",
        "run --secret EVIL=env:NOWHERE",
        "run --config EVIL=1 --config EVIL=2",
        "run --events /nowhere/EVIL",
        "run --EVIL",
        "run --port EVIL",
        "run default EVIL",
        "EVIL",
        "call default --data @EVIL ?x",
        "test default EVIL",
        "inspect EVIL",
    ] {
        let config = config.to_str().unwrap();
        let word = |word: &str| word.replace("CONFIG", config).replace("EVIL", evil);
        let args: Vec<String> = line.split(' ').map(word).collect();
        let finished = Host::bare().args(&args).finish();
        assert!(finished.stderr.contains(shown), "{line}: {:?}", finished.stderr);
        let raw = |c: char| matches!(c, '\u{1b}' | '\u{202e}' | '\u{2028}' | '\u{200b}');
        assert!(!finished.stderr.contains(raw), "{line}: {:?}", finished.stderr);
        assert!(!finished.stderr.contains("\nerror: fake"), "{line}: {:?}", finished.stderr);
        assert!(finished.stderr.starts_with("error: "), "{line}: {:?}", finished.stderr);
    }
}

#[test]
fn names_in_the_outcome_are_escaped() {
    let host = Host::run().args(["--print", "no\u{202e}ne"]).start();
    host.navigate("/callback?code=1&c%E2%80%AEde=2");
    host.finish().code(5).stderr(
        "Waiting for the callback at http://127.0.0.1:PORT/callback\n\
         error: the outcome has no value `no\\u{202e}ne`: expected one of `code`, `c\\u{202e}de`\n",
    );
}

#[test]
fn a_wait_shows_how_long_is_left_below_the_messages() {
    let terminal = Terminal::shell(80, &[], "$HOST run -v --timeout 3s; echo code=$?");
    terminal.see("press Enter.\r\n\r\u{1b}[KWaiting: 3 s left");
    assert_eq!(terminal.navigate("/favicon.ico").status(), 404);
    let output = terminal.finish(0);
    let rows = output.split("\r\u{1b}[KWaiting: ").skip(1).filter_map(|rest| rest.get(..1));
    let mut shown: Vec<u32> = rows.map(|seconds| seconds.parse().unwrap()).collect();
    shown.dedup();
    assert!(shown.len() > 1 && shown.is_sorted_by(|a, b| a > b), "{shown:?}: {output:?}");
    // A message replaces the row, and the row follows it.
    let message = output.split("refused a request (path)\r\n").nth(1).unwrap_or_default();
    assert!(message.starts_with("Waiting: "), "{output:?}");
    assert!(output.contains("left\r\u{1b}[Krefused a request (path)\r\n"), "{output:?}");
    // The row is removed before the last message.
    assert!(output.contains("left\r\u{1b}[K"), "{output:?}");
    let (_, end) = output.rsplit_once("left").unwrap();
    assert!(end.starts_with("\r\u{1b}[K"), "{output:?}");
    assert!(end.contains("error: no callback completed the flow within 3s\r\n"), "{output:?}");
    assert!(end.contains("code=124\r\n"), "{output:?}");
}

#[test]
fn the_row_with_the_time_is_never_wrapped() {
    for columns in [20, 10, 5, 2] {
        let terminal = Terminal::shell(columns, &[], "$HOST run --timeout 1s");
        let output = terminal.finish(124);
        let rows = output
            .split("\r\u{1b}[K")
            .skip(1)
            .filter_map(|rest| rest.split(['\r', '\u{1b}']).next());
        let row = rows.filter(|row| row.starts_with('W')).max_by_key(|row| row.len()).unwrap();
        assert!(row.len() < usize::from(columns), "{row:?}");
        assert!("Waiting: 1 s left".starts_with(row), "{row:?}");
    }
}

/// Counter-check: with the other terminals, the same output has no escape sequence.
#[test]
fn only_a_terminal_with_escape_sequences_gets_them() {
    let script = "$HOST run --timeout 1s --no-browser --open https://idp.example/authorize";
    for (term, gets) in [("xterm", true), ("dumb", false), ("", false)] {
        let output = Terminal::shell(80, &[("TERM", term)], script).finish(124);
        assert_eq!(output.contains('\u{1b}'), gets, "{term}: {output:?}");
        assert_eq!(output.contains("1 s left"), gets, "{term}: {output:?}");
    }
    let args = ["--timeout", "1s", "--open", "https://idp.example/authorize"];
    let host = Host::run().env("TERM", "xterm-kitty").env("WT_SESSION", "1").args(args);
    let stderr = host.finish().code(124).stderr;
    assert!(!stderr.contains('\u{1b}') && !stderr.contains("left"), "{stderr:?}");
}

#[test]
fn the_authorization_url_is_a_link_on_terminals_that_support_links() {
    let url = "https://idp.example/authorize?a=1";
    let script = format!("$HOST run --timeout 1ms --no-browser --open '{url}'");
    let plain = format!("Open this URL in a browser: {url}\r\n");
    let link =
        "Open this URL in a browser: \u{1b}]8;id=authorize;{}\u{1b}\\{}\u{1b}]8;;\u{1b}\\\r\n";
    let link = link.replace("{}", url);
    for (term, program, expected) in [
        ("xterm-kitty", "", &link),
        ("xterm-256color", "vscode", &link),
        ("xterm-256color", "Apple_Terminal", &plain),
        ("dumb", "vscode", &plain),
    ] {
        let variables = [("TERM", term), ("TERM_PROGRAM", program)];
        let output = Terminal::shell(80, &variables, &script).finish(124);
        assert!(output.contains(expected), "{term} {program}: {output:?}");
    }
}
