//! What these tests stand on: real browsers, and a network of their own.

pub mod browser;
#[expect(dead_code, reason = "the other tests need more of it")]
#[path = "../../support/client.rs"]
pub mod client;
pub mod engine;
#[expect(dead_code, reason = "the other tests need more of it")]
#[path = "../../support/guest.rs"]
pub mod guest;
#[expect(dead_code, reason = "the other tests need more of it")]
#[path = "../../support/host.rs"]
pub mod host;
#[cfg(target_os = "linux")]
pub mod network;
#[cfg(target_os = "linux")]
pub mod pages;
#[cfg(target_os = "linux")]
pub mod tour;
#[cfg(target_os = "linux")]
mod watch;
pub mod witness;

use std::time::Duration;

/// How long anything in a test may take.
pub const DEADLINE: Duration = Duration::from_secs(30);
