//! Stops a run early: handles the signals of the operating system, and notifies the connections of the run.

use std::future::Future;
use std::io;

use tokio::sync::watch;

/// The signal that stopped the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// SIGINT, or Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// The signals that reached this process since [`Signals::install`].
#[derive(Debug, Clone)]
pub struct Signals(watch::Receiver<Vec<Signal>>);

impl Signals {
    /// Installs handlers for SIGINT and SIGTERM, in place of the operating system's defaults. Requires a tokio runtime.
    ///
    /// # Errors
    /// Fails if the operating system does not accept a handler.
    pub fn install() -> io::Result<Self> {
        let mut source = Source::install()?;
        let (seen, receiver) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while !seen.is_closed() {
                let signal = source.next().await;
                seen.send_modify(|signals| signals.push(signal));
            }
        });
        Ok(Self(receiver))
    }

    /// Waits for the `n`th signal, counted from 1. Resolves at once if it has already arrived.
    pub fn nth(&self, n: usize) -> impl Future<Output = Signal> + Send + use<> {
        let mut seen = self.0.clone();
        async move {
            let signal =
                seen.wait_for(|signals| signals.len() >= n).await.map(|signals| signals[n - 1]);
            match signal {
                Ok(signal) => signal,
                Err(_) => std::future::pending().await,
            }
        }
    }
}

/// Returns the number of `signals` that have arrived so far.
pub fn seen(signals: &Signals) -> usize {
    signals.0.borrow().len()
}

#[cfg(unix)]
struct Source {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(windows)]
struct Source(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Source {
    fn install() -> io::Result<Self> {
        Ok(Self(tokio::signal::windows::ctrl_c()?))
    }

    async fn next(&mut self) -> Signal {
        self.0.recv().await;
        Signal::Interrupt
    }
}

/// A notice to all connections that the run has stopped. It is sent once.
#[derive(Debug)]
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Notifies every connection.
    pub(crate) fn notify(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn subscribe(&self) -> Stopped {
        Stopped(self.0.subscribe())
    }
}

/// The receiver of [`Stop`] for one connection.
#[derive(Debug, Clone)]
pub(crate) struct Stopped(watch::Receiver<bool>);

impl Stopped {
    /// Waits until the run has stopped.
    ///
    /// # Cancel safety
    /// Cancel safe: the notice stays set.
    pub(crate) async fn wait(&mut self) {
        // An error means that `Stop` was dropped, and that the run has ended.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}
