//! The time to check and rewrite the page of the default guest, in a fresh process and repeatedly in one process.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use curtaincall::internals::reply::check_page;
use curtaincall::internals::sandbox::{Request, Sandbox, Terms};
use curtaincall::{Guest, PageGrants};
use http_body_util::BodyExt as _;

use crate::figures::{Figures, Verdict};
use crate::support;

const RUNS: usize = 100;
const MOST: Duration = Duration::from_micros(200);

/// The argument with which the benchmark starts itself, to check the page on standard input and print the time.
pub const ONCE: &str = "--check-page-once";

pub fn run(verdict: &Verdict) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let page = runtime.block_on(default_page());
    runtime.shutdown_background();
    let fresh = Figures::of((0..RUNS).map(|_| in_a_fresh_process(&page)).collect());
    fresh.print(&format!("the default page, {} bytes, in a fresh process", page.len()));
    verdict.compare("checking it takes at most 0.2 ms", fresh.median() <= MOST);
    Figures::of((0..RUNS).map(|_| time(&page)).collect()).print("the same page, repeatedly");
}

async fn default_page() -> String {
    let sandbox =
        Sandbox::load(Guest::default(), Terms::default(), Arc::new(|_| {})).await.unwrap();
    let request = Request {
        method: "GET".into(),
        path_with_query: "/callback?code=abc".into(),
        authority: "127.0.0.1:1".into(),
        origin: "http://127.0.0.1:1".into(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let reply = sandbox.handle(&support::surroundings(), request).await.unwrap();
    let body = reply.page.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn time(page: &str) -> Duration {
    let started = Instant::now();
    check_page(page, "http://127.0.0.1:1", &PageGrants::default(), &|| Ok(())).unwrap();
    started.elapsed()
}

fn in_a_fresh_process(page: &str) -> Duration {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg(ONCE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let nanos = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    Duration::from_nanos(nanos)
}

/// The part that runs in the fresh process.
pub fn once() {
    let mut page = String::new();
    std::io::stdin().read_to_string(&mut page).unwrap();
    println!("{}", time(&page).as_nanos());
}
