//! Shared helpers: real browsers, and a separate network for a test.
//!
//! `client`, `guest`, `host`, `place`, `provider`, `server` and `tls` are files of `tests/support`, included by path. A shared
//! crate could not contain them: Cargo sets `CARGO_BIN_EXE_host` and `CARGO_TARGET_TMPDIR` only for the tests and
//! benchmarks of the program's own package. Each module that includes them defines their `DEADLINE`.

pub mod browser;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../../support/client.rs"]
pub mod client;
pub mod engine;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../../support/guest.rs"]
pub mod guest;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../../support/host.rs"]
pub mod host;
#[cfg(target_os = "linux")]
pub mod network;
pub mod oidc;
#[cfg(target_os = "linux")]
pub mod pages;
#[path = "../../support/place.rs"]
mod place;
#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../../support/provider.rs"]
pub mod provider;
pub mod scan;
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "only a benchmark measures memory"))]
#[path = "../../support/server.rs"]
pub mod server;
#[path = "../../support/tls.rs"]
pub mod tls;
pub mod tls_proxy;
#[cfg(target_os = "linux")]
pub mod tour;
#[cfg(target_os = "linux")]
mod watch;
pub mod witness;

use std::thread;
use std::time::{Duration, Instant};

/// How long each wait of a test may take.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Wait until `get` returns a value.
#[track_caller]
pub fn wait_for<T>(what: &str, get: impl Fn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(got) = get() {
            return got;
        }
        assert!(started.elapsed() < DEADLINE, "{what} did not appear in time");
        thread::park_timeout(Duration::from_millis(20));
    }
}
