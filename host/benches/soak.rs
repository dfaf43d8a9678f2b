//! Many requests from a mix of clients to a mix of guests, many of them hostile, in one process. Its memory,
//! descriptors, threads and tasks must not grow.
//!
//! The default is 20,000 requests; `cargo bench -- soak 200000` sets another number. The run ends after 20 minutes at
//! most. It reads proc(5), so it needs Linux.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use curtaincall::{Error, Flow, Guest, Limits, Signal};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::figures::Verdict;
use crate::support;
use crate::support::client::{Client, navigation};
use crate::support::guest;

const REQUESTS: usize = 20_000;
const CLIENTS: usize = 4;
const AT_MOST: Duration = Duration::from_secs(20 * 60);
/// The allowed growth of memory after the first requests, in bytes, because allocators keep some.
const GROWTH: u64 = 16 << 20;

/// The guests, and how many of a hundred requests each one gets.
const GUESTS: [(&str, usize); 14] = [
    ("pending", 50),
    ("trap", 10),
    ("crlf-value", 8),
    ("bad-pointer", 8),
    ("recursion", 3),
    ("exit-1", 5),
    ("random", 3),
    ("handles", 3),
    ("memory-in-one-step", 3),
    ("many-memories", 1),
    ("table-bomb", 2),
    ("spin", 1),
    ("log-flood", 1),
    ("large-pending", 2),
];

pub fn run(verdict: &mut Verdict) {
    let requests = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(REQUESTS);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (stop, stopped) = watch::channel(false);
    let (addrs, flows): (Vec<_>, Vec<_>) =
        GUESTS.iter().map(|(name, _)| flow(&runtime, name, stopped.clone())).unzip();

    let (served, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (flat, settled) = thread::scope(|scope| {
        scope.spawn(|| runtime.block_on(stopped.clone().wait_for(|stopped| *stopped)).is_ok());
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (addrs, served, over) = (&addrs, &served, &over);
                scope.spawn(move || attack(number, addrs, requests, served, over))
            })
            .collect();
        let at_work = || clients.iter().any(|client| !client.is_finished());
        let flat = watch_over(&runtime, requests, &served, &over, at_work);
        clients.into_iter().for_each(|client| client.join().unwrap());
        // Only the tasks of the flows remain.
        let settled = settles(|| runtime.metrics().num_alive_tasks() <= GUESTS.len());
        stop.send_replace(true);
        (flat, settled)
    });
    let ended = runtime.block_on(async {
        for flow in flows {
            flow.await.unwrap();
        }
        runtime.metrics().num_alive_tasks()
    });
    verdict.require("memory, descriptors and threads do not grow", flat);
    verdict.require("no task is left when the clients are gone", settled);
    verdict.require("no task is left when the flows have ended", ended == 0);
    let served = served.into_inner();
    verdict.require("every request was made", served >= requests);
}

/// Start a flow that never ends by itself, with low limits for its guest.
fn flow(
    runtime: &Runtime,
    name: &str,
    mut stopped: watch::Receiver<bool>,
) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut limits = Limits::default();
    limits.cpu_time = Duration::from_millis(5);
    limits.memory = ByteSize::mib(16);
    limits.log = ByteSize::kib(1);
    let shutdown = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
        Signal::Terminate
    };
    let flow = Flow::new()
        .guest(Guest::file(guest::from_wat(name)))
        .limits(limits)
        .timeout(2 * AT_MOST)
        .listener(listener)
        .shutdown(shutdown);
    let ends_when_told = async move {
        match flow.run().await {
            Err(Error::Interrupted(_)) => {}
            other => panic!("a flow ended by itself: {other:?}"),
        }
    };
    (addr, runtime.spawn(ends_when_told))
}

