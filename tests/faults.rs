//! What fails around the host: its streams, its cache, its browser, its signals. The outcome is printed, or
//! the exit code says that it was not.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::DEADLINE;
use crate::support::guest;
use crate::support::host::{Finished, Host, Running};

const CODE: &str = "{\"code\":\"abc\"}\n";

/// The flow works all the same.
#[track_caller]
fn works(host: Host) -> Finished {
    let host = host.start();
    assert_eq!(host.navigate("/callback?code=abc").status(), 200);
    host.finish().code(0).stdout(CODE)
}

/// An empty folder of this test run.
fn folder(name: &str) -> PathBuf {
    let folder = guest::write(name, b"").with_extension("folder");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Run with standard error as the shell makes it, on a port that is known without it.
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

/// Look until there is something to see.
#[track_caller]
pub fn wait_for<T>(look: impl Fn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        match look() {
            Some(seen) => return seen,
            None => assert!(started.elapsed() < DEADLINE, "nothing to see"),
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn standard_error_is_closed() {
    works_without_standard_error("2>&-");
}

#[test]
fn standard_error_is_full() {
    works_without_standard_error("2>/dev/full ");
}

#[test]
fn the_events_file_is_full() {
    works(Host::run().args(["--events", "/dev/full"]));
}

/// A named pipe that nobody reads: a signal ends the wait for a reader.
#[cfg(target_os = "linux")]
#[test]
fn the_events_go_to_a_pipe_without_a_reader() {
    let pipe = folder("events-pipe").join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let host = Host::run().arg("--events").arg(&pipe).start_unseen();
    // Signals are handled before anything else: proc(5), the second bit is SIGINT's.
    wait_for(|| is_caught(host.id(), 2).then_some(()));
    host.signal("INT");
    host.finish().code(130).stdout("");
}

/// Whether a process handles this signal itself.
#[cfg(target_os = "linux")]
pub fn is_caught(id: u32, signal: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    caught & (1 << (signal - 1)) != 0
}

#[test]
fn there_is_no_home_and_no_cache() {
    for home in ["/dev/null/home", ""] {
        let finished =
            works(Host::run().env("HOME", home).env("XDG_CACHE_HOME", "/dev/null/cache"));
        let warning = "warning: compiled guests are not cached: cannot create \
                       `/dev/null/cache/curtaincall`: Not a directory (os error 20)\n";
        assert!(finished.stderr.starts_with(warning), "{}", finished.stderr);
    }
}

#[test]
fn the_cache_is_made_where_it_is_missing_and_used_then() {
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
fn a_cache_entry_that_is_damaged_or_cut_short_is_made_anew() {
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

/// No byte can be written to any file: what was begun is taken away again.
#[test]
fn the_cache_is_on_a_full_disk() {
    let folder = folder("cache-full");
    let script =
        format!("trap '' XFSZ; ulimit -f 0; exec {} run --no-browser", env!("CARGO_BIN_EXE_host"));
    works(Host::shell(&script).env("XDG_CACHE_HOME", &folder));
    assert_eq!(fs::read_dir(folder.join("curtaincall")).unwrap().count(), 0);
}

/// Run as another user where this one may do anything, so that permissions count.
#[test]
fn the_cache_cannot_be_written_to() {
    const NOBODY: u32 = 65534;
    let is_root = rustix::process::geteuid().is_root();
    let folder = folder("cache-read-only");
    let cache = folder.join("curtaincall");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let host = || {
        let host = Host::run().env("XDG_CACHE_HOME", &folder);
        if is_root { host.user(NOBODY) } else { host }
    };
    if is_root {
        let warning = format!(
            "compiled guests are not cached: `{}` belongs to another user",
            cache.display()
        );
        assert!(works(host()).stderr.contains(&warning));
        std::os::unix::fs::chown(&cache, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o500)).unwrap();
    works(host());
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}

#[test]
fn a_browser_that_is_killed_leaves_the_url_and_the_wait() {
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

/// Whose parent is this process: proc(5).
#[cfg(target_os = "linux")]
fn children(of: u32) -> Vec<u32> {
    let tasks =
        fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().map_while(Result::ok);
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

/// The compiler is a process of its own: it ends with the program, however that ends.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_while_the_guest_is_compiled_ends_the_compiler_too() {
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

/// A signal can come at any time: what was printed is whole, and the exit code says what it is.
#[test]
fn a_signal_at_any_moment_leaves_all_of_the_outcome_or_nothing() {
    let mut codes = std::collections::BTreeSet::new();
    // As far as a machine needs that is slow today.
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
    // Were it all the same end, no moment was hit.
    assert!(codes.len() > 1, "{codes:?}");
}

/// Ask for the callback, and send a signal so long after.
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
