//! The effects of a hostile guest: the time of a refused request during a busy guest call, how far a guest exceeds its
//! CPU time, and how much memory the host uses.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use curtaincall::internals::sandbox::{Request, Sandbox, Terms};
use curtaincall::{Guest, Limits};

use crate::figures::{Figures, Verdict};
use crate::program;
use crate::support::client::{Client, navigation};
use crate::support::{self, guest};

const REFUSED_MOST: Duration = Duration::from_millis(5);
const LATE_MOST: Duration = Duration::from_millis(50);
/// The memory in addition to that of the guest, in bytes.
const MEMORY_MOST: u64 = 64 << 20;
const GUEST_MEMORY: u64 = 64 << 20;

pub fn run(verdict: &mut Verdict) {
    let host = Host::start("spin", &["--max-cpu-time", "1h"]);
    let mut waiting = Client::connect(host.addr);
    waiting.send(navigation(host.addr, "/callback"));
    let refused = Figures::measure(1_000, || {
        let started = Instant::now();
        host.navigate("/favicon.ico");
        started.elapsed()
    });
    drop(host);
    refused.print("a refused request during a busy guest call");
    verdict.compare("the median is at most 5 ms", refused.median() <= REFUSED_MOST);
    verdict.compare("it is never above 5 ms", refused.max() <= REFUSED_MOST);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for name in ["spin", "spin-at-start", "log-flood", "memory-fill"] {
        let late = runtime.block_on(beyond(name));
        late.print(&format!("`{name}`, beyond its CPU time of 100 ms"));
        verdict.compare("it is never above 50 ms", late.max() <= LATE_MOST);
    }
    runtime.shutdown_background();

    #[cfg(target_os = "linux")]
    memory(verdict);
}

/// Measure how far a guest exceeds a CPU time of 100 ms.
async fn beyond(name: &str) -> Figures {
    let cpu_time = Duration::from_millis(100);
    let mut limits = Limits::default();
    limits.cpu_time = cpu_time;
    let terms = Terms { limits, ..Terms::default() };
    let guest = Guest::file(guest::from_wat(name));
    let sandbox = Sandbox::load(guest, terms, Arc::new(|_| {})).await.unwrap();
    let surroundings = support::surroundings();
    let request = Request {
        method: "GET".into(),
        path_with_query: "/callback".into(),
        authority: "127.0.0.1:1".into(),
        origin: "http://127.0.0.1:1".into(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let mut times = Vec::new();
    for _ in 0..50 {
        let started = Instant::now();
        assert!(sandbox.handle(&surroundings, request.clone()).await.is_err());
        times.push(started.elapsed().saturating_sub(cpu_time));
    }
    Figures::of(times)
}

/// Measure the peak memory of the host with each guest.
#[cfg(target_os = "linux")]
fn memory(verdict: &mut Verdict) {
    let guests = fs::read_dir(guest::folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut peaks: Vec<(u64, String)> = guests
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !OTHER_WORLDS.contains(&&**name))
        .filter_map(|name| {
            let host = Host::try_start(&name, &["--max-wall-time", "2s", "--grace", "0s"])?;
            host.navigate(&format!("/callback?evil={}", "x".repeat(2000)));
            Some((host.peak_memory()?, name))
        })
        .collect();
    peaks.sort_unstable();
    let (peak, name) = peaks.last().unwrap();
    println!(
        "the peak memory of a host, over {} guests: {} MB with `{name}`",
        peaks.len(),
        peak >> 20
    );
    let holds = *peak < GUEST_MEMORY + MEMORY_MOST;
    verdict.require("a host never uses more than 64 MB and the 64 MB of its guest", holds);
}

/// Guests that need a different world.
#[cfg(target_os = "linux")]
const OTHER_WORLDS: [&str; 8] = [
    "authorizer",
    "authorizer-session",
    "declines",
    "hoards-secrets",
    "other-world",
    "reveals",
    "unknown-import",
    "uses-handles",
];

struct Host {
    child: Child,
    addr: SocketAddr,
}

impl Host {
    fn start(name: &str, args: &[&str]) -> Self {
        Self::try_start(name, args).unwrap_or_else(|| panic!("{name}"))
    }

    /// Returns `None` if the host does not load the guest.
    fn try_start(name: &str, args: &[&str]) -> Option<Self> {
        let mut child = program::host()
            .args(["run", "--no-browser"])
            .arg(guest::from_wat(name))
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut line).unwrap();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(drop));
        match line.split('/').nth(2).and_then(|authority| authority.parse().ok()) {
            Some(addr) => Some(Self { child, addr }),
            None => {
                assert!(line.starts_with("error: cannot load the guest"), "{name}: {line}");
                child.wait().unwrap();
                None
            }
        }
    }

    fn navigate(&self, path: &str) {
        let mut client = Client::connect(self.addr);
        client.send(navigation(self.addr, path)).read_to_end_or_reset();
    }

    /// Returns `None` if the host has already exited because its flow is complete.
    #[cfg(target_os = "linux")]
    fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
