//! Why a run stops before it is done, and how its connections hear of it.

use std::future::Future;
use std::io;

use tokio::sync::watch;

/// Who asked the run to stop.
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
    /// Take SIGINT and SIGTERM over from the operating system's default. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the operating system refuses a handler.
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

    /// How many there were so far.
    pub fn seen(&self) -> usize {
        self.0.borrow().len()
    }

    /// Wait for the `n`th signal, counted from 1; at once where it was there already.
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

/// The switch that ends serving; thrown once.
#[derive(Debug)]
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Tell every connection.
    pub(crate) fn throw(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn subscribe(&self) -> Stopped {
        Stopped(self.0.subscribe())
    }
}

/// One connection's end of [`Stop`].
#[derive(Debug, Clone)]
pub(crate) struct Stopped(watch::Receiver<bool>);

impl Stopped {
    /// Wait for the switch.
    ///
    /// # Cancel safety
    /// Nothing is lost: the switch stays thrown.
    pub(crate) async fn thrown(&mut self) {
        // An error means that the switch is gone, and serving with it.
        let _ = self.0.wait_for(|thrown| *thrown).await;
    }
}
