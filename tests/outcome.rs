//! Standard output contains only the outcome, in the requested format.

use crate::support::guest;
use crate::support::host::Host;

const CALLBACK: &str = "/callback?code=it%27s%0Ahere&scope=a+b";

#[track_caller]
fn prints(args: &[&str], stdout: &str) {
    let host = Host::run().args(args).start();
    host.navigate(CALLBACK);
    host.finish().code(0).stdout(stdout);
}

#[test]
fn json_is_the_default() {
    prints(&[], "{\"code\":\"it's\\nhere\",\"scope\":\"a b\"}\n");
    prints(&["--format", "json"], "{\"code\":\"it's\\nhere\",\"scope\":\"a b\"}\n");
}

#[test]
fn text_prints_one_line_per_value() {
    prints(&["--format", "text"], "code: it's\\u{a}here\nscope: a b\n");
}

#[test]
fn env_prints_shell_assignments() {
    prints(&["--format", "env"], "CALLBACK_CODE='it'\\''s\nhere'\nCALLBACK_SCOPE='a b'\n");
}

#[cfg(unix)]
#[test]
fn a_shell_reads_back_what_env_printed() {
    let host = Host::run().args(["--format", "env"]).start();
    host.navigate(CALLBACK);
    let env = host.finish().code(0).stdout;
    let output = std::process::Command::new("sh")
        .args(["-c", "eval \"$0\"; printf %s \"$CALLBACK_CODE\"", &env])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "it's\nhere");
}

const OPEN: &str = "https://idp.example/?state={state}&c={code_challenge}&n={nonce}";

/// A callback may contain parameters with the names of the host's own values.
#[test]
fn a_callback_cannot_replace_values_of_the_host() {
    let host = Host::run().args(["--format", "env", "--open", OPEN]).start();
    let parameters = "Code-Verifier=evil&NONCE=evil&redirect_uri=evil&Redirect.Uri=evil&error=";
    let page = host.navigate(&format!("/callback?{parameters}&code=abc&state={}", host.state()));
    assert_eq!(page.status(), 200);
    let line = host.wait_for_line("Open this URL in a browser: ");
    let redirect_uri = host.redirect_uri.clone();
    let stdout = host.finish().code(0).stdout;
    let lines: Vec<_> = stdout.lines().collect();
    let (_, nonce) = line.split_once("&n=").unwrap();
    assert_eq!(lines[0], "CALLBACK_CODE='abc'");
    assert!(lines[1].starts_with("CALLBACK_CODE_VERIFIER='") && lines[1].len() == 24 + 43 + 1);
    assert_eq!(lines[2], format!("CALLBACK_REDIRECT_URI='{redirect_uri}'"));
    assert_eq!(lines[3..], [format!("CALLBACK_NONCE='{nonce}'")]);
    assert!(!stdout.contains("evil"), "{stdout}");
}

/// A guest does not know the format, so every format refuses the names that any of them cannot represent.
#[test]
fn a_reserved_or_duplicate_name_is_an_invalid_reply_in_every_format() {
    let alike = guest::edited("outcome-twice", |text| {
        text.replacen("(i32.const 2072) \"code\"", "(i32.const 2072) \"Code\"", 1)
    });
    let reserved = guest::edited("outcome-twice", |text| {
        text.replacen("(i32.const 2072) \"code\"", "(i32.const 2072) \"Nonce\"", 1).replacen(
            "\\18\\08\\00\\00\\04",
            "\\18\\08\\00\\00\\05",
            1,
        )
    });
    for (guest, message) in [
        (alike, "the names `code` and `Code` in the outcome become the same shell variable"),
        (reserved, "the name `Nonce` in the outcome is reserved for the host"),
    ] {
        for format in ["json", "text", "env"] {
            let host = Host::run().arg(&guest).args(["--format", format]).start();
            assert_eq!(host.navigate("/callback").status(), 500);
            host.wait_for_line(message);
            // Counter-check: the same guest with valid names.
            assert_eq!(host.navigate("/callback?good").status(), 200);
            host.finish().code(0);
        }
    }
}