/// Send the share of one client of the requests.
fn attack(
    number: usize,
    addrs: &[SocketAddr],
    requests: usize,
    served: &AtomicUsize,
    over: &AtomicBool,
) {
    let plan: Vec<SocketAddr> = GUESTS
        .iter()
        .zip(addrs)
        .flat_map(|((_, often), addr)| std::iter::repeat_n(*addr, *often))
        .collect();
    let mut turn = number;
    while served.fetch_add(1, Ordering::Relaxed) < requests && !over.load(Ordering::Relaxed) {
        // Both numbers are coprime to the length of the plan, so that every client reaches every guest.
        turn += 37;
        let addr = plan[turn % plan.len()];
        behave(turn % 23, Client::connect(addr), addr);
    }
}

/// Act mostly as a browser, and sometimes as a hostile client.
fn behave(kind: usize, mut client: Client, addr: SocketAddr) {
    let request = navigation(addr, "/callback?evil=1");
    let _ = match kind {
        0 => client.try_send(&request[..request.len() / 2]),
        1 => client.try_send("\x16\x03\x01 this is no HTTP\r\n\r\n"),
        2 => client.try_send(request.repeat(20)).map(|()| drop(client.read_to_end_or_reset())),
        3 => client
            .try_send(navigation(addr, "/favicon.ico"))
            .map(|()| drop(client.read_to_end_or_reset())),
        4 => return client.try_send(&request).map_or((), |()| client.reset()),
        5 => client.try_send(&request).map(|()| drop(client.read_some(1))),
        6 => {
            client.try_send("POST /callback HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nstops here")
        }
        _ => client.try_send(&request).map(|()| drop(client.read_to_end_or_reset())),
    };
}

/// The resources of this process: memory in bytes, descriptors and threads.
#[derive(Clone, Copy)]
struct Usage {
    memory: u64,
    descriptors: usize,
    threads: usize,
}

impl Usage {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let memory = line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10;
        let count = |folder| fs::read_dir(folder).unwrap().count();
        Self { memory, descriptors: count("/proc/self/fd"), threads: count("/proc/self/task") }
    }
}

/// Print the usage after every tenth of the requests. Returns whether it does not grow.
fn watch_over(
    runtime: &Runtime,
    requests: usize,
    served: &AtomicUsize,
    over: &AtomicBool,
    at_work: impl Fn() -> bool,
) -> bool {
    let started = Instant::now();
    let mut seen = Vec::new();
    println!(
        "{:>9} {:>8} {:>10} {:>12} {:>8} {:>6}",
        "requests", "seconds", "memory", "descriptors", "threads", "tasks"
    );
    for tenth in 1..=10 {
        while served.load(Ordering::Relaxed) < requests * tenth / 10 {
            over.store(started.elapsed() > AT_MOST, Ordering::Relaxed);
            if over.load(Ordering::Relaxed) || !at_work() {
                return false;
            }
            thread::park_timeout(Duration::from_millis(10));
        }
        let usage = Usage::now();
        println!(
            "{:>9} {:>8.1} {:>10} {:>12} {:>8} {:>6}",
            requests * tenth / 10,
            started.elapsed().as_secs_f64(),
            ByteSize(usage.memory).to_string(),
            usage.descriptors,
            usage.threads,
            runtime.metrics().num_alive_tasks()
        );
        seen.push(usage);
    }
    // After two tenths, every client has reached every guest many times.
    let (early, late) = (&seen[2..5], &seen[7..]);
    let most = |part: &[Usage], what: fn(&Usage) -> u64| part.iter().map(what).max().unwrap();
    let memory = |usage: &Usage| usage.memory;
    let descriptors = |usage: &Usage| usage.descriptors as u64;
    let threads = |usage: &Usage| usage.threads as u64;
    most(late, memory) <= most(early, memory) + GROWTH
        && most(late, descriptors) <= most(early, descriptors) + 16
        && most(late, threads) <= most(early, threads) + 4
}

/// Wait until `done` returns true. Returns false at the deadline.
fn settles(done: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while !done() {
        if started.elapsed() > support::DEADLINE {
            return false;
        }
        thread::park_timeout(Duration::from_millis(10));
    }
    true
}
