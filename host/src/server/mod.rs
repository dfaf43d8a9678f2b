//! One listener and its connections: from the socket to the close that destroys no answer.

pub(crate) mod answer;
pub(crate) mod connection;
pub(crate) mod connections;
mod delivery;
pub(crate) mod listener;
pub(crate) mod once;
pub(crate) mod peer;
pub(crate) mod progress;
pub(crate) mod queue;
mod room;
