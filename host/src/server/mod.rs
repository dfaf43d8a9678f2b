//! The HTTP server: one listener and its connections, from the socket to a close that loses no response.

pub(crate) mod answer;
pub(crate) mod connection;
pub(crate) mod connections;
mod delivery;
pub(crate) mod listener;
pub(crate) mod once;
pub(crate) mod paste;
pub(crate) mod peer;
pub(crate) mod progress;
pub(crate) mod queue;
mod room;
mod stream;
#[cfg(feature = "net")]
pub(crate) mod tls;
