//! The epoch ticker: an OS thread, so that a guest that keeps every async thread busy is still interrupted.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// How often a running guest looks at its limits.
const TICK: Duration = Duration::from_millis(5);

/// Ticks while at least one call runs, and waits otherwise. The thread starts with the first call
/// and ends when this is dropped.
pub(super) struct Ticker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    started: bool,
    calls: usize,
    stopped: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    /// Wait for one tick in which a call runs; false once the ticker is dropped.
    fn next_tick(&self) -> bool {
        let idle = |state: &mut State| state.calls == 0 && !state.stopped;
        let guard =
            self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = self
            .changed
            .wait_timeout_while(guard, TICK, |state| !state.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        !guard.stopped
    }
}

impl Ticker {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Tick until the returned guard is dropped.
    ///
    /// # Errors
    /// When the thread cannot be started: then no limit on time would hold.
    pub(super) fn during_call(&self, engine: &Engine) -> io::Result<Ticking> {
        let mut state = self.0.lock();
        if !state.started {
            let (ticking, engine) = (Arc::clone(&self.0), engine.clone());
            thread::Builder::new().name("epoch".to_owned()).spawn(move || {
                while ticking.next_tick() {
                    engine.increment_epoch();
                }
            })?;
            state.started = true;
        }
        state.calls += 1;
        drop(state);
        self.0.changed.notify_one();
        Ok(Ticking(Arc::clone(&self.0)))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.change(|state| state.stopped = true);
    }
}

/// One running call.
pub(super) struct Ticking(Arc<Shared>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.change(|state| state.calls -= 1);
    }
}
