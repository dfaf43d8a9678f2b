//! Signals. They must not leave the command running.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callback_torture::{Group, Program};

use crate::cli::Exit;

/// Kills the running command, and prevents the start of another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    is_stopped: bool,
    group: Option<Group>,
}

impl Stop {
    /// Start a program that `now` kills, unless it was called already.
    pub(crate) fn spawn(&self, start: impl FnOnce() -> io::Result<Program>) -> io::Result<Program> {
        // A signal waits for this lock, so no command starts unseen.
        let mut running = self.lock();
        if running.is_stopped {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let program = start()?;
        running.group = Some(program.group());
        Ok(program)
    }

    pub(crate) fn now(&self) {
        let mut running = self.lock();
        running.is_stopped = true;
        if let Some(group) = running.group.take() {
            group.kill();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listen for signals. The future is ready once one has come.
#[cfg(unix)]
pub(crate) fn signal() -> io::Result<impl Future<Output = Exit>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = hangup.recv() => Exit::Hangup,
            _ = interrupt.recv() => Exit::Interrupt,
            _ = terminate.recv() => Exit::Terminate,
        }
    })
}

/// Listen for signals. The future is ready once one has come.
#[cfg(not(unix))]
pub(crate) fn signal() -> io::Result<impl Future<Output = Exit>> {
    Ok(async {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupt,
            Err(_) => std::future::pending().await,
        }
    })
}
