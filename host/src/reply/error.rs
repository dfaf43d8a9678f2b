//! [`ReplyError`], the error for an invalid reply of a guest.

use super::PageError;
use crate::limits::LimitError;

/// The error for a guest's reply that the host does not send. Never contains the page or a value of the outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The status code is not in the range from 200 to 599.
    #[error("invalid status code {0}: expected 200 to 599")]
    Status(u16),
    /// The status code does not allow a body (RFC 9110, section 6.4.1).
    #[error("a reply with status code {0} must not have a body, but has one of {1} bytes")]
    BodyNotAllowed(u16, usize),
    /// A header field name contains characters that HTTP does not allow.
    #[error("invalid header field name `{0}`")]
    FieldName(String),
    /// A value contains control characters. A line feed would start another field.
    #[error("the value of the header field `{0}` contains a control character")]
    FieldValue(String),
    /// The header field is set by the host, outlasts the page, or makes the browser do more than show the page.
    #[error("a page may not set the header field `{0}`")]
    FieldNotAllowed(String),
    /// A header field occurs twice, but is allowed only once.
    #[error("duplicate header field `{0}`")]
    FieldTwice(String),
    /// The header fields or the body are larger than their limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The policy sends reports. A report would send the page's address, with the code in it, to another server.
    #[error("a `content-security-policy` must not contain a directive that sends reports")]
    PolicyReports,
    /// The redirect would send the authorization response to another server.
    #[error("a redirect must stay on this listener")]
    #[non_exhaustive]
    Redirect {
        /// The grant that would allow it, if any.
        grant: Option<&'static str>,
    },
    /// The content type is not allowed. Other types may contain things that the policy does not control, or the browser
    /// may download them.
    #[error(
        "unsupported content type `{0}`: expected `text/html`, `text/plain` or `application/json`, in UTF-8"
    )]
    ContentType(String),
    /// The body is not in UTF-8. In another encoding the bytes could have another meaning.
    #[error("the body is not valid UTF-8")]
    NotUtf8,
    /// The page is not allowed.
    #[error(transparent)]
    Page(PageError),
    /// A name in the outcome is empty or contains control characters.
    #[error(
        "invalid name `{0}` in the outcome: it must not be empty or contain control characters"
    )]
    OutcomeName(String),
    /// A name in the outcome occurs twice.
    #[error("duplicate name `{0}` in the outcome")]
    OutcomeTwice(String),
    /// A name in the outcome is reserved: the host adds a value with this name, or it means a failure.
    #[error("the name `{0}` in the outcome is reserved for the host: choose another name")]
    OutcomeReserved(String),
    /// Two names in the outcome map to the same shell variable, so that one value would hide the other.
    #[error(
        "the names `{0}` and `{1}` in the outcome become the same shell variable: choose another name for one"
    )]
    OutcomeAlike(String, String),
    /// A value contains a NUL character, which neither arguments nor environment variables can contain.
    #[error("the value of `{0}` in the outcome contains a NUL character")]
    OutcomeValue(String),
    /// A value that was handed over contains a secret that the host may have sent. It is not a token.
    #[error(
        "the value handed over as `{0}` contains a secret of this run: the provider sent the secret back"
    )]
    HandedOverSecret(String),
}

impl ReplyError {
    /// Returns the grant that would allow the reply, if any, such as `scripts` or `links=ORIGIN`.
    pub fn grant(&self) -> Option<&'static str> {
        match self {
            Self::Redirect { grant } => *grant,
            Self::Page(error) => error.grant(),
            _ => None,
        }
    }

    /// Applies `map` to each word of the guest, to redact and shorten it. Until then, the words must be complete: a
    /// secret cannot be found in a part of a word.
    #[must_use]
    pub(crate) fn map_words(self, map: impl Fn(&str) -> String) -> Self {
        match self {
            Self::FieldName(word) => Self::FieldName(map(&word)),
            Self::FieldValue(word) => Self::FieldValue(map(&word)),
            Self::FieldNotAllowed(word) => Self::FieldNotAllowed(map(&word)),
            Self::FieldTwice(word) => Self::FieldTwice(map(&word)),
            Self::ContentType(word) => Self::ContentType(map(&word)),
            Self::OutcomeName(word) => Self::OutcomeName(map(&word)),
            Self::OutcomeTwice(word) => Self::OutcomeTwice(map(&word)),
            Self::OutcomeReserved(word) => Self::OutcomeReserved(map(&word)),
            Self::OutcomeAlike(one, other) => Self::OutcomeAlike(map(&one), map(&other)),
            Self::OutcomeValue(word) => Self::OutcomeValue(map(&word)),
            Self::HandedOverSecret(word) => Self::HandedOverSecret(map(&word)),
            Self::Page(error) => Self::Page(error.map_words(map)),
            without_words => without_words,
        }
    }
}

impl From<PageError> for ReplyError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Limit(limit) => Self::Limit(limit),
            error => Self::Page(error),
        }
    }
}
