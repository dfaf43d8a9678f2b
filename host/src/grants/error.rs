//! The errors of grants.

use super::location::UrlProblem;
use crate::visible::{NAME, beginning, visible};

/// The error for an invalid grant. A value that could be a secret is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// A URL is not one that can be granted.
    #[error("invalid network grant `{url}`: {problem}")]
    Url {
        /// The URL, without user information, query and fragment.
        url: String,
        /// What is wrong with it.
        problem: UrlProblem,
    },
    /// A name is not one that can be granted.
    #[error("invalid {of} `{name}`: expected {expected}")]
    Name {
        /// The kind of name.
        of: &'static str,
        /// The name.
        name: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The same endpoint is in a file twice.
    #[error("duplicate endpoint `{0}`")]
    Twice(String),
    /// A file of grants is not valid.
    #[error("invalid grants at line {line}, column {column}: {message}")]
    File {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
}

impl GrantError {
    pub(super) fn url(text: &str, problem: UrlProblem) -> Self {
        let text = &text[..text.find(['?', '#']).unwrap_or(text.len())];
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        // What stands before the `@` may be a password.
        let rest = rest.rsplit('@').next().unwrap_or_default();
        let separator = if scheme.is_empty() { "" } else { "://" };
        Self::Url { url: shown(&format!("{scheme}{separator}{rest}")), problem }
    }

    pub(super) fn name(of: &'static str, name: &str, expected: &'static str) -> Self {
        Self::Name { of, name: shown(name), expected }
    }
}

fn shown(text: &str) -> String {
    beginning(&visible(text), NAME)
}
