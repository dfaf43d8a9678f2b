//! What the tests stand on: the real `host`, raw clients, and guests made from `.wat`.

#[cfg(unix)]
pub mod browser;
pub mod cases;
pub mod client;
pub mod guest;
pub mod host;
#[cfg(unix)]
pub mod terminal;
#[cfg(unix)]
pub mod webdriver;
#[cfg(unix)]
pub mod witness;

use std::time::Duration;

/// How long anything in a test may take.
pub const DEADLINE: Duration = Duration::from_secs(30);
