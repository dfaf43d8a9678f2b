//! The trust boundary: loads a guest once, and calls it on a fresh instance each time.
//!
//! Only this module uses wasmtime, and only owned values cross its interface.

mod account;
mod bindings;
mod cache;
mod call;
mod compiled;
mod compiler;
mod compiler_process;
mod engine;
mod error;
mod estimate;
#[cfg(feature = "testing")]
mod fixed;
mod footprint;
mod guest;
mod heap;
#[cfg(feature = "testing")]
mod inspect;
mod lockdown;
mod log;
mod outgoing;
mod problems;
mod provider;
mod request;
mod state;
mod surroundings;
mod ticker;
mod world;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task;
use tokio::time::sleep;
use wasmtime::Store;
use wasmtime::component::{Component, Instance, InstancePre};

pub use account::Cost;
use bindings::{authorizer, handler};
use cache::Cache;
use call::{NoReply, redact_failure};
pub use compiler::{Compiler, SUBCOMMAND as COMPILE_SUBCOMMAND};
pub use compiler_process::compile_standard_input;
pub use error::{GuestError, LoadError, Remedy};
#[cfg(feature = "testing")]
pub use fixed::FixedInputs;
pub use guest::{BinaryKind, Guest, UnknownGuest};
pub use heap::CountingAllocator;
#[cfg(feature = "testing")]
pub use inspect::{Import, Inspection, More, Producer, Reach, Verdict, World, inspect};
pub use log::{LogLine, OnLogLine, cut_here};
pub use problems::RequestProblems;
pub use provider::{OnProblems, ProviderInputs};
pub use request::Request;
use state::CallState;
pub use surroundings::Surroundings;
use ticker::Ticker;

use crate::limits::Limits;
use crate::outcome::Failure;
use crate::reply::{self, PageGrants, Reply};

/// The export that every guest must have.
const HANDLER: &str = "curtaincall:callback/handler@0.1.0";
/// The optional export of a guest that starts the flow itself.
const AUTHORIZER: &str = "curtaincall:callback/authorizer@0.1.0";

/// How long a guest may be compiled before the person is told.
const SLOW: Duration = Duration::from_millis(500);

/// A loaded guest: compiled and linked, ready to be called.
#[derive(Clone)]
pub struct Sandbox(Arc<Loaded>);

#[derive(Clone)]
struct Loaded {
    instance_pre: InstancePre<CallState>,
    handler: handler::GuestIndices,
    authorizer: Option<authorizer::GuestIndices>,
    ticker: Arc<Ticker>,
    /// Memory that the host uses for the loaded guest between calls, in bytes.
    loaded_bytes: usize,
    terms: Terms,
    log: OnLogLine,
    cache_warning: Option<String>,
}

/// The settings under which a guest is loaded and called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The resources that the guest may use.
    pub limits: Limits,
    /// What the guest's page may do.
    pub page: PageGrants,
    /// Where the guest is compiled.
    pub compiler: Compiler,
    /// Whether the guest may import `curtaincall:callback/reveal`, and so read secrets that the person chooses.
    pub reveal: bool,
    /// Whether the guest's fuel is counted. Counting slows the guest down.
    pub metered: bool,
}

/// Where a guest sends the browser, and which issuer must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The URL for the browser.
    pub url: String,
    /// The expected issuer (RFC 9207).
    pub issuer: Option<String>,
    /// The URLs that the guest needs for the exchange, and that are not granted. They are redacted and escaped.
    pub not_granted: Vec<String>,
}

/// How a guest starts the flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowStart {
    /// The guest does not start the flow. It only answers the callback.
    NoAuthorizer,
    /// The guest sends the browser to an authorization URL.
    Open(Authorization),
    /// The guest ends the flow before the browser opens.
    Declined(Failure),
}

impl Sandbox {
    /// Reads, checks, compiles and links `guest`. `log` receives the lines that the guest writes.
    ///
    /// Loading a guest from the compile cache takes less than a millisecond.
    ///
    /// # Errors
    /// Fails if the guest cannot be loaded. [`LoadError`] has the cause and, if known, a remedy.
    pub async fn load(guest: Guest, terms: Terms, log: OnLogLine) -> Result<Self, LoadError> {
        let limits = &terms.limits;
        let source = guest.read(limits)?;
        let engine = engine::running(limits.stack, terms.metered).map_err(LoadError::engine)?;
        let (entry, cache_warning) = match Cache::open() {
            Ok(cache) => (Some(cache.entry(&source, terms.metered)), None),
            Err(warning) => (None, Some(warning)),
        };
        let stored = entry.as_ref().and_then(|entry| entry.find());
        let cached = stored.and_then(|stored| compiled::load_stored(&engine, &stored, limits).ok());
        let (component, loaded_bytes) = match cached {
            Some(ready) => ready,
            None => {
                let limits = limits.clone();
                let compiled = terms.compile(&guest, source).await?;
                let ready = task::spawn_blocking(move || {
                    if let Some(entry) = entry {
                        // If the entry cannot be written, the next start compiles the guest again.
                        let _ = compiled::store(&compiled, &entry);
                    }
                    compiled::load(&engine, &compiled, &limits)
                });
                let ready = ready.await.unwrap_or_else(|error| Err(wasmtime::Error::new(error)));
                ready.map_err(LoadError::engine)?
            }
        };
        Self::of(&guest, (&component, loaded_bytes), terms, log, cache_warning)
    }

