//! One guest call, from a fresh store to its end: on one thread, whose CPU time and memory count.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::task;
use tokio::time::timeout;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::heap;
use super::log::GuestLog;
use super::state::State;
use super::{Cost, GuestError, Loaded, Request, Surroundings, Terms};
use crate::limits::{Limit, LimitError};
use crate::reply::{Cage, RawReply, Reply, ReplyError};
use crate::visible::NAME;

/// What a guest answered, once it was checked.
pub(super) type Checked<T> = Result<T, ReplyError>;

impl Loaded {
    /// A call of the guest's handler.
    pub(super) fn handling(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        request: Request,
    ) -> impl AsyncFnOnce(Instance, &mut Store<State>) -> wasmtime::Result<Checked<Reply>> + Send + 'static
    {
        let (indices, authority) = (self.handler.clone(), request.authority.clone());
        let is_navigation = request.is_navigation();
        let (loaded, variables) = (Arc::clone(self), Arc::clone(&surroundings.variables));
        async move |instance, store: &mut Store<State>| {
            let guest = indices.load(&mut *store, &instance)?;
            let reply = guest.call_handle(&mut *store, &request.into()).await?;
            let Terms { limits, page: grants, .. } = &loaded.terms;
            // What the host does with the reply is on the guest's budget.
            let go_on = || store.data().account.check();
            let cage = Cage { authority: &authority, limits, grants, is_navigation, go_on: &go_on };
            let reply: RawReply = reply.into();
            // A parser cuts a secret where the secret has a `<`: then no word of the page is told.
            let has_secret = variables.are_in(&reply.body);
            let shown = |word: &str| {
                if has_secret { "[redacted]".to_owned() } else { variables.shown(&word, NAME) }
            };
            Ok(Reply::validate(reply, &cage).map_err(|error| error.map_words(shown)))
        }
    }

    /// On a thread of its own.
    pub(super) async fn call_elsewhere<T, F>(
        self: &Arc<Self>,
        surroundings: &Surroundings,
        call: F,
    ) -> Result<T, GuestError>
    where
        T: Send + 'static,
        F: AsyncFnOnce(Instance, &mut Store<State>) -> wasmtime::Result<Checked<T>>
            + Send
            + 'static,
    {
        let (loaded, surroundings) = (Arc::clone(self), surroundings.clone());
        let runtime = Handle::current();
        let run = move || runtime.block_on(loaded.call(&surroundings, call)).0;
        task::spawn_blocking(run).await.unwrap_or(Err(GuestError::Abandoned))
    }

    /// On this thread: its CPU time counts.
    pub(super) async fn call<T>(
        &self,
        surroundings: &Surroundings,
        call: impl AsyncFnOnce(Instance, &mut Store<State>) -> wasmtime::Result<Checked<T>>,
    ) -> (Result<T, GuestError>, Cost) {
        let limits = &self.terms.limits;
        let log = GuestLog::new(Arc::clone(&self.log), limits, Arc::clone(&surroundings.variables));
        let engine = self.instance_pre.engine();
        let mut store = State::store(engine, limits, self.held, log.clone(), surroundings);
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
            store.data().account.check()?;
            let called = call(instance, &mut store).await?;
            store.data().account.check()?;
            store.data().outgoing.check()?;
            Ok::<_, wasmtime::Error>(called)
        });
        let called = called.await;
        cost.call = started.elapsed().saturating_sub(cost.instantiate);
        cost.memory = store.data().account.memory();
        cost.fuel = store.get_fuel().ok().map(|left| u64::MAX - left);
        let held = store.data().account.held();
        drop(store);
        heap::give_back(held);
        log.finish();
        let called = match called {
            Ok(Ok(checked)) => checked.map_err(GuestError::from),
            Ok(Err(error)) => {
                Err(GuestError::from_wasmtime(&error, limits, &surroundings.variables))
            }
            Err(_) => Err(GuestError::from(LimitError::new(Limit::WallTime, limits))),
        };
        (called, cost)
    }
}
