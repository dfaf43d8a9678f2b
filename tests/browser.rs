//! `--browser COMMAND`: the browser that the person chooses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::last_page::{OPEN, tab, until};
use crate::support::guest;
use crate::support::host::Host;

fn run() -> Host {
    Host::bare().arg("run").args(OPEN)
}

fn script(name: &str, text: &str) -> PathBuf {
    let script = guest::write(name, format!("#!/bin/sh\n{text}\n").as_bytes());
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// A browser that writes its process ID and its arguments to a file, one per line.
fn recorder(name: &str) -> (PathBuf, PathBuf) {
    let record = guest::write(name, b"").with_extension("record");
    let text = format!(
        "printf '%s\\n' \"$$\" \"$@\" > {0}.part && mv {0}.part {0}\necho noise; echo noise >&2",
        record.display()
    );
    (script(name, &text), record)
}

#[track_caller]
fn recorded(record: &Path) -> Vec<String> {
    until(|| record.exists());
    fs::read_to_string(record).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_command_gets_the_sign_in_link_and_not_the_url() {
    let (program, record) = recorder("browser-plain");
    // `--browser` takes precedence.
    let host = run().arg("--browser").arg(&program).env("BROWSER", "/nowhere/browser").start();
    let line = host.wait_for_line("Opening the browser at https://idp.example/authorize?state=");
    let (_, state) = line.split_once("state=").unwrap();
    let [_, link] = &recorded(&record)[..] else { panic!("{:?}", recorded(&record)) };
    let path = link.strip_prefix(&format!("http://{}", host.addr)).unwrap();
    assert!(!link.contains(state));
    assert_eq!(tab(&host, path).status(), 303);
    host.navigate(&format!("/callback?code=abc&state={state}"));
    let finished = host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
    assert!(!finished.stderr.contains("noise"), "{}", finished.stderr);
}

#[test]
fn the_words_of_the_command_are_its_arguments_and_no_shell_runs() {
    let (program, record) = recorder("browser-words");
    let command = format!("{}  --new  --app=%s ;touch $(id) \"'%s'\" %", program.display());
    let host = run().args(["--browser", &command]).start();
    let arguments = &recorded(&record)[1..];
    let link = arguments[1].strip_prefix("--app=").unwrap();
    assert!(link.starts_with(&format!("http://{}/", host.addr)), "{link}");
    let quoted = format!("'{link}'");
    assert_eq!(
        arguments,
        ["--new", &format!("--app={link}"), ";touch", "$(id)", &quoted, "%"].map(str::to_owned)
    );
}

/// Otherwise, each sign-in of a long-lived program would leave a zombie behind.
#[cfg(target_os = "linux")]
#[test]
fn a_browser_that_exits_leaves_no_process_behind() {
    let (program, record) = recorder("browser-exits");
    let _host = run().arg("--browser").arg(&program).start();
    let process = Path::new("/proc").join(&recorded(&record)[0]);
    until(|| !process.exists());
}

#[test]
fn the_run_does_not_wait_for_the_browser() {
    let program = script("browser-stays", "exec sleep 60");
    let host = run().arg("--browser").arg(&program).start();
    let line = host.wait_for_line("Opening the browser at ");
    let (_, state) = line.split_once("state=").unwrap();
    host.navigate(&format!("/callback?code=abc&state={state}"));
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[test]
fn a_command_that_fails_leaves_the_url_to_the_person() {
    let program = script("browser-fails", "exit 3");
    let host = run().arg("--browser").arg(&program).start();
    let reason = format!("`{}` failed: exit status: 3", program.display());
    host.wait_for_line(&format!("warning: the browser did not open: {reason}"));
    host.navigate(&format!("/callback?code=abc&state={}", host.state()));
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n");
}

#[test]
fn an_unusable_command_is_an_error_before_the_host_listens() {
    let hint = "hint: give `--browser` a program in `PATH` or the path of a program, or use `--no-browser`\n";
    let plain = guest::write("no-program", b"text");
    for program in ["no-such-browser", "./no-such-browser", plain.to_str().unwrap()] {
        run().args(["--browser", &format!("{program} --new")]).finish().code(2).stdout("").stderr(
            &format!(
                "error: cannot find the browser `{program}`: no such program, or it is not executable\n{hint}"
            ),
        );
    }
    for (command, reason) in [
        ("", "the command is empty: expected a program, such as `firefox`"),
        (" ", "the command is empty: expected a program, such as `firefox`"),
        ("lynx", "`lynx` needs the terminal"),
        ("/usr/bin/w3m -M", "`w3m` needs the terminal"),
    ] {
        let finished = run().args(["--browser", command]).finish().code(2).stdout("");
        assert!(finished.stderr.contains(reason), "{command}: {}", finished.stderr);
    }
    let both = run().args(["--browser", "true", "--no-browser"]).finish().code(2).stdout("");
    assert!(both.stderr.contains("cannot be used with"), "{}", both.stderr);
}
