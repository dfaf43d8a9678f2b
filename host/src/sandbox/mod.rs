//! The trust boundary: a guest is loaded once, and called on a fresh instance each time.
//!
//! Only this module names wasmtime, and only owned values cross it.

mod account;
mod bindings;
mod cache;
mod compiler;
mod engine;
mod error;
mod guest;
#[cfg(feature = "testing")]
mod inspect;
mod log;
mod outgoing;
mod request;
mod state;
mod surroundings;
mod ticker;
mod world;

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::task;
use tokio::time::timeout;
use wasmtime::Store;
use wasmtime::component::{Component, InstancePre};

pub use account::Cost;
use bindings::{authorizer, handler};
use cache::Cache;
pub use compiler::{Compiler, SUBCOMMAND as COMPILE_SUBCOMMAND, compile_standard_input};
pub use error::{GuestError, LoadError};
pub use guest::{Guest, Kind};
#[cfg(feature = "testing")]
pub use inspect::{Import, Inspection, More, Producer, Reach, World, inspect};
use log::GuestLog;
pub use log::LineSink;
pub use request::Request;
use state::State;
pub use surroundings::{Clock, Random, Surroundings};
use ticker::Ticker;

use crate::limits::{Limit, LimitError, Limits};
use crate::outcome::Failure;
use crate::reply::{self, Cage, PageGrants, Reply, ReplyError};
use crate::visible::NAME;

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
        let engine = engine::running(limits.stack, terms.metered).map_err(LoadError::Engine)?;
        let (entry, cache_warning) = match Cache::open() {
            Ok(cache) => (Some(cache.entry(&source, terms.metered)), None),
            Err(warning) => (None, Some(warning)),
        };
        let cached = entry.as_ref().and_then(|entry| entry.read());
        let component = match cached.and_then(|compiled| compiler::load(&engine, &compiled).ok()) {
            Some(component) => component,
            None => {
                let compiled = terms.compile(&guest, source).await?;
                let ready = task::spawn_blocking(move || {
                    if let Some(entry) = entry {
                        // A full disk costs the next start some milliseconds, and nothing else.
                        let _ = entry.write(&compiled);
                    }
                    compiler::load(&engine, &compiled)
                });
                let ready = ready.await.unwrap_or_else(|error| Err(wasmtime::Error::new(error)));
                ready.map_err(LoadError::Engine)?
            }
        };
        Self::of(&guest, &component, terms, log, cache_warning)
    }

    fn of(
        guest: &Guest,
        component: &Component,
        terms: Terms,
        log: LineSink,
        cache_warning: Option<String>,
    ) -> Result<Self, LoadError> {
        let instance_pre = world::link(guest, component)?;
        let unlinked = |source| LoadError::Link { guest: guest.clone(), source };
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

    /// Ask the guest where the browser goes; nothing where it does not know.
    ///
    /// # Errors
    /// As [`Sandbox::handle`]. A guest that answers with a failure ends the flow.
    pub async fn authorize(
        &self,
        surroundings: &Surroundings,
    ) -> Result<Option<Result<Authorization, Failure>>, GuestError> {
        let Some(indices) = self.0.authorizer.clone() else { return Ok(None) };
        let call = async move |instance, store: &mut Store<State>| {
            let guest = indices.load(&mut *store, &instance)?;
            guest.call_authorize(store).await
        };
        let answer = self.0.call_elsewhere(surroundings, call).await?;
        let answer = answer.map(Authorization::from).map_err(Failure::from);
        answer.as_ref().map_or_else(reply::check_failure, |_| Ok(()))?;
        Ok(Some(answer))
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
        Ok(self.0.call_elsewhere(surroundings, self.0.handling(surroundings, request)).await??)
    }

    /// The same on this very thread, and what it took.
    #[cfg(feature = "testing")]
    pub(crate) async fn handle_here(
        &self,
        surroundings: &Surroundings,
        request: Request,
    ) -> (Result<Reply, GuestError>, Cost) {
        let (called, cost) =
            self.0.call(surroundings, self.0.handling(surroundings, request)).await;
        (called.and_then(|validated| Ok(validated?)), cost)
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

impl Loaded {
    fn handling(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        request: Request,
    ) -> impl AsyncFnOnce(
        wasmtime::component::Instance,
        &mut Store<State>,
    ) -> wasmtime::Result<Result<Reply, ReplyError>>
    + Send
    + 'static {
        let (indices, authority) = (self.handler.clone(), request.authority.clone());
        let is_navigation = request.is_navigation();
        let (loaded, variables) = (Arc::clone(self), Arc::clone(&surroundings.variables));
        async move |instance, store: &mut Store<State>| {
            let guest = indices.load(&mut *store, &instance)?;
            let reply = guest.call_handle(&mut *store, &request.into()).await?;
            let Terms { limits, page: grants, .. } = &loaded.terms;
            // What the host does with the reply is on the guest's time.
            let go_on = || store.data().account.check_time();
            let cage = Cage { authority: &authority, limits, grants, is_navigation, go_on: &go_on };
            let validated = Reply::validate(reply.into(), &cage);
            Ok(validated.map_err(|e| e.map_words(|word| variables.shown(&word, NAME))))
        }
    }

    async fn call_elsewhere<T, F>(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        call: F,
    ) -> Result<T, GuestError>
    where
        T: Send + 'static,
        F: AsyncFnOnce(wasmtime::component::Instance, &mut Store<State>) -> wasmtime::Result<T>
            + Send
            + 'static,
    {
        let (loaded, surroundings) = (Arc::clone(self), surroundings.clone());
        let runtime = Handle::current();
        let run = move || runtime.block_on(loaded.call(&surroundings, call)).0;
        task::spawn_blocking(run).await.unwrap_or(Err(GuestError::Abandoned))
    }

    /// On this thread: its CPU time counts.
    async fn call<T>(
        &self,
        surroundings: &Surroundings,
        call: impl AsyncFnOnce(wasmtime::component::Instance, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> (Result<T, GuestError>, Cost) {
        let limits = &self.terms.limits;
        let log = GuestLog::new(Arc::clone(&self.log), limits, Arc::clone(&surroundings.variables));
        let engine = self.instance_pre.engine();
        let mut store = State::store(engine, limits, log.clone(), surroundings);
        let mut cost = Cost::default();
        let _ticking = match self.ticker.during_call(engine) {
            Ok(ticking) => ticking,
            Err(error) => return (Err(error.into()), cost),
        };
        if self.terms.metered {
            // Enough for any limit on time.
            let _ = store.set_fuel(u64::MAX);
        }
        let started = Instant::now();
        let called = timeout(limits.wall_time, async {
            let instance = self.instance_pre.instantiate_async(&mut store).await?;
            cost.instantiate = started.elapsed();
            let called = call(instance, &mut store).await?;
            store.data().outgoing.check()?;
            Ok(called)
        });
        let called = called.await;
        cost.call = started.elapsed().saturating_sub(cost.instantiate);
        cost.memory = store.data().account.memory();
        cost.fuel = store.get_fuel().ok().map(|left| u64::MAX - left);
        drop(store);
        log.finish();
        let called = called
            .unwrap_or_else(|_| Err(LimitError::new(Limit::WallTime, limits).into()))
            .map_err(|error| GuestError::from_wasmtime(&error, limits, &surroundings.variables));
        (called, cost)
    }
}
