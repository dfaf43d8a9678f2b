//! The errors of this library.

use std::time::Duration;

pub use crate::authorization::{AuthorizationError, ExpectedParameter, FoundSecret, NotGranted};
#[cfg(feature = "net")]
pub use crate::egress::{ProxyError, TrustError};
pub use crate::grants::{GrantError, UrlProblem};
pub use crate::limits::LimitError;
pub use crate::outgoing::NetRemedy;
pub use crate::presets::PresetError;
pub use crate::reply::{PageError, PageGrantError, ReplyError, StyleError};
pub use crate::request::{CallbackPathError, PasteError, Refusal};
pub use crate::sandbox::{BinaryKind, GuestError, LoadError, Remedy, UnknownGuest};
pub use crate::server::listener::{BindError, ListenError};
#[cfg(feature = "net")]
pub use crate::server::tls::{CertificateProblem, KeyProblem, TlsIdentityError};
pub use crate::session::SessionError;
pub use crate::template::TemplateError;
pub use crate::variables::VariableError;

use crate::shutdown::Signal;

/// The error of a run that ended without an outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The guest cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The preset cannot be used with this configuration.
    #[error(transparent)]
    Preset(#[from] PresetError),
    /// Both the caller and the guest provide an authorization URL.
    #[error("cannot use two authorization URLs: the guest builds its own")]
    TwoAuthorizations,
    /// The certificate is not for the host of the redirect URI.
    #[cfg(feature = "net")]
    #[error(transparent)]
    Tls(#[from] TlsIdentityError),
    /// The listener cannot be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The host listens with TLS, and the redirect URI has the scheme `http`.
    #[error("cannot receive a callback to `{0}`: with a certificate, the host listens for `https`")]
    PlainRedirectUri(String),
    /// The code would pass through another host, which could use it.
    #[error(
        "the code would pass through `{0}`, which could use it: the sign-in has neither PKCE (RFC 7636) nor the secret `client_secret`"
    )]
    UnprotectedCode(String),
    /// The secrets of the run cannot be created.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The guest failed before the browser was opened.
    #[error("the guest could not start the flow: {0}")]
    Authorize(GuestError),
    /// The guest's authorization URL breaks a rule.
    #[error("the guest could not start the flow: {0}")]
    Authorization(AuthorizationError),
    /// The environment names an invalid proxy.
    #[cfg(feature = "net")]
    #[error(transparent)]
    Proxy(#[from] ProxyError),
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
