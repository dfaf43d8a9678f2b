//! A person pastes the address of the callback into the terminal.

use std::fs;
use std::path::Path;

use crate::support::guest;
use crate::support::terminal::Terminal;

/// The line after which the host reads the terminal.
pub const HINT: &str = "paste its address here and press Enter.";
const OPEN: &str =
    "--open 'https://idp.example/authorize?redirect_uri={redirect_uri}&state={state}'";

/// `host run` in a shell, with these flags, and an authorization URL that contains `state`.
fn signing_in(flags: &str) -> Terminal {
    let terminal = Terminal::shell(80, &[], &format!("run $HOST run --no-browser {OPEN} {flags}"));
    terminal.see(HINT);
    terminal
}

/// What a terminal sends for a paste.
fn pasted(text: &str) -> String {
    format!("\u{1b}[200~{text}\u{1b}[201~")
}

/// The settings of the terminal must be the same before and after.
#[track_caller]
pub fn assert_restored(output: &str) {
    let setting = |name: &str| {
        let (_, rest) = output.rsplit_once(name).unwrap_or_else(|| panic!("no {name} in {output}"));
        rest.lines().next().unwrap().to_owned()
    };
    assert_eq!(setting("before="), setting("after="), "{output}");
    let (on, off) = (output.rfind("\u{1b}[?2004h"), output.rfind("\u{1b}[?2004l"));
    assert!(on.is_some() && on < off, "{output}");
}

