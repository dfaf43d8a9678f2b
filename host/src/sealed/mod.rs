//! Requests of a guest with secrets in them, and the sealed answers to them.
//!
//! A guest writes a [`Draft`] and names the secrets in it, which it cannot read. [`Draft::build`] checks the draft
//! against the grants and fills in the secrets. [`Prepared::answer`] reads the response. From an endpoint, the guest
//! can read only what cannot be a secret: see [`word`] and [`vault`]. Everything else in the answer is a secret itself.
//!
//! This module sends nothing. No error tells a guest what a secret is, with two exceptions of one bit each: a secret may
//! have characters that a `Bearer` header cannot, or be longer than [`SECRET_LIMIT`] once it is percent-encoded.

mod answer;
mod body;
mod credentials;
mod draft;
mod echo;
mod escapes;
mod form;
mod json;
mod permit;
mod place;
#[cfg(test)]
mod tests;
mod vault;
mod word;

use std::fmt;

pub use answer::{Answer, Context, Leaf};
pub use body::{Body, JsonValue};
pub use credentials::Credentials;
pub use draft::{Draft, Method, Prepared};
pub use vault::{CODE_PART, GRANTED_PART, Plausible, Sealed, Vault, token_part};
pub use word::{ERRORS, LIFETIMES, TOKEN_TYPES};

use crate::outgoing::Fault;
use crate::session::Secret;

/// The size limit on a secret in bytes, also once it is percent-encoded. Each secret in a request counts as this many
/// bytes, so that a guest cannot measure one with a limit.
pub const SECRET_LIMIT: usize = 16 << 10;

/// The size limit on a sealed answer in bytes. Each counts as this many bytes.
pub const ANSWER_LIMIT: usize = 64 << 10;

/// The memory that a sealed answer counts for in bytes, so that a guest cannot measure one with the limit on memory. An
/// answer of many short values needs about as much.
pub const ANSWER_MEMORY: usize = 1 << 20;

/// A value that the host keeps for a guest, which can pass it on and never read it: a `secret` of `wit/`.
#[derive(Debug, Clone)]
pub struct Held {
    value: Secret,
    source: Provenance,
}

/// Where a secret comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// The person or the preset granted it.
    Granted {
        /// Whether the guest may read it.
        is_revealed: bool,
    },
    /// It is the PKCE verifier of this run.
    Verifier,
    /// It was in a sealed answer.
    Answer {
        /// Whether it was the `id_token` of a successful answer.
        id_token: bool,
    },
}

/// The error for a secret that is longer than [`SECRET_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret has {0} bytes; expected at most {SECRET_LIMIT}")]
pub struct LongSecret(usize);

impl Held {
    /// Keeps `value`.
    ///
    /// # Errors
    /// Fails if it is longer than [`SECRET_LIMIT`].
    pub fn new(value: Secret, source: Provenance) -> Result<Self, LongSecret> {
        match value.expose().len() {
            length if length > SECRET_LIMIT => Err(LongSecret(length)),
            _ => Ok(Self { value, source }),
        }
    }

    /// The secret.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// Where it comes from.
    pub fn source(&self) -> Provenance {
        self.source
    }
}

/// A value in a request. `Debug` shows neither, because the guest's text may contain the authorization code.
#[derive(Clone)]
pub enum Value {
    /// The guest's own text.
    Text(String),
    /// A secret, always as a whole.
    Secret(Held),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text([redacted])",
            Self::Secret(_) => "Secret([redacted])",
        })
    }
}

/// A name that the grant of an endpoint does not list. The guest chooses the name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unlisted {
    /// The name under which a secret would be sent.
    #[error("its grant does not list `{0}` in `secrets`")]
    Secret(String),
    /// The name of a header field.
    #[error("its grant does not list `{0}` in `headers`")]
    Header(String),
}

/// The reason why a guest gets no answer. Only a person sees more than the kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The URL is not granted, or not for secrets.
    #[error("the URL is not granted, or not for secrets")]
    NotGranted,
    /// A secret has a name that the grant does not list, or a header field is not the guest's to set.
    #[error(transparent)]
    NotAllowedThere(Unlisted),
    /// The request is not well-formed, or too large.
    #[error("the guest's request is invalid or too large")]
    InvalidRequest,
    /// The name does not resolve, or resolves to an address that is not granted.
    #[error("the name does not resolve to a granted address")]
    Address,
    /// There is no connection, or it broke.
    #[error("the connection failed")]
    Connection,
    /// The certificate is not trusted, or the TLS handshake failed.
    #[error("the TLS handshake failed")]
    Tls,
    /// The provider took too long.
    #[error("the provider took too long")]
    Timeout,
    /// The provider redirects.
    #[error("the answer is a redirect, which is not followed: use the final URL")]
    Redirect,
    /// A successful answer is neither JSON nor a form, is not UTF-8, or contains a name twice.
    #[error("the answer is neither JSON nor a form, or a name occurs twice in it")]
    NotUnderstood,
    /// The answer or the requests exceed a limit.
    #[error("a value or the answer is too large: expected at most 16 KiB and 64 KiB")]
    Limit,
}

impl From<Fault> for ExchangeError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Denied | Fault::DnsError | Fault::NotFound | Fault::Prohibited => Self::Address,
            Fault::DnsTimeout | Fault::ConnectTimeout | Fault::Timeout => Self::Timeout,
            Fault::Unavailable | Fault::Refused | Fault::Terminated | Fault::Incomplete => {
                Self::Connection
            }
            Fault::Tls | Fault::Certificate => Self::Tls,
            Fault::Protocol => Self::NotUnderstood,
            Fault::BodySize => Self::Limit,
        }
    }
}
