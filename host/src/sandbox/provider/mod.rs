//! The host side of the interfaces for providers. A guest holds secrets as resources, and never reads them.

mod exchange;
#[cfg(feature = "net")]
mod identity;
mod secrets;

use std::fmt;
use std::sync::Arc;

use crate::grants::NetGrants;
use crate::outgoing::{NoNetwork, Upstream};
use crate::sandbox::state::CallState;
use crate::sandbox::{RequestProblems, Surroundings};
use crate::sealed::{Context, Vault};
use crate::session::Secret;

/// What a provider guest can reach, in addition to the session and the variables.
#[derive(Clone)]
pub struct ProviderInputs {
    /// The URLs that the guest may send requests to.
    pub grants: Arc<NetGrants>,
    /// The network. It sends every request that it gets: the sandbox checks the grants.
    pub network: Arc<dyn Upstream>,
    /// The scopes that the guest asked for in the authorization URL. It may read them in an answer.
    pub scopes: Arc<[String]>,
    /// The tokens of the run, and whether a provider has repeated a secret. All calls of a run share it.
    pub vault: Vault,
    /// Called at the end of a call whose requests had problems.
    pub on_problems: OnProblems,
}

/// Receives the problems of the requests of one call.
pub type OnProblems = Arc<dyn Fn(&RequestProblems) + Send + Sync>;

impl Default for ProviderInputs {
    /// Grants nothing.
    fn default() -> Self {
        Self {
            grants: Arc::default(),
            network: Arc::new(NoNetwork),
            scopes: Arc::default(),
            vault: Vault::default(),
            on_problems: Arc::new(|_| {}),
        }
    }
}

impl fmt::Debug for ProviderInputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderInputs").field("grants", &self.grants).finish_non_exhaustive()
    }
}

/// What a guest did as a provider in one call.
#[derive(Default)]
pub(super) struct ProviderState {
    /// The values for the outcome, in the order in which the guest handed them over.
    pub(super) handed_over: Vec<(String, Secret)>,
}

impl CallState {
    /// Reads what a provider sent, with what the run knows. If that seals the vault, the person learns it, with `url`.
    fn read_with<T>(&self, url: &str, read: impl FnOnce(&Context<'_>) -> T) -> T {
        let Surroundings { variables, session, provider, .. } = &self.surroundings;
        let mut granted: Vec<_> = variables.secrets().collect();
        granted.push(session.code_verifier());
        let context =
            Context { scopes: &provider.scopes, granted: &granted, vault: &provider.vault };
        let before = provider.vault.sealed();
        let result = read(&context);
        if let (None, Some(sealed)) = (before, provider.vault.sealed()) {
            self.outgoing.problems.failed(url, &sealed);
        }
        result
    }
}
