//! One guest call in a fresh store. The call stays on one thread, whose CPU time and memory count against its limits.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::task;
use tokio::time::timeout;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::heap;
use super::log::GuestLog;
use super::state::CallState;
use super::{Cost, GuestError, Loaded, Request, Surroundings, Terms};
use crate::limits::{Limit, LimitError};
use crate::outcome::{Failure, Outcome};
use crate::reply::{Cage, Disposition, RawReply, Reply, ReplyError};
use crate::variables::{Variables, redact};
use crate::visible::NAME;

/// Why a call returned no valid reply.
pub(super) enum NoReply {
    /// wasmtime ended the call: a trap, a limit, or an error of the component model.
    Engine(wasmtime::Error),
    /// The guest returned an invalid reply.
    Invalid(ReplyError),
}

impl<E: Into<wasmtime::Error>> From<E> for NoReply {
    fn from(error: E) -> Self {
        Self::Engine(error.into())
    }
}

/// Redacts secrets, and the code of this call's request, in a failure. It is a message for people and logs.
pub(super) fn redact_failure(failure: &mut Failure, variables: &Variables) {
    failure.error = redact(variables, &failure.error).into_owned();
    let description = failure.description.as_deref();
    failure.description = description.map(|text| redact(variables, text).into_owned());
}

impl Loaded {
    /// Returns a closure that calls the guest's handler with `request` and validates the reply.
    pub(super) fn handler_call(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        request: Request,
    ) -> impl AsyncFnOnce(Instance, &mut Store<CallState>) -> Result<Reply, NoReply> + Send + 'static
    {
        let (indices, origin) = (self.handler.clone(), request.origin.clone());
        let is_navigation = request.is_navigation();
        let (loaded, variables) = (Arc::clone(self), Arc::clone(&surroundings.variables));
        async move |instance, store: &mut Store<CallState>| {
            let guest = indices.load(&mut *store, &instance)?;
            let reply = guest.call_handle(&mut *store, &request.into()).await?;
            let mut reply: RawReply = reply.into();
            match &mut reply.disposition {
                Disposition::Done(Outcome::Success(values)) => {
                    values.extend(store.data_mut().take_handed_over().map_err(NoReply::Invalid)?);
                }
                Disposition::Done(Outcome::Failure(failure)) => redact_failure(failure, &variables),
                Disposition::Pending => {}
            }
            let Terms { limits, page: grants, .. } = &loaded.terms;
            // The guest's limits also cover the host's work on the reply.
            let check_limits = &|| store.data().account.check();
            let cage = Cage { origin: &origin, limits, grants, is_navigation, check_limits };
            // The HTML parser splits a secret that contains `<`, and a search for the whole secret then misses
            // its parts. If the page contains a secret, errors quote nothing from the page.
            let body = reply.body.clone();
            Reply::validate(reply, &cage).map_err(|error| {
                let has_secret = variables.are_in(&body);
                NoReply::Invalid(error.map_words(|word| {
                    if has_secret { "[redacted]".to_owned() } else { variables.shown(&word, NAME) }
                }))
            })
        }
    }

    /// Makes one call on a blocking thread of the runtime.
    pub(super) async fn call_on_blocking_thread<T, F>(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        call: F,
    ) -> Result<T, GuestError>
    where
        T: Send + 'static,
        F: AsyncFnOnce(Instance, &mut Store<CallState>) -> Result<T, NoReply> + Send + 'static,
    {
        let (loaded, surroundings) = (Arc::clone(self), surroundings.clone());
        let runtime = Handle::current();
        let run = move || runtime.block_on(loaded.call(&surroundings, call)).0;
        task::spawn_blocking(run).await.unwrap_or(Err(GuestError::Abandoned))
    }

    /// Makes one call on the current thread. The thread's CPU time counts against the limit.
    pub(super) async fn call<T>(
        &self,
        surroundings: &Surroundings,
        call: impl AsyncFnOnce(Instance, &mut Store<CallState>) -> Result<T, NoReply>,
    ) -> (Result<T, GuestError>, Cost) {
        let limits = &self.terms.limits;
        let log = GuestLog::new(Arc::clone(&self.log), limits, Arc::clone(&surroundings.variables));
        let engine = self.instance_pre.engine();
        let mut store =
            CallState::store(engine, limits, self.loaded_bytes, log.clone(), surroundings);
        let mut cost = Cost::default();
        let _ticking = match self.ticker.during_call(engine) {
            Ok(ticking) => ticking,
            Err(error) => return (Err(GuestError::Unwatched(error)), cost),
        };
        if self.terms.metered {
            // Fuel is counted, but not limited: no call uses this amount within its time limits.
            let _ = store.set_fuel(u64::MAX);
        }
        let started = Instant::now();
        let called = timeout(limits.wall_time, async {
            let instance = self.instance_pre.instantiate_async(&mut store).await?;
            cost.instantiate = started.elapsed();
            store.data().account.check()?;
            let called = call(instance, &mut store).await?;
            store.data().account.check()?;
            store.data().outgoing.check()?;
            Ok(called)
        });
        let called =
            called.await.unwrap_or_else(|_| Err(LimitError::new(Limit::WallTime, limits).into()));
        cost.call = started.elapsed().saturating_sub(cost.instantiate);
        cost.memory = store.data().account.memory();
        cost.fuel = store.get_fuel().ok().map(|left| u64::MAX - left);
        let problems = store.data().outgoing.problems.take();
        let host_bytes = store.data().account.host_bytes();
        drop(store);
        heap::release_after(host_bytes);
        log.finish();
        if !problems.is_empty() {
            (surroundings.provider.on_problems)(&problems);
        }
        let called = called.map_err(|error| match error {
            NoReply::Engine(error) => {
                GuestError::from_wasmtime(&error, limits, &surroundings.variables)
            }
            NoReply::Invalid(error) => error.into(),
        });
        (called, cost)
    }
}
