//! The errors of an authorization URL. They follow the words "the guest could not start the flow: ".

use std::fmt;

use url::ParseError;

use super::URL_LIMIT;
use crate::visible::{NAME, beginning, visible};

/// Why an authorization URL is not opened.
///
/// Contains at most the scheme, the origin or the name of a parameter of the URL, and no secret: a URL with a secret is
/// always [`AuthorizationError::Secret`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The URL is longer than 32 KiB.
    #[error("its authorization URL has {0} bytes; expected at most {URL_LIMIT}")]
    Long(usize),
    /// The text is not a URL.
    #[error("invalid authorization URL: {0}")]
    Url(#[from] ParseError),
    /// The URL contains a secret of the run.
    #[error("its authorization URL contains {0}")]
    Secret(FoundSecret),
    /// The scheme is neither `https` nor `http`.
    #[error("unsupported scheme `{0}` of its authorization URL: expected `https`")]
    Scheme(String),
    /// The scheme is `http`, and the host is neither `localhost` nor a loopback address.
    #[error(
        "unsupported scheme `http` of its authorization URL: expected `https` (`http` is only allowed for `localhost` and loopback addresses)"
    )]
    Plain,
    /// The URL contains a user name or a password.
    #[error("its authorization URL contains a user name or a password")]
    UserInformation,
    /// The URL has a fragment.
    #[error("its authorization URL has a fragment")]
    Fragment,
    /// The origin of the URL, or a URL that the guest needs after it, is not granted.
    #[error(transparent)]
    NotGranted(NotGranted),
    /// A parameter is missing.
    #[error("missing `{name}` in its authorization URL: expected {expected}")]
    Missing {
        /// The name of the parameter.
        name: &'static str,
        /// The value that it must have.
        expected: ExpectedParameter,
    },
    /// A parameter has a value that it must not have.
    #[error("wrong `{name}` in its authorization URL: expected {expected}")]
    Wrong {
        /// The name of the parameter.
        name: &'static str,
        /// The value that it must have.
        expected: ExpectedParameter,
    },
    /// A parameter occurs more than once.
    #[error("duplicate `{0}` in its authorization URL")]
    Duplicate(&'static str),
    /// A parameter is not allowed.
    #[error("its authorization URL contains `{0}`, which is not allowed")]
    Forbidden(&'static str),
    /// A parameter has a name with other characters, which servers read in different ways.
    #[error(
        "invalid parameter name `{}` in its authorization URL: expected letters, digits, `_` and `-`, such as `login_hint` or `options[]`",
        beginning(&visible(.0), NAME)
    )]
    Name(String),
    /// A parameter has a name that some servers read as another name.
    #[error(
        "its authorization URL contains a parameter that some servers read as `{0}`: expected the exact name"
    )]
    Disguised(&'static str),
}

/// A secret in an authorization URL. Contains no value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoundSecret {
    /// The PKCE verifier of the run.
    Verifier,
    /// The secret with this name.
    Named(String),
    /// A secret without a name.
    Other,
}

impl fmt::Display for FoundSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verifier => f.write_str("the PKCE verifier of this run"),
            Self::Other => f.write_str("a secret of this run"),
            Self::Named(name) => write!(
                f,
                "the value of the secret `{name}`; if the secret is short, this may be by chance"
            ),
        }
    }
}

/// Everything that a guest needs for a sign-in, and that is not granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct NotGranted {
    /// The origin of the authorization URL, if it is not granted.
    pub open: Option<String>,
    /// The URLs that the guest sends requests to after the callback.
    pub urls: Vec<String>,
}

impl fmt::Display for NotGranted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls = self.urls.join("`, `");
        match (&self.open, &*self.urls) {
            (Some(open), []) => {
                write!(f, "its authorization URL leads to `{open}`, which is not granted")
            }
            (None, [_]) => write!(f, "it needs `{urls}`, which is not granted"),
            (None, _) => write!(f, "it needs `{urls}`, which are not granted"),
            (Some(open), _) => write!(
                f,
                "its authorization URL leads to `{open}`, and it needs `{urls}`, which are not granted"
            ),
        }
    }
}

/// The value that a parameter must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpectedParameter {
    /// This text.
    Text(&'static str),
    /// One of these texts.
    Either(&'static str, &'static str),
    /// The value that the guest's session has.
    OfSession,
}

impl fmt::Display for ExpectedParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "`{text}`"),
            Self::Either(one, other) => write!(f, "`{one}` or `{other}`"),
            Self::OfSession => f.write_str("the value from this session"),
        }
    }
}
