//! The errors of this library.

use std::time::Duration;

pub use crate::grants::{GrantError, UrlProblem};
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

/// The error of a run that ended without an outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The guest cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The guest's variables or secrets are invalid or cannot be read.
    #[error(transparent)]
    Variables(#[from] VariableError),
    /// Both the caller and the guest provide an authorization URL.
    #[error("cannot use two authorization URLs: the guest builds its own")]
    TwoAuthorizations,
    /// The listener cannot be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The secrets of the run cannot be created.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The guest failed before the browser was opened.
    #[error("the guest could not start the flow: {0}")]
    Authorize(GuestError),
    /// The guest's authorization URL is invalid.
    #[error(
        "the guest could not start the flow: its authorization URL is not an `http` or `https` URL"
    )]
    AuthorizationUrl,
    /// The guest's authorization URL is longer than 32 KiB.
    #[error(
        "the guest could not start the flow: its authorization URL has {0} bytes; expected at most 32768"
    )]
    LongAuthorizationUrl(usize),
    /// The flow was not completed in time.
    #[error("no callback completed the flow within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// The one-time sign-in link was used twice, so another user may know the secrets of this run.
    #[error(
        "the one-time sign-in link was used twice: another program on this machine may have read it"
    )]
    LinkUsedTwice,
    /// The caller or a signal stopped the run.
    #[error("stopped before a callback completed the flow")]
    Interrupted(Signal),
}

impl Error {
    /// The exit code of a program that ends with this error.
    #[doc(hidden)]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Load(_)
            | Self::Authorize(_)
            | Self::AuthorizationUrl
            | Self::LongAuthorizationUrl(_) => Exit::Guest,
            Self::TwoAuthorizations | Self::Variables(_) => Exit::Usage,
            Self::Listen(_) | Self::Session(_) => Exit::Listen,
            Self::Timeout(_) => Exit::Timeout,
            Self::LinkUsedTwice => Exit::Unsafe,
            Self::Interrupted(signal) => (*signal).into(),
        }
    }
}
