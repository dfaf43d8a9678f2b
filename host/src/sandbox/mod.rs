//! The trust boundary: a guest is loaded once, and called on a fresh instance each time.
//!
//! Only this module names wasmtime, and only owned values cross it.

mod account;
mod bindings;
mod cache;
mod call;
mod compiled;
mod compiler;
mod engine;
mod error;
#[cfg(feature = "testing")]
mod fixed;
mod guest;
mod heap;
#[cfg(feature = "testing")]
mod inspect;
mod lockdown;
mod log;
mod outgoing;
mod request;
mod scales;
mod state;
mod surroundings;
mod ticker;
mod weight;
mod world;

use std::sync::Arc;

use tokio::task;
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre};

pub use account::Cost;
use bindings::{authorizer, handler};
use cache::Cache;
pub use compiler::{Compiler, SUBCOMMAND as COMPILE_SUBCOMMAND, compile_standard_input};
pub use error::{GuestError, LoadError, Remedy};
#[cfg(feature = "testing")]
pub use fixed::Fixed;
pub use guest::{Guest, Kind, UnknownGuest};
pub use heap::CountingAllocator;
#[cfg(feature = "testing")]
pub use inspect::{Import, Inspection, More, Producer, Reach, Verdict, World, inspect};
pub use log::LineSink;
pub use request::Request;
use state::State;
pub use surroundings::Surroundings;
use ticker::Ticker;

use crate::limits::Limits;
use crate::outcome::Failure;
use crate::reply::{self, PageGrants, Reply};

/// The export that makes a component a guest.
const HANDLER: &str = "curtaincall:callback/handler@0.1.0";
/// The export of a guest that starts the flow itself.
const AUTHORIZER: &str = "curtaincall:callback/authorizer@0.1.0";

/// A loaded guest: compiled, linked, and not yet run.
#[derive(Clone)]
pub struct Sandbox(Arc<Loaded>);

#[derive(Clone)]
struct Loaded {
    instance_pre: InstancePre<State>,
    handler: handler::GuestIndices,
    authorizer: Option<authorizer::GuestIndices>,
    ticker: Arc<Ticker>,
    /// Bytes that the host holds for it between calls.
    held: usize,
    terms: Terms,
    log: LineSink,
    cache_warning: Option<String>,
}

/// On what terms a guest is loaded and called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// What it may use.
    pub limits: Limits,
    /// What its page may do.
    pub page: PageGrants,
    /// Who compiles it.
    pub compiler: Compiler,
    /// Whether its fuel is counted; it runs slower then.
    pub metered: bool,
}

/// Where a guest sends the browser, and who is expected to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The URL for the browser.
    pub url: String,
    /// The issuer to expect (RFC 9207).
    pub issuer: Option<String>,
}

/// How a guest starts the flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowStart {
    /// It does not: it only answers the callback.
    NoAuthorizer,
    /// It sends the browser to an authorization URL.
    Open(Authorization),
    /// It ends the flow before it begins.
    Declined(Failure),
}

impl Sandbox {
    /// Read, check, compile and link `guest`. Lines that it writes later go to `log`.
    ///
    /// A guest that was compiled before takes less than a millisecond.
    ///
    /// # Errors
    /// When the guest cannot be loaded: says why, and what to do.
    pub async fn load(guest: Guest, terms: Terms, log: LineSink) -> Result<Self, LoadError> {
        let limits = &terms.limits;
        let source = guest.read(limits)?;
        let engine = engine::running(limits.stack, terms.metered).map_err(LoadError::engine)?;
        let (entry, cache_warning) = match Cache::open() {
            Ok(cache) => (Some(cache.entry(&source, terms.metered)), None),
            Err(warning) => (None, Some(warning)),
        };
        let stored = entry.as_ref().and_then(|entry| entry.find());
        let cached = stored.and_then(|it| compiled::load_stored(&engine, &it, limits).ok());
        let (component, held) = match cached {
            Some(ready) => ready,
            None => {
                let limits = limits.clone();
                let compiled = terms.compile(&guest, source).await?;
                let ready = task::spawn_blocking(move || {
                    if let Some(entry) = entry {
                        // A full disk costs the next start some milliseconds, and nothing else.
                        let _ = compiled::store(&compiled, &entry);
                    }
                    compiled::load(&engine, &compiled, &limits)
                });
                let ready = ready.await.unwrap_or_else(|error| Err(wasmtime::Error::new(error)));
                ready.map_err(LoadError::engine)?
            }
        };
        Self::of(&guest, (&component, held), terms, log, cache_warning)
    }

    fn of(
        guest: &Guest,
        (component, held): (&Component, usize),
        terms: Terms,
        log: LineSink,
        cache_warning: Option<String>,
    ) -> Result<Self, LoadError> {
        let instance_pre = world::link(guest, component)?;
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
            held,
            terms,
            log,
            cache_warning,
        })))
    }

    /// Why the compile cache is not in use, where it is not.
    pub fn cache_warning(&self) -> Option<&str> {
        self.0.cache_warning.as_deref()
    }

    /// Whether the guest starts the flow itself.
    pub fn is_authorizer(&self) -> bool {
        self.0.authorizer.is_some()
    }

    /// Ask the guest where the browser goes.
    ///
    /// # Errors
    /// As [`Sandbox::handle`].
    pub async fn authorize(&self, surroundings: &Surroundings) -> Result<FlowStart, GuestError> {
        let Some(indices) = self.0.authorizer.clone() else {
            return Ok(FlowStart::NoAuthorizer);
        };
        let call = async move |instance, store: &mut Store<State>| {
            let guest = indices.load(&mut *store, &instance)?;
            let start = match guest.call_authorize(store).await? {
                Ok(authorization) => Ok(FlowStart::Open(authorization.into())),
                Err(failure) => {
                    let failure = Failure::from(failure);
                    reply::check_failure(&failure).map(|()| FlowStart::Declined(failure))
                }
            };
            Ok::<_, wasmtime::Error>(start)
        };
        self.0.call_elsewhere(surroundings, call).await
    }

    /// Call the guest's handler on a fresh instance.
    ///
    /// Runs on a blocking thread, so that a guest that computes delays nobody else.
    ///
    /// # Errors
    /// When the guest traps, meets a limit, or answers with what cannot be sent.
    pub async fn handle(
        &self,
        surroundings: &Surroundings,
        request: Request,
    ) -> Result<Reply, GuestError> {
        self.0.call_elsewhere(surroundings, self.0.handling(surroundings, request)).await
    }

    /// The same on this very thread, and what it took.
    #[cfg(feature = "testing")]
    pub(crate) async fn handle_here(
        &self,
        surroundings: &Surroundings,
        request: Request,
    ) -> (Result<Reply, GuestError>, Cost) {
        self.0.call(surroundings, self.0.handling(surroundings, request)).await
    }

    /// What the guest may use.
    #[cfg(feature = "testing")]
    pub(crate) fn limits(&self) -> &Limits {
        &self.0.terms.limits
    }

    /// The same guest on other terms: its limits on stack and compilation stay.
    #[cfg(feature = "testing")]
    pub(crate) fn on(&self, limits: Limits, page: PageGrants, log: LineSink) -> Self {
        let terms = Terms { limits, page, ..self.0.terms.clone() };
        Self(Arc::new(Loaded { terms, log, ..self.0.as_ref().clone() }))
    }
}
