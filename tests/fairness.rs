//! A guest that computes until its limit does not delay anything else. `cargo bench` measures the times.

use std::time::{Duration, Instant};

use crate::support::client::{Client, navigation};
use crate::support::guest;
use crate::support::host::{Host, Running};

/// Far less than the CPU time of the guest, which is an hour in these tests.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Start a host whose guest computes without an end, for a client that waits.
fn busy(args: &[&str]) -> (Running, Client) {
    let host = Host::run().arg(guest::from_wat("spin")).args(["--max-cpu-time", "1h"]).args(args);
    let host = host.start();
    let mut waiting = host.client();
    waiting.send(navigation(host.addr, "/callback"));
    // The host answers this while the guest computes, so the call has started.
    assert_eq!(host.navigate("/x").status(), 404);
    (host, waiting)
}

#[test]
fn a_busy_guest_does_not_delay_a_refusal() {
    let (host, _waiting) = busy(&[]);
    let started = Instant::now();
    for _ in 0..100 {
        assert_eq!(host.navigate("/favicon.ico").status(), 404);
    }
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}

/// The host sends a page of 4 MB to a slow client when the next call starts to compute.
#[test]
fn a_busy_guest_does_not_delay_the_page_of_another_connection() {
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
fn a_busy_guest_does_not_delay_a_signal() {
    let (host, _waiting) = busy(&["--grace", "0s"]);
    let started = Instant::now();
    host.signal("TERM");
    host.finish().code(143);
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}

#[test]
fn a_busy_guest_does_not_delay_the_timeout() {
    let started = Instant::now();
    let (host, _waiting) = busy(&["--grace", "0s", "--timeout", "1s"]);
    host.finish().code(124);
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}
