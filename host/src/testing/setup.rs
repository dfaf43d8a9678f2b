//! What a test gives a guest besides its request.

use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::AUTHORITY;
use super::answers::Answers;
use crate::limits::{Limit, Limits};
use crate::reply::{PageGrant, PageGrants};
use crate::request::{CallbackPath, Rules};
use crate::sandbox::{Fixed, LineSink, Surroundings};
use crate::session::{Secret, Session};
use crate::testing::CannedAnswer;
use crate::variables::Variables;

/// 2000-01-01T00:00:00Z, in seconds since 1970.
const CLOCK: Duration = Duration::from_secs(946_684_800);

/// What a test gives a guest besides its request. The default grants nothing, and is always the same.
/// Clones share their answers and their log.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What it may use.
    pub limits: Limits,
    /// What its page may do.
    pub page: PageGrants,
    /// The callback path.
    pub path: CallbackPath,
    /// The issuer that has to answer (RFC 9207).
    pub issuer: Option<String>,
    /// What it finds in `wasi:config/store`.
    pub variables: Variables,
    /// What time it is at the first call; the default is the beginning of the year 2000.
    pub clock: SystemTime,
    /// What its random bytes are made from; each call of a test gets others.
    pub seed: u64,
    /// Limits that were set by name, over whatever is the base.
    overrides: Vec<(Limit, String)>,
    session: Values,
    pub(super) answers: Answers,
    log: Arc<Mutex<Vec<String>>>,
}

/// The values of the session that are given.
#[derive(Debug, Clone, Default)]
struct Values {
    redirect_uri: Option<String>,
    state: Option<Secret>,
    nonce: Option<Secret>,
    code_verifier: Option<Secret>,
}

/// Why a word of a case sets up nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// There is no such option.
    #[error(
        "there is no option `{0}`; there are `clock`, `seed`, `path`, `issuer`, `allow-page` and the limits, e.g. `max-cpu-time`"
    )]
    Option(String),
    /// It is for the engine, which all cases share.
    #[error("`{0}` is the same for all cases: give it to the command")]
    Shared(&'static str),
    /// The session has no such value.
    #[error(
        "the session has no `{0}`; it has `redirect-uri`, `state`, `nonce` and `code-verifier`"
    )]
    Session(String),
    /// The value does not fit.
    #[error("`{value}` is no `{name}`: {problem}")]
    Value {
        /// Of the option.
        name: String,
        /// What was given.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The limits that an engine or a component is made with.
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
            clock: SystemTime::UNIX_EPOCH + CLOCK,
            seed: 0,
            overrides: Vec::new(),
            session: Values::default(),
            answers: Answers::default(),
            log: Arc::default(),
        }
    }
}

impl Setup {
    /// Answer what the guest asks another host.
    pub fn answer(&mut self, answer: CannedAnswer) -> &mut Self {
        self.answers.add(answer);
        self
    }

    /// Give the session a value: `redirect-uri`, `state`, `nonce` or `code-verifier`. With a `state`, the
    /// host checks it, as it does in a run that issued one.
    ///
    /// # Errors
    /// When the session has no value of this name.
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

    /// Set an option by its name: `clock` (RFC 3339), `seed`, `path`, `issuer`, `allow-page`, or a limit by
    /// its flag.
    ///
    /// # Errors
    /// When there is no such option, or the value is none for it.
    pub fn option(&mut self, name: &str, value: &str) -> Result<&mut Self, SetupError> {
        let wrong = |problem: String| SetupError::Value {
            name: name.to_owned(),
            value: value.to_owned(),
            problem,
        };
        match name {
            "clock" => {
                self.clock = humantime::parse_rfc3339(value).map_err(|error| {
                    wrong(format!("{error}; write e.g. `2026-01-31T12:00:00Z`"))
                })?;
            }
            "seed" => self.seed = value.parse().map_err(|error| wrong(format!("{error}")))?,
            "path" => {
                self.path = CallbackPath::from_str(value).map_err(|e| wrong(e.to_string()))?;
            }
            "issuer" => self.issuer = Some(value.to_owned()),
            "allow-page" => {
                let grants: Result<Vec<PageGrant>, _> =
                    value.split(',').map(|grant| grant.trim().parse()).collect();
                let grants = grants.map_err(|error| wrong(format!("{error}")))?;
                self.page = grants.into_iter().collect();
            }
            _ => {
                let limit = Limit::ALL.iter().find(|limit| limit.flag() == name);
                let limit = *limit.ok_or_else(|| SetupError::Option(name.to_owned()))?;
                if SHARED.contains(&limit) {
                    return Err(SetupError::Shared(limit.flag()));
                }
                self.limits.set(limit, value).map_err(wrong)?;
                self.overrides.push((limit, value.to_owned()));
            }
        }
        Ok(self)
    }

    /// The lines that the guest logged since the last time.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, for another test, with these limits where it sets no others.
    pub(super) fn anew(&self, limits: &Limits) -> Self {
        let mut setup = Self { answers: self.answers.anew(), log: Arc::default(), ..self.clone() };
        setup.limits = limits.clone();
        for (limit, value) in &self.overrides {
            // It was good when it was set.
            let _ = setup.limits.set(*limit, value);
        }
        setup
    }

    pub(super) fn log(&self) -> LineSink {
        let log = Arc::clone(&self.log);
        Arc::new(move |line| log.lock().unwrap_or_else(PoisonError::into_inner).push(line))
    }

    /// What a run would check: `state` where the guest starts the flow, or a state is given.
    #[doc(hidden)]
    pub fn rules(&self, is_authorizer: bool) -> Rules {
        let checks_state = is_authorizer || self.session.state.is_some();
        Rules {
            authorities: vec![AUTHORITY.to_owned()],
            path: self.path.clone(),
            state: checks_state.then(|| self.made_session().state().clone()),
            issuer: self.issuer.clone(),
            link: None,
            page: None,
        }
    }

    /// The values that are given, and names in the place of the others: a verifier has 43 characters.
    #[doc(hidden)]
    pub fn made_session(&self) -> Session {
        let Values { redirect_uri, state, nonce, code_verifier } = self.session.clone();
        let secret =
            |given: Option<Secret>, name: &str| given.unwrap_or_else(|| name.to_owned().into());
        Session::new(
            redirect_uri.unwrap_or_else(|| format!("http://{AUTHORITY}{}", self.path.as_str())),
            secret(state, "state"),
            secret(nonce, "nonce"),
            secret(code_verifier, "code-verifier-code-verifier-code-verifier-0"),
        )
    }

    pub(super) fn surroundings(&self, since: Instant, call: u64) -> Surroundings {
        Surroundings {
            session: Arc::new(self.made_session()),
            variables: Arc::new(self.variables.clone()),
            upstream: self.answers.upstream(),
            fixed: Some(Fixed { now: self.clock, since, seed: self.seed.wrapping_add(call) }),
        }
    }
}
