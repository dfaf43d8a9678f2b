//! Test a guest in isolation: no browser, no socket, no provider, no network.
//!
//! A [`TestGuest`] is put one request after another, through exactly the checks, the sandbox, the limits and
//! the validation of a run. Everything else that it perceives is given by the test: configuration, session,
//! clock, randomness, and what other hosts answer. The same inputs give the same bytes.
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
//! A case is the same as a file, for `host test`.

mod answers;
pub(crate) mod case;
pub(crate) mod exchange;
mod raw;
mod section;
mod setup;

use std::thread;

use http::Request;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

pub use answers::CannedAnswer;
use exchange::exchange;
pub use exchange::{End, Exchange};
pub use raw::{AUTHORITY, RawRequest, RawRequestError};
pub use setup::{Setup, SetupError};

pub use crate::outgoing::Fault;
pub use crate::reply::Slip;
pub use crate::sandbox::Cost;

use crate::sandbox::{Guest, LineSink, LoadError, Sandbox, Terms};

/// A guest in a test.
pub struct TestGuest {
    sandbox: Sandbox,
    setup: Setup,
    stage: Stage,
    calls: u64,
    is_done: bool,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The guest asked another host, and no canned answer covers that.
    #[error("no canned answer covers what the guest asked:\n{}", .0.join("\n"))]
    Unanswered(Vec<String>),
}

/// A runtime whose clock stands still while anybody works, and jumps when all wait.
#[derive(Debug)]
struct Stage {
    runtime: Option<Runtime>,
    since: Instant,
}

impl TestGuest {
    /// Load a guest, with the default limits and nothing granted.
    ///
    /// # Errors
    /// When it cannot be loaded, as in a run.
    pub fn load(guest: Guest) -> Result<Self, LoadError> {
        let loading = move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| LoadError::Engine(error.into()))?;
            runtime.block_on(Sandbox::load(guest, Terms::default(), silent()))
        };
        // The test may be async itself, and one runtime does not run in another.
        let loaded = thread::scope(|scope| scope.spawn(loading).join());
        let sandbox = loaded.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Self::of(sandbox, Setup::default()).map_err(|error| LoadError::Engine(error.into()))
    }

    /// A loaded guest in these surroundings.
    fn of(sandbox: Sandbox, setup: Setup) -> std::io::Result<Self> {
        Ok(Self { sandbox, setup, stage: Stage::new()?, calls: 0, is_done: false })
    }

    /// What the guest is given: to be changed before the first call.
    pub fn setup(&mut self) -> &mut Setup {
        &mut self.setup
    }

    /// Put a request to the guest. Its target is an absolute path; `Host` and `Content-Length` are added.
    ///
    /// After a reply that completed the flow, any other request is refused, as in a run.
    ///
    /// # Errors
    /// When the guest asked another host what no canned answer covers.
    pub fn call(&mut self, request: Request<Vec<u8>>) -> Result<Exchange, CallError> {
        let raw = RawRequest::from(request);
        let exchange = thread::scope(|scope| scope.spawn(|| self.exchange(&raw)).join());
        let exchange = exchange.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match self.setup.answers.take_unanswered() {
            unanswered if unanswered.is_empty() => Ok(exchange),
            unanswered => Err(CallError::Unanswered(unanswered)),
        }
    }

    /// Everything that the guest asked other hosts so far.
    pub fn asked(&self) -> Vec<Request<bytes::Bytes>> {
        self.setup.answers.asked()
    }

    /// On this thread, which must not be in a runtime.
    fn exchange(&mut self, raw: &RawRequest) -> Exchange {
        let surroundings = self.setup.surroundings(self.stage.since, self.calls);
        let rules = self.setup.rules(self.sandbox.is_authorizer());
        let sandbox =
            self.sandbox.on(self.setup.limits.clone(), self.setup.page.clone(), self.setup.log());
        let exchanged = exchange(raw.as_bytes(), &rules, &sandbox, &surroundings, self.is_done);
        let exchanged = self.stage.block_on(exchanged);
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

impl Stage {
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
        runtime.unwrap_or_else(|| unreachable!("there until it is dropped")).block_on(future)
    }
}

impl Drop for Stage {
    /// The test may be async, where a runtime cannot be waited for.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn silent() -> LineSink {
    std::sync::Arc::new(|_| {})
}
