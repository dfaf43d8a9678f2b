//! The command line, and what it prints.

use crate::support::host::Host;

/// The flags in the tables of these sections of the reference.
fn flags(sections: &[&str]) -> Vec<String> {
    let reference = include_str!("../host/REFERENCE.md");
    let section = |name: &&str| {
        let after = reference.split(format!("\n## {name}\n").as_str()).nth(1).unwrap();
        after.split("\n## ").next().unwrap()
    };
    let rows = sections.iter().flat_map(|name| section(name).lines());
    rows.filter_map(|line| line.strip_prefix("| `--"))
        .map(|line| "--".to_owned() + line.split(['`', ' ']).next().unwrap())
        .collect()
}

#[test]
fn help_and_the_reference_list_the_same_flags() {
    const GUEST: &[&str] = &["Flags of every command", "Limits"];
    const GRANTED: &[&str] = &["Flags of every command", "Limits", "Grants"];
    for (command, shared) in
        [("run", GRANTED), ("call", GRANTED), ("test", GUEST), ("inspect", GUEST)]
    {
        let help = Host::bare().args([command, "--help"]).finish().code(0).stdout;
        let own = format!("`host {command}`");
        let flags = flags(&[&[own.as_str()][..], shared].concat());
        assert!(flags.len() > 15, "{flags:?}");
        for flag in &flags {
            assert!(help.contains(flag), "`{command} --help` lacks {flag} of the reference");
        }
        for word in help.split_whitespace().filter(|word| word.starts_with("--")) {
            let flag = word.trim_end_matches([',', '.', ')']);
            let is_known = flags.iter().any(|known| known == flag);
            assert!(is_known, "the reference lacks {flag} of `{command} --help`");
        }
    }
}

#[test]
fn help_describes_every_command() {
    let all = Host::bare().arg("--help").finish().code(0).stdout;
    for command in ["run", "call", "test", "inspect", "presets"] {
        let help = Host::bare().args([command, "--help"]).finish().code(0).stdout;
        let about = help.lines().next().unwrap();
        assert!(all.contains(&format!("  {command:<7}  {about}\n")), "{about}: {all}");
    }
}

#[test]
fn version_prints_the_version_of_the_package() {
    let version = format!("host {}\n", env!("CARGO_PKG_VERSION"));
    Host::bare().arg("--version").finish().code(0).stdout(&version);
}

#[test]
fn a_missing_command_is_a_usage_error() {
    let finished = Host::bare().finish().code(2).stdout("");
    assert!(finished.stderr.contains("Usage: host"), "{}", finished.stderr);
}

#[test]
fn the_internal_command_is_not_suggested() {
    for word in ["completions", "compile", "compiler"] {
        let stderr = Host::bare().arg(word).finish().code(2).stderr;
        assert!(stderr.contains("unrecognized subcommand"), "{stderr}");
        assert!(!stderr.contains("similar"), "{stderr}");
    }
}

#[test]
fn verbose_reports_every_request() {
    let host = Host::run().arg("-v").start();
    host.navigate("/favicon.ico");
    host.navigate("/callback?code=abc");
    let stderr = host.finish().code(0).stderr;
    assert!(stderr.contains("refused a request (path)\nreplied 200, "), "{stderr}");
}

/// Equal events within a second are only counted, but this reply is the one that matters.
#[test]
fn verbose_always_reports_the_reply_that_completes_the_flow() {
    let host = Host::run().arg("-v").start();
    for _ in 0..3 {
        assert_eq!(host.navigate("/callback").status(), 400);
    }
    host.navigate("/callback?code=abc");
    let stderr = host.finish().code(0).stderr;
    let last = stderr.lines().rev().nth(1).unwrap();
    assert!(last.starts_with("replied 200, ") && stderr.ends_with("\ndone\n"), "{stderr}");
}

#[test]
fn color_follows_the_flag() {
    let colored = Host::run().args(["--color", "always", "--timeout", "1ms"]).finish().code(124);
    assert!(colored.stderr.contains("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m"), "{:?}", colored.stderr);
    let plain = Host::run().args(["--timeout", "1ms"]).finish().code(124);
    assert!(!plain.stderr.contains('\u{1b}'), "{:?}", plain.stderr);
}

#[test]
fn the_url_is_printed_if_no_browser_starts() {
    let host = Host::bare()
        .args(["run", "--open", "https://idp.example/?state={state}"])
        .env("BROWSER", "/nowhere/browser")
        .env("PATH", "/nowhere")
        .start();
    host.wait_for_line("warning: the browser did not open: ");
    let state = host.state();
    host.navigate(&format!("/callback?code=abc&state={state}"));
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[cfg(unix)]
#[test]
fn the_browser_inherits_neither_standard_input_nor_output() {
    let script = crate::support::guest::write(
        "noisy-browser.sh",
        b"#!/bin/sh\necho noise\necho noise >&2\nread line && echo \"$line\"\n",
    );
    make_executable(&script);
    let host = Host::bare()
        .args(["run", "--open", "https://idp.example/?state={state}"])
        .env("BROWSER", &script)
        .start();
    let line = host.wait_for_line("Opening the browser at ");
    let state = line.rsplit("state=").next().unwrap().to_owned();
    host.navigate(&format!("/callback?code=abc&state={state}"));
    let finished = host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    assert!(!finished.stderr.contains("noise"), "{}", finished.stderr);
}

/// A text browser would use the terminal, including standard output.
#[cfg(unix)]
#[test]
fn a_text_browser_is_not_started() {
    let script = crate::support::guest::write("lynx", b"#!/bin/sh\necho noise\n");
    make_executable(&script);
    let host = Host::bare()
        .args(["run", "--open", "https://idp.example/?state={state}"])
        .env("BROWSER", &script)
        .start();
    host.wait_for_line("warning: the browser did not open: `lynx` needs the terminal");
    host.navigate(&format!("/callback?code=abc&state={}", host.state()));
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[cfg(unix)]
fn make_executable(script: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
}
