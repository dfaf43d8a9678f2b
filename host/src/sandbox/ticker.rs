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
    activity: Mutex<Activity>,
    changed: Condvar,
}

#[derive(Default)]
struct Activity {
    started: bool,
    stopped: bool,
    calls: usize,
    /// Ticks since the last call ended.
    idle: u32,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next tick. Returns false after the ticker is dropped.
    fn next_tick(&self) -> bool {
        let is_idle = |activity: &mut Activity| activity.idle >= IDLE_TICKS && !activity.stopped;
        let activity = self.changed.wait_while(self.lock(), is_idle);
        let activity = activity.unwrap_or_else(PoisonError::into_inner);
        let (mut activity, _) = self
            .changed
            .wait_timeout_while(activity, TICK, |activity| !activity.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        activity.idle = if activity.calls > 0 { 0 } else { activity.idle + 1 };
        !activity.stopped
    }
}

impl Ticker {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// Ticks until the returned guard is dropped.
    ///
    /// # Errors
    /// Fails if the thread cannot be started. Without it, no time limit is enforced.
    pub(super) fn during_call(&self, engine: &Engine) -> io::Result<Ticking> {
        let mut activity = self.0.lock();
        if !activity.started {
            let (ticking, engine) = (Arc::clone(&self.0), engine.clone());
            thread::Builder::new().name("epoch".to_owned()).spawn(move || {
                while ticking.next_tick() {
                    engine.increment_epoch();
                }
            })?;
            activity.started = true;
        }
        activity.calls += 1;
        if std::mem::take(&mut activity.idle) >= IDLE_TICKS {
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
