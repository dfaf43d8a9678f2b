//! Faults around the host: streams, the cache, the browser and signals. The host prints the outcome, or its exit code
//! says that it did not.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::DEADLINE;
use crate::support::guest;
use crate::support::host::{Finished, Host, Running};

const CODE: &str = "{\"code\":\"abc\"}\n";

/// Complete a flow, which must work in spite of the fault.
#[track_caller]
fn works(host: Host) -> Finished {
    let host = host.start();
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    host.finish().code(0).stdout(CODE)
}

/// Create an empty folder for this test run.
fn folder(name: &str) -> PathBuf {
    let folder = guest::write(name, b"").with_extension("folder");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Complete a flow with this redirection of standard error. The events contain the port.
#[track_caller]
fn works_without_standard_error(redirection: &str) {
    let events = guest::private(&format!("events-{}", redirection.len()), b"");
    let script = format!(
        "exec {} run --no-browser --events \"$1\" {redirection}",
        env!("CARGO_BIN_EXE_host")
    );
    let running = Host::shell(&script).arg("sh").arg(&events).start_unseen();
    let addr = wait_for(|| {
        let line = fs::read_to_string(&events).ok()?.lines().next()?.to_owned();
        let event: serde_json::Value = serde_json::from_str(&line).ok()?;
        event["redirect_uri"].as_str()?.split('/').nth(2)?.parse().ok()
    });
    let mut client = crate::support::client::Client::connect(addr);
    client.send(crate::support::client::request(addr, "/callback?code=abc"));
    assert_eq!(client.response().status(), 200);
    running.finish().code(0).stdout(CODE);
}

/// Poll until `look` returns a value.
#[track_caller]
pub fn wait_for<T>(look: impl Fn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Some(seen) => return seen,
            None => assert!(started.elapsed() < DEADLINE, "timed out"),
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn the_flow_works_with_standard_error_closed() {
    works_without_standard_error("2>&-");
}

#[test]
fn the_flow_works_with_standard_error_full() {
    works_without_standard_error("2>/dev/full ");
}

#[test]
fn the_flow_works_with_the_events_file_full() {
    works(Host::run().args(["--events", "/dev/full"]));
}

/// The events go to a named pipe without a reader.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_the_wait_for_a_reader_of_the_events() {
    let pipe = folder("events-pipe").join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let host = Host::run().arg("--events").arg(&pipe).start_unseen();
    // The host handles signals before it does anything else. 2 is SIGINT.
    wait_for(|| is_caught(host.id(), 2).then_some(()));
    host.signal("INT");
    host.finish().code(130).stdout("");
}

/// Whether a process has a handler for this signal; proc(5).
#[cfg(target_os = "linux")]
pub fn is_caught(id: u32, signal: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    caught & (1 << (signal - 1)) != 0
}

#[test]
fn the_flow_works_without_a_home_or_cache_folder() {
    for home in ["/dev/null/home", ""] {
        let finished =
            works(Host::run().env("HOME", home).env("XDG_CACHE_HOME", "/dev/null/cache"));
        let warning = "warning: compiled guests are not cached: cannot create \
                       `/dev/null/cache/curtaincall`: Not a directory (os error 20)\n";
        assert!(finished.stderr.starts_with(warning), "{}", finished.stderr);
    }
}

#[test]
fn a_missing_cache_is_created_and_then_used() {
    let folder = folder("cache-missing").join("not/yet");
    works(Host::run().env("XDG_CACHE_HOME", &folder));
    let entry = only_file(&folder.join("curtaincall"));
    let compiled = fs::metadata(&entry).unwrap().modified().unwrap();
    works(Host::run().env("XDG_CACHE_HOME", &folder));
    assert_eq!(fs::metadata(&entry).unwrap().modified().unwrap(), compiled, "compiled twice");
    let mode = fs::metadata(folder.join("curtaincall")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[track_caller]
fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn a_damaged_or_truncated_cache_entry_is_replaced() {
    let folder = folder("cache-damaged");
    works(Host::run().env("XDG_CACHE_HOME", &folder));
    let entry = only_file(&folder.join("curtaincall"));
    let good = fs::read(&entry).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [&flipped[..], &good[..good.len() / 2], &good[..3], b"", &vec![0; good.len()]] {
        fs::write(&entry, bad).unwrap();
        works(Host::run().env("XDG_CACHE_HOME", &folder));
        assert_eq!(fs::read(&entry).unwrap().len(), good.len());
    }
}

/// A limit of the shell prevents every write to a file. The host removes the incomplete entry.
#[test]
fn a_full_disk_leaves_no_partial_cache_entry() {
    let folder = folder("cache-full");
    let script =
        format!("trap '' XFSZ; ulimit -f 0; exec {} run --no-browser", env!("CARGO_BIN_EXE_host"));
    works(Host::shell(&script).env("XDG_CACHE_HOME", &folder));
    assert_eq!(fs::read_dir(folder.join("curtaincall")).unwrap().count(), 0);
}

/// Root ignores permissions, so a test run by root starts the host as another user.
#[test]
fn the_flow_works_without_write_access_to_the_cache() {
    const NOBODY: u32 = 65534;
    let is_root = rustix::process::geteuid().is_root();
    let folder = folder("cache-read-only");
    let cache = folder.join("curtaincall");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let mut host = Host::run().env("XDG_CACHE_HOME", &folder);
    if is_root {
        std::os::unix::fs::chown(&cache, Some(NOBODY), Some(NOBODY)).unwrap();
        host = host.user(NOBODY);
    }
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o500)).unwrap();
    works(host);
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}

#[test]
fn a_killed_browser_does_not_end_the_run() {
    for signal in ["TERM", "KILL"] {
        let script = guest::write(
            &format!("dies-{signal}.sh"),
            format!("#!/bin/sh\nkill -s {signal} $$\n").as_bytes(),
        );
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let url = "https://idp.example/?redirect_uri={redirect_uri}&state={state}";
        let host = Host::bare().args(["run", "--open", url]).env("BROWSER", &script).start();
        let line = host.wait_for_line("Opening the browser at ");
        let (_, state) = line.split_once("state=").unwrap();
        assert_eq!(host.navigate(&format!("/callback?code=abc&state={state}")).status(), 200);
        host.finish().code(0).stdout(CODE);
    }
}

/// The child processes of a process; proc(5).
#[cfg(target_os = "linux")]
fn children(of: u32) -> Vec<u32> {
    let tasks =
        fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().map_while(Result::ok);
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

/// The compiler is a separate process, and must end whenever the host ends.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_during_compilation_also_ends_the_compiler() {
    let slow = guest::with_more("slow", &crate::hostile_guests::compile_bomb(5_000, 50_000));
    for (signal, code) in [("INT", Some(130)), ("TERM", Some(143)), ("KILL", None)] {
        let cache = folder(&format!("cache-{signal}"));
        let host = Host::run().arg(&slow).env("XDG_CACHE_HOME", cache).start_unseen();
        let compiler = wait_for(|| children(host.id()).first().copied());
        host.signal(signal);
        let finished = host.finish();
        assert_eq!(finished.code, code, "{}", finished.stderr);
        assert_eq!(finished.stdout, "");
        wait_for(|| fs::read_to_string(format!("/proc/{compiler}/stat")).is_err().then_some(()));
    }
}

/// The outcome on standard output is complete or missing, and the exit code says which.
#[test]
fn a_signal_never_truncates_the_outcome() {
    let mut codes = std::collections::BTreeSet::new();
    // A slow machine needs the later steps.
    for step in 0..400 {
        if step > 60 && codes.len() > 1 {
            break;
        }
        let host = Host::run().start();
        let browser = browse(&host, Duration::from_micros(100 * step));
        let finished = host.finish();
        browser.join().unwrap();
        assert!(["", CODE].contains(&&*finished.stdout), "{finished:?}");
        assert!(matches!(finished.code, Some(0 | 130)), "{finished:?}");
        if finished.code == Some(0) {
            assert_eq!(finished.stdout, CODE);
        }
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
        codes.insert((finished.code, finished.stdout.is_empty()));
    }
    // With a single ending, no signal arrived in time to matter.
    assert!(codes.len() > 1, "{codes:?}");
}

/// Request the callback, and send a signal after this delay.
fn browse(host: &Running, after: Duration) -> std::thread::JoinHandle<()> {
    let (addr, id) = (host.addr, host.id());
    std::thread::spawn(move || {
        let Ok(mut client) = crate::support::client::Client::try_connect(addr) else { return };
        let _ = client.try_send(crate::support::client::request(addr, "/callback?code=abc"));
        let asked = Instant::now();
        while asked.elapsed() < after {
            std::hint::spin_loop();
        }
        let id = rustix::process::Pid::from_raw(id as i32).unwrap();
        let _ = rustix::process::kill_process(id, rustix::process::Signal::INT);
        let _ = client.read_to_end_or_reset();
    })
}
