//! The epoch ticker: an OS thread, so that a guest that keeps every async thread busy is still interrupted.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// How often a running guest looks at its limits.
const TICK: Duration = Duration::from_millis(5);

/// So many ticks without a call, a second, and the ticker sleeps until the next one: waking it costs
/// a call more than the ticks cost the machine.
const PATIENCE: u32 = 200;

/// Ticks while calls are made, and sleeps otherwise. The thread starts with the first call and ends
/// when this is dropped.
pub(super) struct Ticker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    started: bool,
    stopped: bool,
    calls: usize,
    /// Ticks since a call ran.
    idle: u32,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait for one tick; false once the ticker is dropped.
    fn next_tick(&self) -> bool {
        let is_idle = |state: &mut State| state.idle >= PATIENCE && !state.stopped;
        let state = self.changed.wait_while(self.lock(), is_idle);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, TICK, |state| !state.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        state.idle = if state.calls > 0 { 0 } else { state.idle + 1 };
        !state.stopped
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
        if std::mem::take(&mut state.idle) >= PATIENCE {
            self.0.changed.notify_one();
        }
        Ok(Ticking(Arc::clone(&self.0)))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_one();
    }
}

/// One running call.
pub(super) struct Ticking(Arc<Shared>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.lock().calls -= 1;
    }
}