#[test]
fn an_authorizer_that_declines_must_follow_the_rules_of_a_reply() {
    for format in ["json", "text", "env"] {
        let declines = |name| {
            let host = Host::run().arg(guest::component(name, "provider", ""));
            host.args(["--format", format]).finish()
        };
        let refused = declines("declines-nul").code(3).stdout("").stderr;
        let message = "the value of `error` in the outcome contains a NUL character";
        assert!(refused.contains(message), "{refused}");
        let allowed = declines("declines").code(1).stdout;
        assert!(allowed.contains("closed"), "{allowed}");
    }
}

#[test]
fn print_writes_one_raw_value() {
    prints(&["--print", "scope"], "a b\n");
}

#[test]
fn print_of_a_missing_value_lists_the_available_ones() {
    let host = Host::run().args(["--print", "token"]).start();
    host.navigate(CALLBACK);
    host.finish().code(5).stdout("").stderr(
        "Waiting for the callback at http://127.0.0.1:PORT/callback\n\
         error: the outcome has no value `token`: expected one of `code`, `scope`\n",
    );
}

#[test]
fn print_of_a_missing_value_names_the_only_one() {
    let host = Host::run().args(["--print", "token"]).start();
    host.navigate("/callback?code=abc");
    let stderr = host.finish().code(5).stderr;
    assert!(stderr.contains("has no value `token`: expected `code`\n"), "{stderr}");
}

#[test]
fn print_writes_nothing_for_a_failure() {
    let host = Host::run().args(["--print", "error"]).start();
    host.navigate("/callback?error=access_denied");
    let stderr = host.finish().code(1).stdout("").stderr;
    assert!(stderr.ends_with("error: the sign-in failed with `access_denied`\n"), "{stderr}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_exits_with_5_and_the_page_is_sent() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let host = Host::run().stdout(full).start();
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    let stderr = host.finish().code(5).stderr;
    assert!(
        stderr.contains("error: cannot write the outcome to standard output: No space left"),
        "{stderr}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_missing_standard_output_exits_with_5() {
    let command = format!("exec '{}' run --no-browser >&-", env!("CARGO_BIN_EXE_host"));
    let host = Host::shell(&command).start();
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    let stderr = host.finish().code(5).stderr;
    assert!(
        stderr.contains("error: cannot write the outcome to standard output: the stream is closed"),
        "{stderr}"
    );
}

/// Counter-check: a person may discard the outcome on purpose.
#[test]
fn standard_output_can_be_discarded() {
    let host = Host::run().stdout(std::process::Stdio::null()).start();
    host.navigate("/callback?code=abc");
    host.finish().code(0);
}

#[test]
fn a_closed_standard_output_exits_with_5() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let host = Host::run().stdout(writer).start();
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    host.finish().code(5);
}

#[cfg(unix)]
#[test]
fn a_blocked_standard_output_does_not_delay_the_page() {
    use std::io::{Read as _, Write as _};
    // The pipe is already full, so a write waits for a reader.
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let filler = vec![b'.'; 65_536];
    writer.write_all(&filler).unwrap();
    let host = Host::run().stdout(writer.try_clone().unwrap()).start();
    drop(writer);
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    // The page has arrived while the outcome still waits. Now the test reads the pipe.
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(&text[filler.len()..], "{\"code\":\"abc\"}\n");
    host.finish().code(0);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_wait_for_a_blocked_standard_output() {
    use std::io::Write as _;
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'.'; 65_536]).unwrap();
    let host = Host::run().args(["--events", "-"]).stdout(writer).start();
    host.navigate("/callback?code=abc");
    host.wait_for_line(r#""event":"closed""#);
    host.signal("INT");
    let stderr = host.finish().code(130).stderr;
    assert!(stderr.contains("error: stopped before the outcome was written"), "{stderr}");
    drop(reader);
}

#[test]
fn output_of_a_guest_never_reaches_standard_output() {
    let host = Host::run().arg(guest::hello()).start();
    assert_eq!(host.navigate("/callback").status(), 500);
    host.navigate("/callback?code=abc");
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}
