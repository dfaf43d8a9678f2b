//! A guest's inputs in a test, besides the requests.

use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::AuthorizationRequest;
use super::canned::{CannedAnswer, CannedAnswers};
use super::raw::AUTHORITY;
use crate::grants::{GrantError, NetGrants};
use crate::limits::{self, Limit, Limits};
use crate::reply::{PageGrant, PageGrants};
use crate::request::{CallbackPath, Rules};
use crate::sandbox::{FixedInputs, LogLine, OnLogLine, ProviderInputs, Surroundings};
use crate::session::{Secret, Session};
use crate::variables::Variables;

/// 2000-01-01T00:00:00Z, as the time since 1970.
const CLOCK: Duration = Duration::from_secs(946_684_800);

/// A guest's inputs in a test, besides the requests. The default grants nothing, and is the same on every run. Clones
/// share the canned answers and the log.
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
    pub(super) answers: CannedAnswers,
    log: Arc<Mutex<Vec<String>>>,
}

/// The session values that the test sets.
#[derive(Debug, Clone, Default)]
struct Values {
    redirect_uri: Option<String>,
    state: Option<Secret>,
    nonce: Option<Secret>,
    code_verifier: Option<Secret>,
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

/// The limits that apply when a guest is loaded, which happens once for all cases.
const SHARED: [Limit; 5] =
    [Limit::Stack, Limit::Component, Limit::Compiled, Limit::CompileTime, Limit::CompileMemory];

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

    /// Sets a session value: `redirect-uri`, `state`, `nonce` or `code-verifier`. If `state` is set, the host checks
    /// it, as in a run.
    ///
    /// # Errors
    /// Fails if the name is unknown.
    pub fn session(&mut self, name: &str, value: &str) -> Result<&mut Self, SetupError> {
        let secret = Some(Secret::from(value.to_owned()));
        match name {
            "redirect-uri" => self.session.redirect_uri = Some(value.to_owned()),
            "state" => self.session.state = secret,
            "nonce" => self.session.nonce = secret,
            "code-verifier" => self.session.code_verifier = secret,
            _ => return Err(SetupError::Session(name.to_owned())),
        }
        Ok(self)
    }

    /// Sets a secret. The guest can send it to granted endpoints, and cannot read it.
    pub fn secret(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.set_secret(name, value);
        self
    }

    /// Sets an option by its name: `clock` (RFC 3339), `seed`, `path`, `issuer`, `allow-page`, `allow-net`,
    /// `allow-open`, `allow-reveal`, or `max-` and the name of a limit. The values of `allow-net` and `allow-open` are
    /// added to earlier ones. `allow-reveal` names a secret that is already set.
    ///
    /// # Errors
    /// Fails if the name is unknown or the value is invalid.
    pub fn option(&mut self, name: &str, value: &str) -> Result<&mut Self, SetupError> {
        let invalid = |problem: String| SetupError::Value {
            name: name.to_owned(),
            value: value.to_owned(),
            problem,
        };
        match name {
            "clock" => {
                self.clock = humantime::parse_rfc3339(value).map_err(|_| {
                    invalid("expected a time such as `2026-01-31T12:00:00Z`".to_owned())
                })?;
            }
            "seed" => {
                self.seed = value.parse().map_err(|_| {
                    invalid(format!("expected a whole number from 0 to {}", u64::MAX))
                })?;
            }
            "path" => {
                self.path = CallbackPath::from_str(value).map_err(|e| invalid(e.to_string()))?;
            }
            "issuer" => self.issuer = Some(value.to_owned()),
            "allow-net" => {
                grant(value, |url| self.net.allow(url).map(|_| ())).map_err(invalid)?;
            }
            "allow-open" => {
                grant(value, |origin| self.net.allow_open(origin).map(|_| ())).map_err(invalid)?;
            }
            "allow-reveal" => {
                if !self.variables.reveal(value) {
                    return Err(invalid("expected the name of a secret".to_owned()));
                }
            }
            "allow-page" => {
                let grants: Result<Vec<PageGrant>, _> =
                    value.split(',').map(|grant| grant.trim().parse()).collect();
                let grants = grants.map_err(|error| invalid(format!("{error}")))?;
                self.page = grants.into_iter().collect();
            }
            _ => {
                let limit = limits::LIMITS.iter().find(|limit| limits::setting(**limit) == name);
                let limit = *limit.ok_or_else(|| SetupError::Option(name.to_owned()))?;
                if SHARED.contains(&limit) {
                    return Err(SetupError::Shared(name.to_owned()));
                }
                limits::set(&mut self.limits, limit, value).map_err(invalid)?;
                self.overrides.push((limit, value.to_owned()));
            }
        }
        Ok(self)
    }

    /// Takes the lines that the guest has logged since the last call of this function.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns a copy for another test, with these limits except those that the setup overrides.
    pub(super) fn fresh(&self, limits: &Limits) -> Self {
        let mut setup = Self { answers: self.answers.fresh(), log: Arc::default(), ..self.clone() };
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
            on_missing: Arc::new(move |urls| {
                for url in urls {
                    log(LogLine::Text(format!("{NOT_GRANTED}{url}")));
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

/// Grants each of the URLs in `list`, which commas separate.
fn grant(list: &str, mut allow: impl FnMut(&str) -> Result<(), GrantError>) -> Result<(), String> {
    let mut urls = list.split(',').map(str::trim);
    urls.try_for_each(|url| allow(url).map_err(|error| error.to_string()))
}

/// Returns the checks that a run would make. `state` is checked if the guest starts the flow or the test sets it.
pub fn rules(setup: &Setup, is_authorizer: bool) -> Rules {
    let checks_state = is_authorizer || setup.session.state.is_some();
    Rules {
        authorities: vec![AUTHORITY.to_owned()],
        path: setup.path.clone(),
        state: checks_state.then(|| session(setup).state().clone()),
        issuer: setup.issuer.clone().or_else(|| setup.started_issuer.clone()),
        link: None,
        last_page: None,
    }
}

/// Returns the session of the test. Values that the test does not set are fixed. The fixed verifier has the required 43
/// characters.
pub fn session(setup: &Setup) -> Session {
    let Values { redirect_uri, state, nonce, code_verifier } = setup.session.clone();
    let secret =
        |given: Option<Secret>, name: &str| given.unwrap_or_else(|| name.to_owned().into());
    Session::new(
        redirect_uri.unwrap_or_else(|| format!("http://{AUTHORITY}{}", setup.path.as_str())),
        secret(state, "state"),
        secret(nonce, "nonce"),
        secret(code_verifier, "code-verifier-code-verifier-code-verifier-0"),
    )
}
