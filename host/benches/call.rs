//! The time of a guest call in process, on a fresh instance and with all checks of the reply.

use std::sync::Arc;
use std::time::{Duration, Instant};

use curtaincall::Guest;
use curtaincall::internals::sandbox::{Request, Sandbox, Terms};

use crate::figures::{Figures, Verdict};
use crate::support;

const RUNS: usize = 5_000;
/// The goal for the median. It is not met yet: `CHANGELOG.md` contains the measured time.
const GOAL: Duration = Duration::from_micros(100);

pub fn run(verdict: &Verdict) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (name, guest) in [
        ("the default guest", Guest::default()),
        (
            "the guest of the README, which imports wasi:cli",
            Guest::file("../tests/guests/hello.wasm"),
        ),
    ] {
        let figures = runtime.block_on(measure(guest));
        figures.print(&format!("call of {name}"));
        if name == "the default guest" {
            verdict.goal("a call on a fresh instance takes 0.1 ms", figures.median() <= GOAL);
        }
    }
    runtime.shutdown_background();
}

async fn measure(guest: Guest) -> Figures {
    let sandbox = Sandbox::load(guest, Terms::default(), Arc::new(|_| {})).await.unwrap();
    let surroundings = support::surroundings();
    let request = Request {
        method: "GET".into(),
        path_with_query: "/callback?code=abc&state=def".into(),
        authority: "127.0.0.1:1".into(),
        origin: "http://127.0.0.1:1".into(),
        headers: vec![("accept".into(), b"text/html".to_vec())],
        body: Vec::new(),
    };
    let mut times = Vec::with_capacity(RUNS);
    for run in 0..RUNS + 100 {
        let started = Instant::now();
        sandbox.handle(&surroundings, request.clone()).await.unwrap();
        if run >= 100 {
            times.push(started.elapsed());
        }
    }
    Figures::of(times)
}
