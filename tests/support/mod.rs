//! Shared helpers: the real `host`, raw clients, and guests built from `.wat`.

pub mod cases;
pub mod client;
pub mod guest;
pub mod host;
#[cfg(target_os = "linux")]
mod netlink;
mod place;
pub mod provider;
#[cfg(unix)]
pub mod terminal;
pub mod tls;

use std::time::Duration;

/// How long each wait of a test may take.
pub const DEADLINE: Duration = Duration::from_secs(30);
