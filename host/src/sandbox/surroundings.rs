//! What a guest finds around it in a call, besides its request: every other input that there is.

use std::fmt;
use std::sync::Arc;

use wasmtime_wasi::WasiCtxBuilder;

#[cfg(feature = "testing")]
use super::Fixed;
use crate::outgoing::Upstream;
use crate::session::Session;
use crate::variables::Variables;

/// What a guest finds around it in a call, besides its request.
#[derive(Clone)]
pub struct Surroundings {
    /// `curtaincall:callback/session`.
    pub session: Arc<Session>,
    /// `wasi:config/store`.
    pub variables: Arc<Variables>,
    /// `wasi:http/outgoing-handler`.
    pub upstream: Arc<dyn Upstream>,
    /// `wasi:clocks` and `wasi:random` of a test; the machine's where there is none.
    #[cfg(feature = "testing")]
    pub fixed: Option<Fixed>,
}

impl Surroundings {
    /// The machine's clock and randomness.
    pub fn real(
        session: Arc<Session>,
        variables: Arc<Variables>,
        upstream: Arc<dyn Upstream>,
    ) -> Self {
        Self {
            session,
            variables,
            upstream,
            #[cfg(feature = "testing")]
            fixed: None,
        }
    }

    #[cfg(feature = "testing")]
    pub(super) fn furnish(&self, wasi: &mut WasiCtxBuilder) {
        if let Some(fixed) = &self.fixed {
            fixed.furnish(wasi);
        }
    }

    /// The machine's clock and randomness are what a context has by itself.
    #[cfg(not(feature = "testing"))]
    pub(super) fn furnish(&self, _: &mut WasiCtxBuilder) {}
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("variables", &self.variables).finish_non_exhaustive()
    }
}
