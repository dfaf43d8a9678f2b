//! The inputs of a guest call besides the request: session, variables, network, clock and randomness.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "net")]
use std::time::SystemTime;

use wasmtime_wasi::WasiCtxBuilder;

#[cfg(feature = "testing")]
use super::FixedInputs;
use super::{ProviderInputs, Request};
use crate::outgoing::Upstream;
use crate::session::Session;
use crate::variables::Variables;

/// The inputs of a guest call besides the request.
#[derive(Clone)]
pub struct Surroundings {
    /// The session, for `curtaincall:callback/session`.
    pub session: Arc<Session>,
    /// The variables, for `wasi:config/store`.
    pub variables: Arc<Variables>,
    /// The receiver of outgoing requests, for `wasi:http/outgoing-handler`.
    pub upstream: Arc<dyn Upstream>,
    /// What the guest can reach as a provider.
    pub provider: ProviderInputs,
    /// A fixed clock and random bytes, for `wasi:clocks` and `wasi:random`. `None` means those of the machine.
    #[cfg(feature = "testing")]
    pub fixed: Option<FixedInputs>,
}

impl Surroundings {
    /// Creates inputs with the clock and randomness of the machine.
    pub fn real(
        session: Arc<Session>,
        variables: Arc<Variables>,
        upstream: Arc<dyn Upstream>,
        provider: ProviderInputs,
    ) -> Self {
        Self {
            session,
            variables,
            upstream,
            provider,
            #[cfg(feature = "testing")]
            fixed: None,
        }
    }

    /// Returns the surroundings for `request`. Its authorization code is redacted in the guest's log and in messages.
    /// The guest itself may read the code, which is worthless without the client secret or the verifier.
    pub(super) fn for_request(&self, request: &Request) -> Self {
        let code = request.code();
        if code.is_empty() {
            return self.clone();
        }
        Self { variables: Arc::new(self.variables.also_redacting(code)), ..self.clone() }
    }

    /// Returns the time of the guest's clock.
    #[cfg(feature = "net")]
    pub(super) fn now(&self) -> SystemTime {
        #[cfg(feature = "testing")]
        if let Some(fixed) = &self.fixed {
            return fixed.wall_clock();
        }
        SystemTime::now()
    }

    #[cfg(feature = "testing")]
    pub(super) fn configure(&self, wasi: &mut WasiCtxBuilder) {
        if let Some(fixed) = &self.fixed {
            fixed.configure(wasi);
        }
    }

    /// Does nothing: a WASI context uses the clock and randomness of the machine by default.
    #[cfg(not(feature = "testing"))]
    pub(super) fn configure(&self, _: &mut WasiCtxBuilder) {}
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("variables", &self.variables).finish_non_exhaustive()
    }
}
