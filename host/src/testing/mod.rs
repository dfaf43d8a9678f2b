//! Tests a guest in isolation, without a browser, a socket, a provider or a network.
//!
//! A [`TestGuest`] receives one request after another, with the same checks, sandbox, limits and validation as in
//! a run. The test provides everything else: configuration, session, clock, random bytes, and the answers of other
//! hosts. The same inputs therefore give the same bytes.
//!
//! ```
//! use curtaincall::testing::TestGuest;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut guest = TestGuest::load("default".parse()?)?;
//! let reply = guest.call(http::Request::get("/callback?code=abc").body(Vec::new())?)?;
//! assert_eq!(reply.response.status(), 200);
//! assert!(reply.text().contains("You can close this tab"));
//! assert_eq!(reply.outcome().and_then(|outcome| outcome.get("code")), Some("abc"));
//! # Ok(())
//! # }
//! ```
//!
//! A case file for `host test` can express the same test.

mod authorize;
mod canned;
pub(crate) mod case;
pub(crate) mod exchange;
pub(crate) mod raw;
mod section;
pub(crate) mod setup;

use std::thread;

use http::Request;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

pub use authorize::{AuthorizationRequest, AuthorizeError};
/// The type of a body in this module.
pub use bytes::Bytes;
pub use canned::CannedAnswer;
use exchange::exchange;
pub use exchange::{End, Exchange};
/// The crate of the requests, responses and header fields in this module.
pub use http;
use raw::RawRequest;
pub use setup::{Setup, SetupError};
/// The type of the URL in an [`AuthorizationRequest`].
pub use url::Url;

pub use crate::outgoing::Fault;
pub use crate::reply::Slip;
pub use crate::sandbox::Cost;

use crate::sandbox::{Guest, LoadError, OnLogLine, Sandbox, Terms};

/// A loaded guest that a test can call.
pub struct TestGuest {
    sandbox: Sandbox,
    setup: Setup,
    runtime: PausedRuntime,
    calls: u64,
    is_done: bool,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The guest sent a request to another host, and no canned answer matches it. Each text is such a request.
    #[error("no canned answer matches the guest's request:\n{}", .0.join("\n"))]
    Unanswered(Vec<String>),
}

/// A runtime with a simulated clock, which advances only when all tasks wait.
#[derive(Debug)]
struct PausedRuntime {
    /// `Some` until this is dropped.
    runtime: Option<Runtime>,
    /// When the simulated clock started.
    since: Instant,
}

impl TestGuest {
    /// Loads a guest, with the default limits and without grants. It may import `curtaincall:callback/reveal`, and reads
    /// only the secrets that the test reveals.
    ///
    /// # Errors
    /// Fails if the guest cannot be loaded, as in a run.
    pub fn load(guest: Guest) -> Result<Self, LoadError> {
        let loading = move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(LoadError::Runtime)?;
            let terms = Terms { reveal: true, ..Terms::default() };
            runtime.block_on(Sandbox::load(guest, terms, silent()))
        };
        // The test may be async itself, and a runtime cannot run inside another one.
        let loaded = thread::scope(|scope| scope.spawn(loading).join());
        let sandbox = loaded.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Self::of(sandbox, Setup::default()).map_err(LoadError::Runtime)
    }

    /// Combines a loaded guest with a setup.
    fn of(sandbox: Sandbox, setup: Setup) -> std::io::Result<Self> {
        Ok(Self { sandbox, setup, runtime: PausedRuntime::new()?, calls: 0, is_done: false })
    }

    /// Returns the guest's inputs besides the requests. Change them before the first call.
    pub fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// Sends a request to the guest. The target is an absolute path. `Host` and `Content-Length` are added if they are
    /// missing.
    ///
    /// After a reply that completes the flow, further callbacks are refused, as in a run.
    ///
    /// # Errors
    /// Fails if the guest sends a request to another host and no canned answer matches it.
    pub fn call(&mut self, request: Request<Vec<u8>>) -> Result<Exchange, CallError> {
        let raw = RawRequest::from(request);
        let exchange = thread::scope(|scope| scope.spawn(|| self.call_here(&raw)).join());
        let exchange = exchange.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match self.setup.answers.take_unanswered() {
            unanswered if unanswered.is_empty() => Ok(exchange),
            unanswered => Err(CallError::Unanswered(unanswered)),
        }
    }

    /// Asks the guest for its authorization URL, and checks the URL as a run does.
    ///
    /// The guest may then read the scopes of the URL in later answers, and later callbacks must name the issuer.
    ///
    /// # Errors
    /// Fails if the guest declines or fails, if its URL breaks a rule, or if no canned answer matches one of the guest's
    /// requests.
    pub fn authorize(&mut self) -> Result<AuthorizationRequest, AuthorizeError> {
        let asked = thread::scope(|scope| scope.spawn(|| self.authorize_here()).join());
        let asked = asked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match self.setup.answers.take_unanswered() {
            unanswered if unanswered.is_empty() => asked,
            unanswered => Err(AuthorizeError::Unanswered(unanswered)),
        }
    }

    /// Returns all requests that the guest has sent to other hosts so far.
    pub fn asked(&self) -> Vec<Request<Bytes>> {
        self.setup.answers.asked()
    }

    /// Returns the guest with the limits, the grants and the log of the setup.
    fn prepared(&self) -> Sandbox {
        self.sandbox.on(self.setup.limits.clone(), self.setup.page.clone(), self.setup.log())
    }

    /// Asks for the authorization URL on this thread, which must not be inside an async runtime.
    fn authorize_here(&mut self) -> Result<AuthorizationRequest, AuthorizeError> {
        let surroundings = self.setup.surroundings(self.runtime.since, self.calls);
        let sandbox = self.prepared();
        let asked = self.runtime.block_on(authorize::authorize(&sandbox, &surroundings));
        self.calls += 1;
        if let Ok(request) = &asked {
            self.setup.start_with(request);
        }
        asked
    }

    /// Makes the call on this thread, which must not be inside an async runtime.
    fn call_here(&mut self, raw: &RawRequest) -> Exchange {
        let surroundings = self.setup.surroundings(self.runtime.since, self.calls);
        let rules = setup::rules(&self.setup, self.sandbox.is_authorizer());
        let sandbox = self.prepared();
        let exchanged = exchange(raw.as_bytes(), &rules, &sandbox, &surroundings, self.is_done);
        let exchanged = self.runtime.block_on(exchanged);
        self.calls += 1;
        self.is_done |= matches!(exchanged.end, End::Done(_));
        exchanged
    }
}

impl std::fmt::Debug for TestGuest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestGuest").field("setup", &self.setup).finish_non_exhaustive()
    }
}

impl PausedRuntime {
    fn new() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let since = {
            let _entered = runtime.enter();
            Instant::now()
        };
        Ok(Self { runtime: Some(runtime), since })
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = self.runtime.as_ref();
        runtime.unwrap_or_else(|| unreachable!("it is set until it is dropped")).block_on(future)
    }
}

impl Drop for PausedRuntime {
    /// Shuts down in the background: the test may be async, and dropping a runtime there panics.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn silent() -> OnLogLine {
    std::sync::Arc::new(|_| {})
}
