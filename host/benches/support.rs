//! What the tests stand on, for benchmarks: raw clients, and guests made from `.wat`.

use std::sync::Arc;

use curtaincall::internals::outgoing::DenyAll;
use curtaincall::internals::sandbox::Surroundings;
use curtaincall::internals::session::Session;

#[path = "../../tests/support/client.rs"]
pub mod client;
#[path = "../../tests/support/guest.rs"]
pub mod guest;

/// What `host run` puts around a guest.
pub fn surroundings() -> Surroundings {
    let session = Session::issue("http://127.0.0.1:1/callback".into()).unwrap();
    Surroundings::real(Arc::new(session), Arc::default(), Arc::new(DenyAll))
}

/// How long anything may take.
pub const DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);
