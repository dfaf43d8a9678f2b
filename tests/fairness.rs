//! A guest that computes until its limit holds nobody else up. How fast is a matter of `cargo bench`.

use std::time::{Duration, Instant};

use crate::support::client::{Client, navigation};
use crate::support::guest;
use crate::support::host::{Host, Running};

/// Far less than the guest's limit, which is an hour in these tests.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A host whose guest computes for as long as it lives, for a client that waits.
fn busy(args: &[&str]) -> (Running, Client) {
    let host = Host::run().arg(guest::from_wat("spin")).args(["--max-cpu-time", "1h"]).args(args);
    let host = host.start();
    let mut waiting = host.client();
    waiting.send(navigation(host.addr, "/callback"));
    // Answered while the guest computes, so it was called before.
    assert_eq!(host.navigate("/x").status(), 404);
    (host, waiting)
}

#[test]
fn a_request_that_is_refused() {
    let (host, _waiting) = busy(&[]);
    let started = Instant::now();
    for _ in 0..100 {
        assert_eq!(host.navigate("/favicon.ico").status(), 404);
    }
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}

/// A page of 4 MB is on its way to a slow client when the next call begins to compute.
#[test]
fn the_page_of_another_connection() {
    let host =
        Host::run().arg(guest::from_wat("large-then-spin")).args(["--max-cpu-time", "1h"]).start();
    let mut slow = host.client();
    slow.send(navigation(host.addr, "/callback?page"));
    let mut page = slow.read_some(1000).unwrap();
    let mut waiting = host.client();
    waiting.send(navigation(host.addr, "/callback?compute"));
    assert_eq!(host.navigate("/x").status(), 404);
    page.extend(slow.read_to_end());
    assert_eq!(crate::support::client::Response::parse(&page).unwrap().body.len(), 4_000_000);
}

#[cfg(unix)]
#[test]
fn a_signal() {
    let (host, _waiting) = busy(&["--grace", "0s"]);
    let started = Instant::now();
    host.signal("TERM");
    host.finish().code(143);
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}

#[test]
fn the_timeout() {
    let started = Instant::now();
    let (host, _waiting) = busy(&["--grace", "0s", "--timeout", "1s"]);
    host.finish().code(124);
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}
