//! The library's front door: a run with its listener, its signals and its listeners handed in.

use std::fmt;
use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;

use crate::config::Config;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::outcome::Outcome;
use crate::run::{self, Hooks};
use crate::sandbox::Guest;
use crate::shutdown::Signal;
use crate::template::Template;

/// One flow: from the listener to the outcome.
///
/// Needs a tokio runtime with its I/O and time drivers enabled, of either flavour.
pub struct Flow {
    config: Config,
    hooks: Hooks,
}

impl Default for Flow {
    fn default() -> Self {
        Self::from(Config::default())
    }
}

impl From<Config> for Flow {
    fn from(config: Config) -> Self {
        Self {
            config,
            hooks: Hooks {
                listener: None,
                shutdown: Box::pin(std::future::pending()),
                events: Events::to(|_| {}),
                on_done: Box::new(|_| {}),
            },
        }
    }
}

impl Flow {
    /// The default guest on a free port of `127.0.0.1`, for at most five minutes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who draws the page.
    #[must_use]
    pub fn guest(mut self, guest: Guest) -> Self {
        self.config.guest = guest;
        self
    }

    /// Open a browser at this authorization URL.
    #[must_use]
    pub fn open(mut self, template: Template) -> Self {
        self.config.open = Some(template);
        self
    }

    /// Give up after this long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// Serve on a listener that is already bound to a loopback address.
    #[must_use]
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.hooks.listener = Some(listener);
        self
    }

    /// Stop when `shutdown` resolves.
    #[must_use]
    pub fn shutdown(mut self, shutdown: impl Future<Output = Signal> + Send + 'static) -> Self {
        self.hooks.shutdown = Box::pin(shutdown);
        self
    }

    /// Hear of everything that happens. Called on whatever thread it happens; must not block.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.hooks.events = Events::to(listener);
        self
    }

    /// Get the outcome as soon as it is known, while the page is still leaving. Must not block.
    ///
    /// Called at most once, and also when the outcome came in the grace of a run that was stopped.
    #[must_use]
    pub fn on_done(mut self, on_done: impl FnOnce(&Outcome) + Send + 'static) -> Self {
        self.hooks.on_done = Box::new(on_done);
        self
    }

    /// Serve until a guest says `done` and its page has left.
    ///
    /// # Errors
    /// When the run could not start, or was stopped before a guest said `done`.
    ///
    /// # Cancel safety
    /// Dropping the future closes the listener and every connection at once.
    pub async fn run(self) -> Result<Outcome, Error> {
        run::run(self.config, self.hooks).await
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("config", &self.config).finish_non_exhaustive()
    }
}
