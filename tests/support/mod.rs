//! What the tests stand on: the real `host`, raw clients, and guests made from `.wat`.

#[cfg(unix)]
pub mod browser;
pub mod cases;
pub mod client;
#[cfg(unix)]
pub mod engine;
pub mod guest;
pub mod host;
#[cfg(target_os = "linux")]
pub mod network;
#[cfg(target_os = "linux")]
pub mod pages;
#[cfg(unix)]
pub mod terminal;
#[cfg(target_os = "linux")]
pub mod tour;
#[cfg(target_os = "linux")]
mod untold;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(unix)]
pub mod witness;

use std::time::Duration;

/// How long anything in a test may take.
pub const DEADLINE: Duration = Duration::from_secs(30);
