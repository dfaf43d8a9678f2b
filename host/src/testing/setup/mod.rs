//! A guest's inputs in a test, besides the requests.

mod option;
mod session;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

pub use session::session;

use super::AuthorizationRequest;
use super::canned::{CannedAnswer, CannedAnswers};
use super::raw::AUTHORITY;
use crate::grants::NetGrants;
use crate::limits::{self, Limit, Limits};
use crate::reply::PageGrants;
use crate::request::{CallbackPath, Rules, Scheme};
use crate::sandbox::{FixedInputs, LogLine, OnLogLine, ProviderInputs, Surroundings};
use crate::sealed::Vault;
use crate::variables::Variables;
use session::Values;

/// 2000-01-01T00:00:00Z, as the time since 1970.
const CLOCK: Duration = Duration::from_secs(946_684_800);

/// A guest's inputs in a test, besides the requests. The default grants nothing, and is the same on every run. Clones
/// share the canned answers, the log, and what the run knows of secrets.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The limits of a guest call.
    pub limits: Limits,
    /// What the guest's page may do.
    pub page: PageGrants,
    /// The callback path.
    pub path: CallbackPath,
    /// The expected issuer of the callback (RFC 9207).
    pub issuer: Option<String>,
    /// The values of `wasi:config/store`, and the secrets of `curtaincall:callback/secrets`.
    pub variables: Variables,
    /// The hosts that the guest and its authorization URL may reach.
    pub net: NetGrants,
    /// The time of the first call. The default is the start of the year 2000.
    pub clock: SystemTime,
    /// The seed of the random bytes. Each call of a test gets different bytes.
    pub seed: u64,
    /// Limits that were set by name. They override those of the command line.
    overrides: Vec<(Limit, String)>,
    /// The issuer that the guest expects, if it started the flow.
    started_issuer: Option<String>,
    /// The scopes that the guest asked for in its authorization URL, if it started the flow.
    scopes: Option<Arc<[String]>>,
    session: Values,
    /// The calls of a test are one run.
    vault: Vault,
    pub(super) answers: CannedAnswers,
    log: Arc<Mutex<Vec<String>>>,
}

/// Why an option or a session value is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The option does not exist.
    #[error(
        "unknown option `{0}`: expected `clock`, `seed`, `path`, `issuer`, `allow-page`, `allow-net`, `allow-open`, `allow-reveal` or a limit such as `max-cpu-time`"
    )]
    Option(String),
    /// The option configures the engine, which all cases share.
    #[error("option `{0}` applies to all cases")]
    Shared(String),
    /// The session value does not exist.
    #[error(
        "unknown session value `{0}`: expected `redirect-uri`, `state`, `nonce` or `code-verifier`"
    )]
    Session(String),
    /// The value of the option is invalid.
    #[error("invalid value `{value}` for `{name}`: {problem}")]
    #[non_exhaustive]
    Value {
        /// The name of the option.
        name: String,
        /// The given value.
        value: String,
        /// What is wrong with the value.
        problem: String,
    },
}

/// The beginning of the log line for a URL that the guest asked for without a grant.
const NOT_GRANTED: &str = "not granted: ";
/// What the log says before a request that failed, and why.
const REQUEST_FAILED: &str = "request failed: ";

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            page: PageGrants::default(),
            path: CallbackPath::default(),
            issuer: None,
            variables: Variables::default(),
            net: NetGrants::default(),
            started_issuer: None,
            scopes: None,
            clock: SystemTime::UNIX_EPOCH + CLOCK,
            seed: 0,
            overrides: Vec::new(),
            session: Values::default(),
            vault: Vault::default(),
            answers: CannedAnswers::default(),
            log: Arc::default(),
        }
    }
}

impl Setup {
    /// Adds a canned answer to the guest's requests to other hosts.
    pub fn answer(&mut self, answer: CannedAnswer) -> &mut Self {
        self.answers.add(answer);
        self
    }

    /// Sets a secret. The guest can send it to granted endpoints, and cannot read it.
    pub fn secret(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.set_secret(name, value);
        self
    }

    /// Takes the lines that the guest has logged since the last call of this function.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns a copy for another test, with these limits except those that the setup overrides.
    pub(super) fn fresh(&self, limits: &Limits) -> Self {
        let mut setup = Self {
            answers: self.answers.fresh(),
            log: Arc::default(),
            vault: Vault::default(),
            ..self.clone()
        };
        setup.limits = limits.clone();
        for (limit, value) in &self.overrides {
            // The value was valid when it was first set.
            let _ = limits::set(&mut setup.limits, *limit, value);
        }
        setup
    }

    /// Remembers what a run remembers of the guest's authorization request: its scopes and its issuer.
    pub(super) fn start_with(&mut self, request: &AuthorizationRequest) {
        self.scopes = Some(request.scopes.as_slice().into());
        self.started_issuer.clone_from(&request.issuer);
    }

    /// Returns the scopes that the guest may read in an answer. If the guest did not start the flow, these are the
    /// configured ones, so that a test can begin with the callback.
    fn scopes(&self) -> Arc<[String]> {
        self.scopes.clone().unwrap_or_else(|| {
            let configured = ["scope", "user_scope"].into_iter();
            let configured = configured.filter_map(|name| self.variables.get(name));
            let words = configured.flat_map(|scopes| scopes.split([' ', ',']));
            words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
        })
    }

    pub(super) fn log(&self) -> OnLogLine {
        let log = Arc::clone(&self.log);
        Arc::new(move |line| {
            log.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_string());
        })
    }

    /// Returns what the guest reaches as a provider: the canned answers.
    fn provider(&self) -> ProviderInputs {
        let log = self.log();
        ProviderInputs {
            grants: Arc::new(self.net.clone()),
            network: self.answers.upstream(),
            scopes: self.scopes(),
            vault: self.vault.clone(),
            on_problems: Arc::new(move |problems| {
                for url in &problems.not_granted {
                    log(LogLine::Text(format!("{NOT_GRANTED}{url}")));
                }
                for (url, reason) in &problems.failed {
                    log(LogLine::Text(format!("{REQUEST_FAILED}{url}: {reason}")));
                }
            }),
        }
    }

    pub(super) fn surroundings(&self, since: Instant, call: u64) -> Surroundings {
        Surroundings {
            session: Arc::new(session(self)),
            upstream: self.answers.upstream(),
            provider: self.provider(),
            variables: Arc::new(self.variables.clone()),
            fixed: Some(FixedInputs { now: self.clock, since, seed: self.seed.wrapping_add(call) }),
        }
    }
}

/// Returns the checks that a run would make. `state` is checked if the guest starts the flow or the test sets it.
pub fn rules(setup: &Setup, is_authorizer: bool) -> Rules {
    let checks_state = is_authorizer || setup.session.state.is_some();
    Rules {
        scheme: Scheme::Http,
        authorities: vec![AUTHORITY.to_owned()],
        path: setup.path.clone(),
        state: checks_state.then(|| session(setup).state().clone()),
        issuer: setup.issuer.clone().or_else(|| setup.started_issuer.clone()),
        link: None,
        last_page: None,
    }
}
