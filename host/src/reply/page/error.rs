//! [`PageError`], the error for a page that is not allowed.

use super::StyleError;
use crate::limits::LimitError;

/// The error for a page that is not allowed. Lines are those of the reply's body, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The element is not on the list.
    #[error("line {line}: a page may not have the element `<{name}>`")]
    #[non_exhaustive]
    Element {
        /// Its line.
        line: u64,
        /// Its name.
        name: String,
        /// The grant that would allow it, if any.
        grant: Option<&'static str>,
    },
    /// The attribute is not on the list.
    #[error("line {line}: a page may not have the attribute `{name}` on `<{element}>`")]
    #[non_exhaustive]
    Attribute {
        /// The line of the element.
        line: u64,
        /// The name of the element.
        element: String,
        /// The name of the attribute.
        name: String,
        /// The grant that would allow it, if any.
        grant: Option<&'static str>,
    },
    /// The value of an attribute is not allowed.
    #[error(
        "line {line}: invalid value of the attribute `{name}` on `<{element}>`: expected {expected}"
    )]
    #[non_exhaustive]
    Value {
        /// The line of the element.
        line: u64,
        /// The name of the element.
        element: String,
        /// The name of the attribute.
        name: String,
        /// The values that are allowed.
        expected: &'static str,
        /// The grant that would allow it, if any.
        grant: Option<&'static str>,
    },
    /// The CSS is not allowed.
    #[error("line {line}: {problem}, in {place}")]
    #[non_exhaustive]
    Style {
        /// Its line.
        line: u64,
        /// The element, and the attribute if the CSS is in one.
        place: String,
        /// The problem.
        problem: StyleError,
    },
    /// An element is inside one that may contain only text.
    #[error("line {line}: `<{element}>` may contain only text")]
    #[non_exhaustive]
    TextOnly {
        /// The line of the outer element.
        line: u64,
        /// Its name.
        element: String,
    },
    /// The elements are nested too deeply.
    #[error("the page is nested more than {0} elements deep")]
    TooDeep(usize),
    /// The page has too many nodes.
    #[error("the page has more than {0} elements and text nodes")]
    TooManyNodes(usize),
    /// An element has too many attributes.
    #[error("an element of the page has more than {0} attributes")]
    TooManyAttributes(usize),
    /// A browser might see a different page than the one that was checked.
    #[error(
        "the page is ambiguous: it changes when it is serialized and parsed again; close each element before the one that contains it"
    )]
    Ambiguous,
    /// The check exceeded the guest's limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

impl PageError {
    /// Returns the grant that would allow the page, if any, such as `scripts` or `links=ORIGIN`.
    pub fn grant(&self) -> Option<&'static str> {
        match self {
            Self::Element { grant, .. }
            | Self::Attribute { grant, .. }
            | Self::Value { grant, .. } => *grant,
            _ => None,
        }
    }

    /// Applies `map` to each word of the guest.
    #[must_use]
    pub(in crate::reply) fn map_words(self, map: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Element { line, name, grant } => Self::Element { line, name: map(&name), grant },
            Self::Attribute { line, element, name, grant } => {
                Self::Attribute { line, element: map(&element), name: map(&name), grant }
            }
            Self::Style { line, place, problem: StyleError::AtRule(name) } => {
                Self::Style { line, place, problem: StyleError::AtRule(map(&name)) }
            }
            Self::Style { line, place, problem: StyleError::Function(name) } => {
                Self::Style { line, place, problem: StyleError::Function(map(&name)) }
            }
            without_words => without_words,
        }
    }
}
