//! Sends a browser from an `https` redirect URI on to the program on the same computer that waits for the callback.
//!
//! This is a component for any server that runs `wasi:http` 0.2, and not a guest of `host`. It has no state and no
//! configuration, sends no requests, and logs nothing. `README.md` beside this crate says how to run it.

mod answer;
mod form;
mod handler;
mod page;
mod query;
mod receiver;
mod refusal;
