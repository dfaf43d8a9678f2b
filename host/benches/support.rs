//! Helpers of the tests for benchmarks: raw clients, certificates, guests built from `.wat`, and servers that run the bounce.

use std::sync::Arc;

use curtaincall::internals::outgoing::NoNetwork;
use curtaincall::internals::sandbox::{ProviderInputs, Surroundings};
use curtaincall::internals::session::Session;

#[path = "../../tests/support/client.rs"]
pub mod client;
#[path = "../../tests/support/guest.rs"]
pub mod guest;
#[cfg(target_os = "linux")]
#[path = "../../tests/support/place.rs"]
mod place;
#[cfg(unix)]
#[path = "../../tests/support/server.rs"]
pub mod server;
#[cfg(target_os = "linux")]
#[path = "../../tests/support/terminal.rs"]
pub mod terminal;
#[path = "../../tests/support/tls.rs"]
pub mod tls;

/// The surroundings that `host run` gives to a guest.
pub fn surroundings() -> Surroundings {
    let session = Session::issue("http://127.0.0.1:1/callback".into()).unwrap();
    let network = Arc::new(NoNetwork);
    Surroundings::real(Arc::new(session), Arc::default(), network, ProviderInputs::default())
}

/// How long each wait may take.
pub const DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);
