//! What `host` says if the browser is on another machine, in Windows, or outside the container.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::last_page::until;
use crate::support::guest;
use crate::support::host::{Host, Running};

const OPEN: [&str; 2] =
    ["--open", "https://idp.example/authorize?redirect_uri={redirect_uri}&state={state}"];
const CONNECTION: &str = "198.51.100.2 50000 203.0.113.7 2222";
const SSH: &str = "Over SSH, run this where the browser is";
const CONTAINER: &str = "This looks like a container. ";
const EDITOR: &str = "forward this port in your editor.";
const WINDOWS: &str = "use `--browser 'rundll32.exe url.dll,FileProtocolHandler'`";

/// A run on a machine without a display.
fn without_display() -> Host {
    Host::bare().arg("run").args(OPEN).env("DISPLAY", "").env("WAYLAND_DISPLAY", "")
}

/// A run over SSH.
fn over_ssh() -> Host {
    without_display().env("SSH_CONNECTION", CONNECTION).env("USER", "ada")
}

/// A browser that only records that it was started. Returns its path and the record.
fn browser(name: &str) -> (PathBuf, PathBuf) {
    program(name, "x-www-browser")
}

fn program(name: &str, file: &str) -> (PathBuf, PathBuf) {
    let folder = guest::write(name, b"").with_extension("bin");
    fs::create_dir_all(&folder).unwrap();
    let (program, record) = (folder.join(file), folder.join(format!("{file}-opened")));
    fs::write(&program, format!("#!/bin/sh\necho \"$@\" > {}\n", record.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program, record)
}

/// Completes the sign-in at the URL on standard error, and returns everything that was printed there.
#[track_caller]
fn completed(host: Running) -> String {
    let line = host.wait_for_line("state=");
    let (_, state) = line.split_once("state=").unwrap();
    assert_eq!(host.navigate(&format!("/callback?code=abc&state={state}")).status(), 200);
    host.finish().code(0).stdout("{\"code\":\"abc\"}\n").stderr
}

#[test]
fn over_ssh_the_command_for_the_forward_is_printed_and_no_browser_starts() {
    let (program, record) = browser("ssh");
    let folder = program.parent().unwrap();
    let host = over_ssh().env("PATH", folder).start();
    let port = host.addr.port();
    let stderr = completed(host);
    let expected = format!(
        "Waiting for the callback at http://127.0.0.1:{port}/callback\n\
         {SSH}, keep it running, and open the URL there:\n    \
         ssh -p 2222 -L {port}:127.0.0.1:{port} ada@203.0.113.7\n\
         Open this URL in a browser: https://idp.example/authorize?redirect_uri="
    );
    assert!(stderr.starts_with(&expected), "{stderr}");
    assert!(!record.exists());
    // Counter-check: with a display, as over `ssh -X`, the browser starts here.
    let host = over_ssh().env("DISPLAY", ":10").env("PATH", folder).start();
    until(|| record.exists());
    assert!(!completed(host).contains(SSH));
}

#[test]
fn in_a_container_without_a_display_no_browser_starts() {
    let (program, record) = browser("container");
    let folder = program.parent().unwrap();
    let host = || without_display().env("container", "docker").env("PATH", folder);
    let stderr = completed(host().start());
    let lines: Vec<_> = stderr.lines().collect();
    assert!(lines[1].starts_with(CONTAINER), "{stderr}");
    assert!(lines[2].starts_with("Open this URL in a browser: ") && !record.exists(), "{stderr}");
    // Counter-check: a container may have a display.
    let host = host().env("DISPLAY", ":0").start();
    until(|| record.exists());
    assert!(!completed(host).contains(CONTAINER));
}

/// `$BROWSER` and `--browser` may open a browser on the person's machine, but forward no port.
#[test]
fn over_ssh_a_browser_that_the_person_chose_is_opened() {
    let (program, record) = browser("ssh-chosen");
    let chosen = program.to_str().unwrap();
    for host in [over_ssh().env("BROWSER", chosen), over_ssh().args(["--browser", chosen])] {
        let host = host.start();
        until(|| record.exists());
        let stderr = completed(host);
        assert!(stderr.contains(SSH) && stderr.contains("Opening the browser at "), "{stderr}");
        fs::remove_file(&record).unwrap();
    }
}

#[test]
fn a_run_without_a_url_gets_the_advice_too() {
    let host = Host::run().env("DISPLAY", "").env("container", "docker").start();
    host.wait_for_line(CONTAINER);

    let host = Host::run().env("DISPLAY", "").env("SSH_CONNECTION", "x\u{1b}[31m").start();
    let line = host.wait_for_line("    ssh -L ");
    assert!(line.ends_with("HOST") && !line.contains('\u{1b}'), "{line:?}");
    host.wait_for_line("Replace HOST with the name of this machine");
}

#[test]
fn the_advice_fits_the_place() {
    let (working, _) = browser("places");
    for (variable, value, advice) in [
        ("container", "podman", CONTAINER),
        ("KUBERNETES_SERVICE_HOST", "10.0.0.1", CONTAINER),
        ("REMOTE_CONTAINERS", "true", EDITOR),
        ("CODESPACES", "true", EDITOR),
        ("VSCODE_IPC_HOOK_CLI", "/run/vscode.sock", EDITOR),
        ("WSL_DISTRO_NAME", "Debian", WINDOWS),
    ] {
        let host = || without_display().env(variable, value);
        let failing = host().env("BROWSER", "/nowhere/browser").env("PATH", "/nowhere").start();
        failing.wait_for_line("warning: the browser did not open: found none");
        failing.wait_for_line(advice);
        let stderr = completed(failing);
        assert_eq!(stderr.matches(advice).count(), 1, "{variable}: {stderr}");
        if advice != WINDOWS {
            let printed = completed(host().arg("--no-browser").start());
            assert_eq!(printed.matches(advice).count(), 1, "{variable}: {printed}");
        }
        // Counter-check: a browser that opens needs no advice.
        let quiet = completed(host().env("BROWSER", &working).start());
        assert_eq!(quiet.lines().count(), 2, "{variable}: {quiet}");
    }
}

#[test]
fn on_the_machine_of_the_browser_only_a_failure_gets_advice() {
    let advice = "To start a different browser, use `--browser COMMAND`.";
    let host = Host::bare().arg("run").args(OPEN).env("PATH", "/nowhere").start();
    host.wait_for_line(advice);
    let stderr = completed(Host::run().args(OPEN).start());
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
}

/// A Linux browser is the counter-check.
#[test]
fn in_wsl_the_browser_of_windows_opens() {
    for (distribution, opened) in [("Debian", "rundll32.exe"), ("", "x-www-browser")] {
        let name = format!("wsl-{opened}");
        let (windows, windows_record) = program(&name, "rundll32.exe");
        let (_, linux_record) = browser(&name);
        let folder = windows.parent().unwrap();
        let host = Host::bare().arg("run").args(OPEN).env("DISPLAY", "none").env("PATH", folder);
        let host = host.env("WSL_DISTRO_NAME", distribution).start();
        let record = if distribution.is_empty() { &linux_record } else { &windows_record };
        until(|| fs::read_to_string(record).is_ok_and(|text| text.contains("http://127.0.0.1:")));
        let other = if distribution.is_empty() { &windows_record } else { &linux_record };
        assert!(!other.exists());
        let text = fs::read_to_string(record).unwrap();
        let start = "url.dll,FileProtocolHandler http://";
        assert_eq!(text.starts_with(start), opened == "rundll32.exe", "{text}");
        completed(host);
    }
}
