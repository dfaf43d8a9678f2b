//! Why a page is not shown.

use super::StyleError;
use crate::limits::LimitError;

/// Why a page is not shown. Lines are those of the reply's body, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// An element that is not on the list.
    #[error("line {line}: a page may not have the element `<{name}>`")]
    Element {
        /// Where it stands.
        line: u64,
        /// Its name.
        name: String,
        /// The grant that would allow it.
        grant: Option<&'static str>,
    },
    /// An attribute that is not on the list.
    #[error("line {line}: a page may not have the attribute `{name}` on `<{element}>`")]
    Attribute {
        /// Where the element stands.
        line: u64,
        /// The name of the element.
        element: String,
        /// Its name.
        name: String,
        /// The grant that would allow it.
        grant: Option<&'static str>,
    },
    /// An attribute with a value that is not allowed.
    #[error(
        "line {line}: invalid value of the attribute `{name}` on `<{element}>`: expected {expected}"
    )]
    Value {
        /// Where the element stands.
        line: u64,
        /// The name of the element.
        element: String,
        /// The name of the attribute.
        name: String,
        /// What a page may have there.
        expected: &'static str,
    },
    /// CSS that is not allowed.
    #[error("line {line}: {problem}, in {place}")]
    Style {
        /// Where it stands.
        line: u64,
        /// The element, and the attribute if it is in one.
        place: String,
        /// What is wrong with it.
        problem: StyleError,
    },
    /// An element in one that holds text only.
    #[error("line {line}: `<{element}>` may hold text only")]
    TextOnly {
        /// Where the outer element stands.
        line: u64,
        /// Its name.
        element: String,
    },
    /// Elements in elements in elements.
    #[error("the page is nested more than {0} elements deep")]
    TooDeep(usize),
    /// Too many elements and pieces of text.
    #[error("the page has more than {0} elements and pieces of text")]
    TooManyNodes(usize),
    /// Too many attributes on one element.
    #[error("an element of the page has more than {0} attributes")]
    TooManyAttributes(usize),
    /// A browser might see another page than the one that was checked.
    #[error(
        "the page is ambiguous: written down and parsed again it is not the same; close each element in the order in which it was opened"
    )]
    Ambiguous,
    /// Checking it took more than its guest had left.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

impl PageError {
    /// The grant that would allow the page, if one would, written as a [`PageGrant`](crate::PageGrant) is parsed.
    pub fn grant(&self) -> Option<&'static str> {
        match self {
            Self::Element { grant, .. } | Self::Attribute { grant, .. } => *grant,
            Self::Value { element, name, .. } if element == "a" && name == "href" => {
                Some("links=ORIGIN")
            }
            _ => None,
        }
    }

    /// The same with other words of the guest's.
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
            wordless => wordless,
        }
    }
}
