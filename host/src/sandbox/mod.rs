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
mod log;
mod request;
mod state;
mod ticker;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task;
use tokio::time::timeout;
use wasmtime::component::{Component, InstancePre};
use wasmtime::{Engine, Store};

use bindings::{authorizer, handler, types};
use cache::Cache;
pub use compiler::{Compiler, SUBCOMMAND as COMPILE_SUBCOMMAND, compile_standard_input};
pub use error::{GuestError, LoadError};
pub use guest::{Guest, Kind};
use log::GuestLog;
pub use log::LineSink;
pub use request::Request;
use state::State;
use ticker::Ticker;

use crate::limits::{Limit, LimitError, Limits};
use crate::outcome::{Failure, Outcome};
use crate::reply::{Cage, Disposition, PageGrants, RawReply, Reply};
use crate::session::Session;

/// The export that makes a component a guest.
const HANDLER: &str = "curtaincall:callback/handler@0.1.0";
/// The export of a guest that starts the flow itself.
const AUTHORIZER: &str = "curtaincall:callback/authorizer@0.1.0";

/// A loaded guest: compiled, linked, and not yet run.
#[derive(Clone)]
pub struct Sandbox(Arc<Loaded>);

struct Loaded {
    instance_pre: InstancePre<State>,
    handler: handler::GuestIndices,
    authorizer: Option<authorizer::GuestIndices>,
    ticker: Ticker,
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
        let engine = engine::running(limits.stack).map_err(LoadError::Engine)?;
        let (entry, cache_warning) = match Cache::open() {
            Ok(cache) => (Some(cache.entry(&source)), None),
            Err(warning) => (None, Some(warning)),
        };
        let cached = entry.as_ref().and_then(|entry| entry.read());
        let component = match cached.and_then(|compiled| compiler::load(&engine, &compiled).ok()) {
            Some(component) => component,
            None => {
                let compiled = terms.compiler.compile(&guest, source, limits).await?;
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
        let instance_pre = link(&guest, &component)?;
        let unlinked = |source| LoadError::Link { guest: guest.clone(), source };
        let handler = handler::GuestIndices::new(&instance_pre).map_err(unlinked)?;
        let authorizer = component
            .get_export_index(None, AUTHORIZER)
            .map(|_| authorizer::GuestIndices::new(&instance_pre))
            .transpose()
            .map_err(unlinked)?;
        let ticker = Ticker::new();
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
        session: &Arc<Session>,
    ) -> Result<Option<Result<Authorization, Failure>>, GuestError> {
        let Some(indices) = self.0.authorizer.clone() else { return Ok(None) };
        let answer = self
            .call(session, async move |instance, store| {
                let guest = indices.load(&mut *store, &instance)?;
                guest.call_authorize(store).await
            })
            .await?;
        Ok(Some(match answer {
            Ok(authorization) => {
                Ok(Authorization { url: authorization.url, issuer: authorization.issuer })
            }
            Err(failure) => Err(failure.into()),
        }))
    }

    /// Call the guest's handler on a fresh instance.
    ///
    /// Runs on a blocking thread, so that a guest that computes delays nobody else.
    ///
    /// # Errors
    /// When the guest traps, meets a limit, or answers with what cannot be sent.
    pub async fn handle(
        &self,
        session: &Arc<Session>,
        request: Request,
    ) -> Result<Reply, GuestError> {
        let (indices, authority) = (self.0.handler.clone(), request.authority.clone());
        let loaded = Arc::clone(&self.0);
        let validated = self
            .call(session, async move |instance, store| {
                let guest = indices.load(&mut *store, &instance)?;
                let reply = guest.call_handle(store, &request.into()).await?;
                let Terms { limits, page: grants, .. } = &loaded.terms;
                let cage = Cage { authority: &authority, limits, grants };
                Ok(Reply::validate(reply.into(), &cage))
            })
            .await?;
        Ok(validated?)
    }

    async fn call<T, F>(&self, session: &Arc<Session>, call: F) -> Result<T, GuestError>
    where
        T: Send + 'static,
        F: AsyncFnOnce(wasmtime::component::Instance, &mut Store<State>) -> wasmtime::Result<T>
            + Send
            + 'static,
    {
        let (loaded, session, runtime) =
            (Arc::clone(&self.0), Arc::clone(session), Handle::current());
        let run = move || {
            let limits = &loaded.terms.limits;
            let log = GuestLog::new(Arc::clone(&loaded.log), limits);
            let engine = loaded.instance_pre.engine();
            let mut store = State::store(engine, limits, log.clone(), session);
            let _ticking = loaded.ticker.during_call(engine)?;
            let called = runtime.block_on(timeout(limits.wall_time, async {
                let instance = loaded.instance_pre.instantiate_async(&mut store).await?;
                call(instance, &mut store).await
            }));
            drop(store);
            log.finish();
            called
                .unwrap_or_else(|_| Err(LimitError::new(Limit::WallTime, limits).into()))
                .map_err(|error| GuestError::from_wasmtime(&error, limits))
        };
        task::spawn_blocking(run).await.unwrap_or(Err(GuestError::Abandoned))
    }
}

fn link(guest: &Guest, component: &Component) -> Result<InstancePre<State>, LoadError> {
    let engine = component.engine();
    check_exports(guest, engine, component)?;
    let imports_wasi = check_imports(guest, engine, component)?;
    let linker = engine::linker(engine, imports_wasi).map_err(LoadError::Engine)?;
    linker
        .instantiate_pre(component)
        .map_err(|source| LoadError::Link { guest: guest.clone(), source })
}

fn check_exports(guest: &Guest, engine: &Engine, component: &Component) -> Result<(), LoadError> {
    if component.get_export_index(None, HANDLER).is_some() {
        return Ok(());
    }
    let exports =
        component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
    Err(LoadError::MissingExport { guest: guest.clone(), missing: HANDLER, exports })
}

/// Refuse imports that were not granted; returns whether there are any of WASI.
fn check_imports(guest: &Guest, engine: &Engine, component: &Component) -> Result<bool, LoadError> {
    let imported = component.component_type();
    let names = || imported.imports(engine).map(|(name, _)| name.to_owned());
    let ungranted: Vec<String> = names().filter(|name| !engine::is_granted(name)).collect();
    match ungranted.is_empty() {
        true => Ok(names().any(|name| name.starts_with("wasi:"))),
        false => Err(LoadError::Imports { guest: guest.clone(), imports: ungranted }),
    }
}

impl From<Request> for types::Request {
    fn from(request: Request) -> Self {
        let Request { method, path_with_query, authority, headers, body } = request;
        Self { method, path_with_query, authority, headers, body }
    }
}

impl From<types::Reply> for RawReply {
    fn from(reply: types::Reply) -> Self {
        Self {
            status: reply.response.status_code,
            headers: reply.response.headers,
            body: reply.response.body,
            disposition: match reply.disposition {
                types::Disposition::Pending => Disposition::Pending,
                types::Disposition::Done(outcome) => Disposition::Done(outcome.into()),
            },
        }
    }
}

impl From<types::Outcome> for Outcome {
    fn from(outcome: types::Outcome) -> Self {
        match outcome {
            types::Outcome::Success(values) => Self::Success(values),
            types::Outcome::Failure(failure) => Self::Failure(failure.into()),
        }
    }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        Self { error: failure.error, description: failure.description }
    }
}
