//! The epoch ticker. It has its own OS thread, so it interrupts guests even when they keep all async threads busy.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// The interval at which a running guest checks its limits.
const TICK: Duration = Duration::from_millis(5);

/// The number of ticks without a call after which the ticker sleeps: one second. It does not sleep at once because
/// waking it delays the next call.
const IDLE_TICKS: u32 = 200;

/// Increments the engine's epoch during calls, and sleeps between them.
///
/// The thread starts with the first call, and ends when this is dropped.
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
    /// Ticks since the last call ended.
    idle: u32,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait for the next tick. Returns false after the ticker is dropped.
    fn next_tick(&self) -> bool {
        let is_idle = |state: &mut State| state.idle >= IDLE_TICKS && !state.stopped;
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
    /// When the thread cannot be started. Without it, no time limit is enforced.
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
        if std::mem::take(&mut state.idle) >= IDLE_TICKS {
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

/// The guard of one running call: the ticker ticks while it exists.
pub(super) struct Ticking(Arc<Shared>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.lock().calls -= 1;
    }
}
