//! The time to test a page: a call, a hundred cases, and a case with a pretend provider, compared with a run over a
//! socket.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use curtaincall::Guest;
use curtaincall::internals::case::{Case, Mode};
use curtaincall::internals::sandbox::{Sandbox, Terms};

use crate::figures::{Figures, Verdict};
use crate::program;
use crate::support::client::{Client, request};
use crate::support::guest;

const CALL_MOST: Duration = Duration::from_millis(10);
const HUNDRED_MOST: Duration = Duration::from_secs(1);
const CANNED_MOST: Duration = Duration::from_millis(5);

pub fn run(verdict: &Verdict) {
    let call = Figures::measure(100, || {
        let mut host = host();
        host.args(["call", "default", "/callback?code=abc"]);
        to_exit(&mut host)
    });
    call.print("host call, exec to exit, cache warm");
    verdict.compare("a call takes at most 10 ms", call.median() <= CALL_MOST);
    Figures::measure(100, run_with_a_socket)
        .print("host run, the same request over a socket, to exit");

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hundred-cases");
    fs::create_dir_all(&folder).unwrap();
    for number in 0..100 {
        let case = format!(
            "GET /callback?code={number}\n\nHTTP 200\n[Asserts]\nbody contains \"You can close this tab\"\n[Success]\ncode: {number}\n"
        );
        fs::write(folder.join(format!("{number:02}.case")), case).unwrap();
    }
    let hundred = Figures::measure(20, || to_exit(host().args(["test", "default"]).arg(&folder)));
    hundred.print("host test, 100 cases of the default guest, exec to exit");
    verdict.compare("100 cases take at most 1 s", hundred.median() <= HUNDRED_MOST);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let guest = Guest::file(guest::built("exchange"));
    let load = Sandbox::load(guest, Terms::default(), Arc::new(|_| {}));
    let sandbox = runtime.block_on(load).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest/exchange/cases/token.case");
    let canned = Figures::measure(1_000, || {
        let started = Instant::now();
        let report = Case::load(Path::new(file)).unwrap().run(&sandbox, Mode::default()).unwrap();
        let took = started.elapsed();
        assert!(report.passed(), "{report:?}");
        took
    });
    canned.print("a case with a canned provider, read and run");
    verdict.compare("such a case takes at most 5 ms", canned.median() <= CANNED_MOST);
}

fn host() -> Command {
    let mut host = program::host();
    host.stdout(Stdio::null()).stderr(Stdio::piped());
    host
}

fn to_exit(host: &mut Command) -> Duration {
    let started = Instant::now();
    let output = host.output().unwrap();
    let took = started.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    took
}

fn run_with_a_socket() -> Duration {
    let started = Instant::now();
    let mut child = host().args(["run", "--no-browser"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let authority = line.split('/').nth(2).unwrap();
    let addr: SocketAddr = authority.parse().unwrap();
    let page = Client::connect(addr).send(request(addr, "/callback?code=abc")).response();
    assert_eq!(page.status(), 200);
    assert!(child.wait().unwrap().success());
    started.elapsed()
}
