//! Standard output: the outcome and nothing else, in the form that was asked for.

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
fn text_is_one_line_a_value() {
    prints(&["--format", "text"], "code: it's\\u{a}here\nscope: a b\n");
}

#[test]
fn env_is_for_eval() {
    prints(&["--format", "env"], "CALLBACK_CODE='it'\\''s\nhere'\nCALLBACK_SCOPE='a b'\n");
}

#[cfg(unix)]
#[test]
fn a_shell_gets_back_what_env_wrote() {
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

/// Every line of the host's is the host's own.
#[test]
fn a_callback_cannot_displace_what_the_host_adds() {
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

/// A guest cannot know the format, so what one of them cannot take is refused in all.
#[test]
fn a_guest_s_name_that_is_reserved_or_taken_is_an_invalid_reply_in_every_format() {
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
            // Counter-check: the same guest with names that are free.
            assert_eq!(host.navigate("/callback?good").status(), 200);
            host.finish().code(0);
        }
    }
}

#[test]
fn a_guest_that_declines_is_held_to_the_rules_of_a_reply() {
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
fn print_gives_one_raw_value() {
    prints(&["--print", "scope"], "a b\n");
}

#[test]
fn print_of_a_value_that_is_not_there_says_which_are() {
    let host = Host::run().args(["--print", "token"]).start();
    host.navigate(CALLBACK);
    host.finish().code(5).stdout("").stderr(
        "Waiting for the callback at http://127.0.0.1:PORT/callback\n\
         error: the outcome has no value `token`: expected one of `code`, `scope`\n",
    );
}

#[test]
fn print_gives_nothing_for_a_failure() {
    let host = Host::run().args(["--print", "error"]).start();
    host.navigate("/callback?error=access_denied");
    host.finish().code(1).stdout("");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_has_its_own_code_and_the_page_leaves() {
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
fn no_standard_output_at_all_has_its_own_code() {
    let command = format!("exec '{}' run --no-browser >&-", env!("CARGO_BIN_EXE_host"));
    let host = Host::shell(&command).start();
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    let stderr = host.finish().code(5).stderr;
    assert!(
        stderr.contains("error: cannot write the outcome to standard output: the stream is closed"),
        "{stderr}"
    );
}

/// The counter-check: throwing the outcome away on purpose is nobody's mistake.
#[test]
fn a_standard_output_that_is_thrown_away_is_fine() {
    let host = Host::run().stdout(std::process::Stdio::null()).start();
    host.navigate("/callback?code=abc");
    host.finish().code(0);
}

#[test]
fn a_closed_standard_output_has_its_own_code() {
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
    // A pipe that is full already: whatever is written to it waits for a reader.
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let filler = vec![b'.'; 65_536];
    writer.write_all(&filler).unwrap();
    let host = Host::run().stdout(writer.try_clone().unwrap()).start();
    drop(writer);
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    // The page is here, and the outcome still waits; now somebody reads.
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
fn a_guest_s_own_output_never_reaches_standard_output() {
    let host = Host::run().arg(guest::hello()).start();
    assert_eq!(host.navigate("/callback").status(), 500);
    host.navigate("/callback?code=abc");
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}
