//! The time from exec to listening with a warm and a cold compile cache, compared with a program in Go. The time from
//! exec to the first page, over TLS and without it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::figures::{Figures, Verdict};
use crate::program;
use crate::support::client::{Client, request};
use crate::support::tls::{loopback_client, loopback_flags};

const COLD_MOST: Duration = Duration::from_millis(100);
const PAGE_MOST: Duration = Duration::from_millis(5);

pub fn run(verdict: &mut Verdict) {
    first_page(verdict);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("startup-cache");
    let host = || {
        let mut host = program::host();
        host.args(["run", "--no-browser"]).env("XDG_CACHE_HOME", &cache);
        to_listening(host)
    };
    let cold = Figures::measure(10, || {
        let _ = fs::remove_dir_all(&cache);
        host()
    });
    cold.print("exec to listening, cache cold");
    verdict.compare("a cold start takes at most 100 ms", cold.median() <= COLD_MOST);

    let Some(go) = build_go() else {
        Figures::measure(100, host).print("exec to listening, cache warm");
        println!("  not compared: `go` is not installed");
        return;
    };
    // Alternate between the programs, so that a machine that becomes slower affects both.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..210 {
        let pair = (host(), to_listening(Command::new(&go)));
        if run >= 10 {
            ours.push(pair.0);
            theirs.push(pair.1);
        }
    }
    let (ours, theirs) = (Figures::of(ours), Figures::of(theirs));
    ours.print("exec to listening, cache warm");
    theirs.print("exec to listening, the Go program");
    verdict.compare(
        "a warm start takes at most the time of the Go program",
        ours.median() <= theirs.median(),
    );
}

/// Alternate between both, so that a machine that becomes slower affects both.
fn first_page(verdict: &Verdict) {
    let (mut plain, mut secure) = (Vec::new(), Vec::new());
    for run in 0..110 {
        let pair = (to_page(false), to_page(true));
        if run >= 10 {
            plain.push(pair.0);
            secure.push(pair.1);
        }
    }
    let (plain, secure) = (Figures::of(plain), Figures::of(secure));
    plain.print("exec to the whole first page, cache warm");
    secure.print("exec to the whole first page over TLS, cache warm");
    verdict.compare("over TLS, it takes at most 5 ms", secure.median() <= PAGE_MOST);
}

fn to_page(is_secure: bool) -> Duration {
    let mut host = program::host();
    host.arg("run");
    if is_secure {
        host.args(loopback_flags());
    }
    host.arg("--no-browser").stdout(Stdio::null()).stderr(Stdio::piped());
    let config = loopback_client();
    let started = Instant::now();
    let mut child = host.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let addr = line.split('/').nth(2).unwrap().parse().unwrap();
    let mut client = if is_secure { Client::secure(addr, config) } else { Client::connect(addr) };
    let page = client.send(request(addr, "/callback?code=abc")).response();
    let time = started.elapsed();
    assert_eq!(page.status(), 200);
    child.wait().unwrap();
    time
}

fn to_listening(mut command: Command) -> Duration {
    // The Go program may be dynamically linked. See `program::host`.
    command.env_remove("LD_LIBRARY_PATH");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let time = started.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("Waiting for the callback at "), "{line}");
    time
}

/// Build `benches/go`. Returns `None` if Go is not installed.
fn build_go() -> Option<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/go/main.go");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("question-in-go");
    let status =
        Command::new("go").args(["build", "-o"]).arg(&program).arg(source).status().ok()?;
    status.success().then(|| program::copy(&program))
}
