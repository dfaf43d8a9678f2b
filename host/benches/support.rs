//! What the tests stand on, for benchmarks: raw clients, and guests made from `.wat`.

#[path = "../../tests/support/client.rs"]
pub mod client;
#[path = "../../tests/support/guest.rs"]
pub mod guest;

/// How long anything may take.
pub const DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);