#[test]
fn a_pasted_address_completes_the_flow() {
    let terminal = signing_in("--events -");
    let address = format!("{}?code=abc&state={}#_=_", terminal.redirect_uri(), terminal.state());
    terminal.type_in(&pasted(&format!(" <{address}>\r\n")));
    terminal.see(" characters entered: press Enter; 5 min left");
    terminal.type_in("\r");
    let output = terminal.finish(0);
    assert!(output.contains("The pasted text was accepted.\r\n"), "{output}");
    assert!(output.contains("{\"code\":\"abc\"}\r\n"), "{output}");
    assert!(output.contains("code=0\r\n"), "{output}");
    assert!(output.contains(r#""event":"replied""#), "{output}");
    assert!(
        output.contains(r#""event":"done""#) && output.contains(r#""delivered":null"#),
        "{output}"
    );
    // The text contains the code, so it is never shown.
    assert!(!output.contains("code=abc"), "{output}");
    assert_restored(&output);
}

#[test]
fn each_text_that_is_not_the_callback_is_refused_with_the_reason() {
    let terminal = signing_in("--events -");
    let (ours, state) = (terminal.redirect_uri(), terminal.state());
    let long = "x".repeat(1 << 20);
    for (text, reason) in [
        (format!("{ours}?code=abc&state=other"), "this is not the response to the sign-in that"),
        (format!("{ours}?code=abc"), "this is not the response to the sign-in that"),
        (
            format!("{ours}?code=a&code=b&state={state}"),
            "the address contains `code` more than once",
        ),
        (
            format!("{ours}?id_token=a&state={state}"),
            "the address contains a token instead of a code",
        ),
        (
            format!("https://other.example/?code=abc&state={state}"),
            "this is not the address of the callback",
        ),
        ("4/0AbCd".to_owned(), "a code alone is not enough"),
        (
            format!("{ours}?code=\u{1b}[31m\u{4}"),
            "the text contains a space or a control character",
        ),
        (long, "the text is longer than 64 KiB"),
    ] {
        let before = terminal.see(HINT).matches(reason).count();
        terminal.type_in(&(pasted(&text) + "\r"));
        let refused = terminal.see_times(reason, before + 1);
        assert!(refused.contains("ot accepted: "), "{refused}");
    }
    terminal.type_in(&format!("\r{}\r", pasted(" ")));
    terminal.see_times("the text is empty", 1);
    terminal.type_in(&format!("{ours}?code=abc&state={state}\r"));
    let output = terminal.finish(0);
    assert_eq!(output.matches(r#""event":"refused""#).count(), 4, "{output}");
    assert!(output.contains(r#""reason":"state""#), "{output}");
    assert!(output.contains("{\"code\":\"abc\"}\r\n"), "{output}");
    assert!(!output.contains("code=abc") && !output.contains("4/0AbCd"), "{output}");
    assert_restored(&output);
}

/// Counter-check: in line mode, the terminal cuts a line at 4,096 bytes.
#[test]
fn a_line_may_be_longer_than_a_terminal_allows_in_line_mode() {
    let terminal = signing_in("--print code");
    let code = "x".repeat(5000);
    let address = format!("{}?code={code}&state={}", terminal.redirect_uri(), terminal.state());
    terminal.type_in(&(address + "\r"));
    let output = terminal.finish(0);
    assert!(output.contains(&format!("l{code}\r\n")), "{output}");

    let cat = Terminal::shell(80, &[], "stty -echo; echo ready; head -n 1 | wc -c");
    cat.see("ready");
    cat.type_in(&(code + "\r"));
    let cut = cat.finish(0);
    assert!(cut.contains("4096\r\n"), "{cut}");
}

#[test]
fn a_bare_code_is_accepted_where_no_state_is_required() {
    let terminal = Terminal::shell(80, &[], "run $HOST run");
    terminal.see(HINT);
    terminal.type_in(&(pasted("4/0Ab+c#_") + "\r"));
    let output = terminal.finish(0);
    assert!(output.contains("{\"code\":\"4/0Ab+c\"}\r\n"), "{output}");
    assert_restored(&output);
}

#[test]
fn a_guest_may_wait_for_another_text_or_fail() {
    for (name, printed) in [
        ("pending", "The pasted text was accepted. Still waiting"),
        ("trap", "Not accepted: the guest failed"),
    ] {
        let guest = guest::from_wat(name);
        let terminal = Terminal::shell(80, &[], &format!("run id run {}", guest.display()));
        terminal.see(HINT);
        for times in 1..=2 {
            terminal.type_in("code=abc\r");
            terminal.see_times(printed, times);
        }
        terminal.signal("INT");
        assert!(terminal.finish(0).contains("code=130\r\n"));
    }
}

#[test]
fn what_follows_the_callback_stays_for_the_next_command() {
    let script = "run $HOST run; read -r line; echo \"got=$line\"";
    let terminal = Terminal::shell(80, &[], script);
    terminal.see(HINT);
    terminal.type_in("code=abc\rfor the shell\r");
    let output = terminal.finish(0);
    assert!(output.contains("{\"code\":\"abc\"}\r\n"), "{output}");
    assert!(output.contains("got=for the shell\r\n"), "{output}");
}

#[test]
fn what_was_typed_before_the_wait_is_for_the_next_command() {
    let script = "read -r go; run $HOST run; read -r line; echo \"got=$line\"";
    let terminal = Terminal::shell(80, &[], script);
    // The second line is not complete, so that only raw mode shows it.
    terminal.type_in("go\rfor the");
    terminal.see("Pasting is off");
    assert_eq!(terminal.navigate("/callback?code=abc").status(), 200);
    terminal.see("code=0");
    terminal.type_in(" shell\r");
    let output = terminal.finish(0);
    assert!(output.contains("{\"code\":\"abc\"}\r\n"), "{output}");
    assert!(output.contains("got=for the shell\r\n"), "{output}");
}

#[test]
fn standard_input_that_is_not_a_terminal_is_not_read() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("not-read.txt");
    fs::write(&file, "kept\n").unwrap();
    for script in [
        "printf 'kept\\n' | { $HOST run; echo \"code=$?\"; cat; }".to_owned(),
        format!("{{ $HOST run; echo \"code=$?\"; cat; }} < {}", file.display()),
    ] {
        let terminal = Terminal::shell(80, &[], &script);
        terminal.see("5 min left");
        assert_eq!(terminal.navigate("/callback?code=abc").status(), 200);
        let output = terminal.finish(0);
        assert!(output.contains("code=0\r\nkept\r\n"), "{output}");
        assert!(!output.contains(HINT) && !output.contains("\u{1b}[?2004h"), "{output}");
    }
}

#[test]
fn a_browser_may_deliver_the_callback_while_the_person_types() {
    let terminal = Terminal::shell(80, &[], "run $HOST run; read -r line; echo \"got=$line\"");
    terminal.see(HINT);
    terminal.type_in("half");
    terminal.see("4 characters entered");
    assert_eq!(terminal.navigate("/callback?code=abc").status(), 200);
    terminal.see("code=0");
    terminal.type_in("line\r");
    let output = terminal.finish(0);
    assert!(output.contains("got=line\r\n"), "{output}");
    assert_restored(&output);
}

/// It may be a password for another program, or the next command.
#[test]
fn a_code_alone_is_taken_only_if_it_was_pasted() {
    let terminal = Terminal::shell(80, &[], "run id run");
    terminal.see(HINT);
    terminal.type_in("secret\r");
    terminal.see("warning: not accepted: a code alone must be pasted, not typed; still waiting");
    terminal.type_in(&(pasted("abc") + "\r"));
    let output = terminal.finish(0);
    assert!(output.contains("{\"code\":\"abc\"}\r\n"), "{output}");
    assert!(!output.contains("secret"), "{output}");
    assert_restored(&output);
}