    fn of(
        guest: &Guest,
        (component, loaded_bytes): (&Component, usize),
        terms: Terms,
        log: OnLogLine,
        cache_warning: Option<String>,
    ) -> Result<Self, LoadError> {
        let instance_pre = world::link(guest, component, &terms)?;
        let unlinked = |error| LoadError::link(guest, error);
        let handler = handler::GuestIndices::new(&instance_pre).map_err(unlinked)?;
        let authorizer = component
            .get_export_index(None, AUTHORIZER)
            .map(|_| authorizer::GuestIndices::new(&instance_pre))
            .transpose()
            .map_err(unlinked)?;
        let ticker = Arc::new(Ticker::new());
        Ok(Self(Arc::new(Loaded {
            instance_pre,
            handler,
            authorizer,
            ticker,
            loaded_bytes,
            terms,
            log,
            cache_warning,
        })))
    }

    /// Returns why the compile cache cannot be used, or `None` if it can.
    pub fn cache_warning(&self) -> Option<&str> {
        self.0.cache_warning.as_deref()
    }

    /// Returns whether the guest starts the flow itself.
    pub fn is_authorizer(&self) -> bool {
        self.0.authorizer.is_some()
    }

    /// Asks the guest for the URL that the browser opens.
    ///
    /// # Errors
    /// Fails as [`Sandbox::handle`] does.
    pub async fn authorize(&self, surroundings: &Surroundings) -> Result<FlowStart, GuestError> {
        let Some(indices) = self.0.authorizer.clone() else {
            return Ok(FlowStart::NoAuthorizer);
        };
        let call = async move |instance: Instance, store: &mut Store<CallState>| {
            start(&indices, &instance, store).await
        };
        self.0.call_on_blocking_thread(surroundings, call).await
    }

    /// Asks the guest on the current thread for the URL that the browser opens.
    #[cfg(feature = "testing")]
    pub(crate) async fn authorize_here(
        &self,
        surroundings: &Surroundings,
    ) -> Result<FlowStart, GuestError> {
        let Some(indices) = self.0.authorizer.clone() else {
            return Ok(FlowStart::NoAuthorizer);
        };
        let call = async move |instance: Instance, store: &mut Store<CallState>| {
            start(&indices, &instance, store).await
        };
        self.0.call(surroundings, call).await.0
    }

    /// Calls the guest's handler on a fresh instance.
    ///
    /// The call runs on a blocking thread, so that a busy guest does not delay other requests.
    ///
    /// # Errors
    /// Fails if the guest traps, reaches a limit, or returns an invalid reply.
    pub async fn handle(
        &self,
        surroundings: &Surroundings,
        request: Request,
    ) -> Result<Reply, GuestError> {
        let surroundings = &surroundings.for_request(&request);
        let call = self.0.handler_call(surroundings, request);
        self.0.call_on_blocking_thread(surroundings, call).await
    }

    /// Calls the guest's handler on the current thread. Also returns the cost of the call.
    #[cfg(feature = "testing")]
    pub(crate) async fn handle_here(
        &self,
        surroundings: &Surroundings,
        request: Request,
    ) -> (Result<Reply, GuestError>, Cost) {
        let surroundings = &surroundings.for_request(&request);
        self.0.call(surroundings, self.0.handler_call(surroundings, request)).await
    }

    /// Returns the resources that the guest may use.
    #[cfg(feature = "testing")]
    pub(crate) fn limits(&self) -> &Limits {
        &self.0.terms.limits
    }

    /// Returns the same guest with other limits, page grants and log.
    ///
    /// The limits on the stack and on compilation have no effect here: they apply when the guest is loaded.
    #[cfg(feature = "testing")]
    pub(crate) fn on(&self, limits: Limits, page: PageGrants, log: OnLogLine) -> Self {
        let terms = Terms { limits, page, ..self.0.terms.clone() };
        Self(Arc::new(Loaded { terms, log, ..self.0.as_ref().clone() }))
    }
}

/// Awaits `loading`, a call of [`Sandbox::load`] or `inspect`, and calls `on_slow` if the guest is still being
/// compiled after half a second.
pub async fn announced<T>(loading: impl Future<Output = T>, on_slow: impl FnOnce()) -> T {
    let mut loading = pin!(loading);
    tokio::select! {
        biased;
        loaded = &mut loading => return loaded,
        // Starts when `loading` first waits, which it does only for the compiler.
        () = async { sleep(SLOW).await } => on_slow(),
    }
    loading.await
}

/// Calls the guest's authorizer, and checks a failure that it returns.
async fn start(
    indices: &authorizer::GuestIndices,
    instance: &Instance,
    store: &mut Store<CallState>,
) -> Result<FlowStart, NoReply> {
    let guest = indices.load(&mut *store, instance)?;
    match guest.call_authorize(&mut *store).await? {
        Ok(authorization) => Ok(FlowStart::Open(Authorization {
            url: authorization.url,
            issuer: authorization.issuer,
            not_granted: store.data().outgoing.problems.take_not_granted(),
        })),
        Err(failure) => {
            let mut failure = Failure::from(failure);
            redact_failure(&mut failure, &store.data().surroundings.variables);
            reply::check_failure(&failure).map_err(NoReply::Invalid)?;
            Ok(FlowStart::Declined(failure))
        }
    }
}
