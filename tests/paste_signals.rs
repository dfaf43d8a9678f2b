//! The terminal is as before after each signal, and in the background the host leaves it alone.

use crate::paste::{HINT, assert_restored};
use crate::shutdown::until_refused;
use crate::support::guest;
use crate::support::terminal::Terminal;

#[test]
fn each_signal_that_ends_the_program_restores_the_terminal() {
    for (signal, code) in [
        ("INT", 130),
        ("TERM", 143),
        ("HUP", 129),
        ("QUIT", 131),
        ("USR1", 138),
        ("USR2", 140),
        ("ALRM", 142),
        ("VTALRM", 154),
        ("XCPU", 152),
        ("PROF", 155),
    ] {
        let terminal = Terminal::shell(80, &[], "ulimit -c 0; run id run");
        terminal.see(HINT);
        terminal.signal(signal);
        let output = terminal.finish(0);
        assert!(output.contains(&format!("code={code}\r\n")), "{signal}: {output}");
        assert_restored(&output);
    }
}

/// Counter-check: no program can restore the terminal after SIGKILL.
#[test]
fn a_program_that_is_killed_leaves_the_terminal_in_raw_mode() {
    let terminal = Terminal::shell(80, &[], "run id run");
    terminal.see(HINT);
    terminal.signal("KILL");
    let output = terminal.finish(0);
    assert!(output.contains("code=137\r\n"), "{output}");
    assert!(std::panic::catch_unwind(|| assert_restored(&output)).is_err());
}

#[test]
fn a_second_signal_restores_the_terminal_while_a_guest_still_runs() {
    let spin = |wat: &str| wat.replace("    unreachable)", "    (loop (br 0)) unreachable)");
    let guest = guest::edited("log-escapes", spin);
    let script = format!("run id run --grace 1h --max-cpu-time 1h {}", guest.display());
    let terminal = Terminal::shell(80, &[], &script);
    terminal.see(HINT);
    terminal.type_in("code=abc\r");
    terminal.see("[guest] ");
    terminal.see("Checking the pasted text");
    terminal.signal("TERM");
    // The listener is closed after the first signal.
    until_refused(&terminal.addr());
    terminal.signal("INT");
    let output = terminal.finish(0);
    assert!(output.contains("code=130\r\n"), "{output}");
    assert_restored(&output);
}

#[test]
fn a_signal_that_the_program_was_told_to_ignore_stays_ignored() {
    let terminal = Terminal::shell(80, &[], "trap '' HUP; run id run");
    terminal.see(HINT);
    terminal.signal("HUP");
    terminal.type_in("code=abc\r");
    let output = terminal.finish(0);
    assert!(output.contains("{\"code\":\"abc\"}\r\n") && output.contains("code=0\r\n"), "{output}");
}

#[test]
fn a_timeout_restores_the_terminal() {
    let terminal = Terminal::shell(80, &[], "run $HOST run --timeout 1s");
    let output = terminal.finish(0);
    assert!(output.contains("code=124\r\n"), "{output}");
    assert_restored(&output);
}

#[test]
fn a_stopped_program_gives_the_terminal_back_and_continues() {
    let shell = Terminal::interactive(80);
    shell.see("PROMPT> ");
    shell.type_in("echo before=$(stty -g); $HOST run\r");
    shell.see(HINT);
    shell.type_in("hal");
    shell.see("3 characters entered");
    shell.type_in("\u{1a}");
    shell.see("$HOST run\r\nPROMPT> ");
    shell.type_in("echo after=$(stty -g) x\r");
    let stopped = shell.see(" x\r\nPROMPT> ");
    assert_restored(&stopped.replace(" x\r\n", "\r\n"));
    shell.type_in("fg\r");
    let shown = shell.see_times("3 characters entered", 2);
    assert_eq!(shown.matches(HINT).count(), 1, "{shown}");
    // What was entered before is kept.
    shell.type_in("\u{15}code=abc\r");
    shell.see("{\"code\":\"abc\"}\r\nPROMPT> ");
    shell.type_in("echo after=$(stty -g); exit\r");
    assert_restored(&shell.finish(0));
}

#[test]
fn a_background_job_runs_and_leaves_the_terminal_alone() {
    let shell = Terminal::interactive(80);
    shell.see("PROMPT> ");
    // In the background, the host looks each second whether it is in the foreground: this shell sends it no signal.
    shell.type_in("$HOST run &\r");
    shell.redirect_uri();
    shell.type_in("jobs; echo checked\r");
    let listed = shell.see("\nchecked\r\nPROMPT> ");
    assert!(listed.contains("Running"), "{listed}");
    assert!(!listed.contains('\u{1b}') && !listed.contains(HINT), "{listed}");
    shell.type_in("echo before=$(stty -g); fg\r");
    shell.see(HINT);
    shell.type_in("code=abc\r");
    shell.see("{\"code\":\"abc\"}\r\nPROMPT> ");
    shell.type_in("echo after=$(stty -g); exit\r");
    assert_restored(&shell.finish(0));
}

/// Without these, the shell would lose what a person types while the job waits.
#[test]
fn a_job_that_continues_in_the_background_reads_nothing() {
    let shell = Terminal::interactive(80);
    shell.see("PROMPT> ");
    shell.type_in("$HOST run\r");
    shell.see(HINT);
    shell.type_in("\u{1a}");
    shell.see("$HOST run\r\nPROMPT> ");
    shell.type_in("bg\r");
    shell.see("&\r\nPROMPT> ");
    shell.type_in("echo one; jobs; echo two\r");
    let listed = shell.see("\ntwo\r\nPROMPT> ");
    assert!(listed.contains("\none\r\n") && listed.contains("Running"), "{listed}");
    shell.type_in("kill %1; wait; exit\r");
    shell.finish(0);
}
