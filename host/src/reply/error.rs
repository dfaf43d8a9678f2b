//! What is wrong with a guest's reply.

use super::PageError;
use crate::limits::LimitError;

impl ReplyError {
    /// The grant that would allow the reply, if one would, written as a [`PageGrant`](super::PageGrant) is parsed.
    pub fn grant(&self) -> Option<&'static str> {
        match self {
            Self::Redirect => Some("redirect=ORIGIN"),
            Self::Page(error) => error.grant(),
            _ => None,
        }
    }

    /// The same with the guest's words as they are to be shown: whole until then, since a secret in one of them
    /// is not found in a part of it.
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
            Self::Page(error) => Self::Page(error.map_words(map)),
            wordless => wordless,
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

/// A guest's answer that the host does not send. Names what is wrong, never the page or the outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// Informational and unknown status codes have no page.
    #[error("the status code {0} is not from 200 to 599")]
    Status(u16),
    /// RFC 9110, section 6.4.1.
    #[error("a reply with status code {0} has no body, but {1} bytes were given")]
    BodyNotAllowed(u16, usize),
    /// Characters that HTTP does not allow in a field name.
    #[error("`{0}` is not a header field name")]
    FieldName(String),
    /// Control characters: a line feed would start another field.
    #[error("the value of `{0}` contains a control character")]
    FieldValue(String),
    /// A field that is the host's, outlives the page, or makes the browser do more than show it.
    #[error("a page may not set the header field `{0}`")]
    FieldNotAllowed(String),
    /// A field that can be there once.
    #[error("the header field `{0}` is there twice")]
    FieldTwice(String),
    /// The header fields or the body are over their limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A policy whose reports would carry the page's address, and the code in it, elsewhere.
    #[error("a `content-security-policy` must not name a place for reports")]
    PolicyReports,
    /// A redirect that would take the authorization response elsewhere.
    #[error("a redirect may only stay on this listener")]
    Redirect,
    /// Other types can carry what no policy holds back, or be saved as a file.
    #[error(
        "`{0}` is not a content type of a page; there are `text/html`, `text/plain` and `application/json`, in UTF-8"
    )]
    ContentType(String),
    /// Bytes that mean something else in another encoding.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// A page that the host does not let through.
    #[error(transparent)]
    Page(PageError),
    /// A name in the outcome is empty or has control characters.
    #[error("`{0}` is not a name for a value in the outcome")]
    OutcomeName(String),
    /// A name in the outcome occurs twice.
    #[error("the outcome has two values called `{0}`")]
    OutcomeTwice(String),
    /// The host adds values of these names itself, or programs take them for a failure.
    #[error("the name `{0}` in the outcome is reserved for the host: choose another name")]
    OutcomeReserved(String),
    /// Two names that a shell cannot tell apart: one value would hide the other.
    #[error(
        "the names `{0}` and `{1}` in the outcome become the same shell variable: choose another name for one"
    )]
    OutcomeAlike(String, String),
    /// No program can take a value with a NUL.
    #[error("the value of `{0}` in the outcome contains a NUL character")]
    OutcomeValue(String),
}
