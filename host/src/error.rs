//! Why a run ended without an outcome, and every other error of this library.

use std::io;
use std::time::Duration;

pub use crate::limits::{Limit, LimitError};
pub use crate::reply::{PageError, PageGrantError, ReplyError, StyleError};
pub use crate::request::{CallbackPathError, Refusal};
pub use crate::sandbox::{GuestError, Kind, LoadError, Remedy, UnknownGuest};
pub use crate::server::listener::{BindError, ListenError};
pub use crate::session::SessionError;
pub use crate::template::TemplateError;
pub use crate::variables::VariableError;

use crate::exit::Exit;
use crate::shutdown::Signal;

/// Why a run ended without an outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The guest cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// What the guest is configured with cannot be had.
    #[error(transparent)]
    Variables(#[from] VariableError),
    /// This program does not find itself.
    #[error("cannot start the program that compiles guests")]
    Program(#[source] io::Error),
    /// The operating system gives no async runtime what it needs.
    #[error("cannot start the async runtime")]
    Runtime(#[source] io::Error),
    /// There are two authorization URLs.
    #[error("the guest builds its own authorization URL, so no other can be given")]
    TwoAuthorizations,
    /// No socket could be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is no randomness.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The guest failed before the browser could open.
    #[error("the guest could not start the flow: {0}")]
    Authorize(#[source] GuestError),
    /// The guest named something that is no place for a browser.
    #[error(
        "the guest could not start the flow: the URL that it gave is not an `http` or `https` URL"
    )]
    AuthorizationUrl,
    /// The guest's authorization URL is longer than 32 KiB.
    #[error(
        "the guest could not start the flow: the URL that it gave has {0} bytes; expected at most 32768"
    )]
    LongAuthorizationUrl(usize),
    /// Nothing completed the flow in time.
    #[error("no callback completed the flow within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// Somebody else may know the secrets of this run.
    #[error(
        "the link that opens the sign-in was followed twice: another program on this machine may have read it"
    )]
    LinkUsedTwice,
    /// Somebody asked the run to stop.
    #[error("stopped before a callback completed the flow")]
    Interrupted(Signal),
}

impl Error {
    /// The exit code of a program that ends with this error.
    #[doc(hidden)]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Load(_)
            | Self::Program(_)
            | Self::Authorize(_)
            | Self::AuthorizationUrl
            | Self::LongAuthorizationUrl(_) => Exit::Guest,
            Self::TwoAuthorizations | Self::Variables(_) => Exit::Usage,
            Self::Runtime(_) | Self::Listen(_) | Self::Session(_) => Exit::Listen,
            Self::Timeout(_) => Exit::Timeout,
            Self::LinkUsedTwice => Exit::Unsafe,
            Self::Interrupted(Signal::Interrupt) => Exit::Interrupt,
            Self::Interrupted(Signal::Terminate) => Exit::Terminate,
        }
    }
}
