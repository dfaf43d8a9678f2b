//! The host side of the interfaces for providers. A guest holds secrets as resources, and never reads them.

mod exchange;
mod identity;
mod secrets;

use std::fmt;
use std::sync::Arc;

use crate::grants::NetGrants;
use crate::outgoing::Upstream;
use crate::session::Secret;

/// The largest number of values that a call can hand over.
const HANDED_OVER_LIMIT: usize = 100;

/// What a provider guest reaches in addition to its session and its variables.
#[derive(Clone)]
pub struct ProviderInputs {
    /// The URLs that the guest may send requests to.
    pub grants: Arc<NetGrants>,
    /// The network. It sends what it gets: the grants are checked before.
    pub network: Arc<dyn Upstream>,
    /// The words of `scope` in the authorization URL of this run. An answer that repeats them can be read.
    pub scopes: Arc<[String]>,
    /// Called with the grants that a call lacked.
    pub on_missing: OnMissing,
}

/// Receives the values of the missing grants, such as `https://idp.example/token`. They are the guest's own text.
pub type OnMissing = Arc<dyn Fn(&[String]) + Send + Sync>;

impl fmt::Debug for ProviderInputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderInputs").field("grants", &self.grants).finish_non_exhaustive()
    }
}

/// The state of one call: what the guest handed over, and the grants that it lacked.
pub(super) struct Provider {
    inputs: ProviderInputs,
    handed_over: Vec<(String, Secret)>,
    missing: Vec<String>,
}

impl Provider {
    pub(super) fn new(inputs: ProviderInputs) -> Self {
        Self { inputs, handed_over: Vec::new(), missing: Vec::new() }
    }

    /// Takes the values that the guest handed over, in that order.
    pub(super) fn take_handed_over(&mut self) -> Vec<(String, Secret)> {
        std::mem::take(&mut self.handed_over)
    }

    /// Reports the grants that the call lacked, once for the whole call.
    pub(super) fn report_missing(&self) {
        if !self.missing.is_empty() {
            (self.inputs.on_missing)(&self.missing);
        }
    }

    fn miss(&mut self, url: String) {
        if !self.missing.contains(&url) {
            self.missing.push(url);
        }
    }
}
