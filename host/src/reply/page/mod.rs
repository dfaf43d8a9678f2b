//! The first layer of restrictions on a page: the host parses and checks the page, and serializes it again.
//!
//! The host parses a page as browsers do. Each element, attribute and CSS function must be on a list of those that
//! cannot fetch, navigate, submit, report or run. The host does not send what the guest wrote. It serializes the
//! checked tree, and makes sure that the result parses to the same tree again, without an error. So the browser sees
//! the same page that the host has checked.

mod allowed;
mod check;
mod element;
mod error;
mod parse;
mod style;
mod tree;
mod write;

pub use error::PageError;
pub use style::StyleError;

use check::Checker;
use parse::parse;

use super::PageGrants;
use crate::limits::LimitError;

/// A place where a page is not valid HTML. The host sends the page as browsers repair it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slip {
    /// The line of the reply's body, from 1.
    pub line: u64,
    /// What is wrong, in a few words.
    pub message: String,
}

/// A page that passed the check.
#[derive(Debug)]
pub struct CheckedPage {
    /// The page as the host serialized it: HTML with a doctype.
    pub html: Vec<u8>,
    /// The first ten places where the guest's HTML is not valid.
    pub slips: Vec<Slip>,
}

/// Parses, checks and serializes the page that a guest wrote.
///
/// `origin` is the origin of the listener, such as `http://127.0.0.1:43117`. Forms may lead there. `check_limits` fails
/// if the guest has reached a limit on time or memory.
///
/// # Errors
/// Returns the first part of the page that is not allowed, or the limit that the page exceeds.
pub fn check_page(
    text: &str,
    origin: &str,
    grants: &PageGrants,
    check_limits: &dyn Fn() -> Result<(), LimitError>,
) -> Result<CheckedPage, PageError> {
    let mut tree = parse(text, check_limits)?;
    Checker { grants, origin, check_limits }.check(&mut tree)?;
    let html = write::to_html(&tree, check_limits)?;
    let again = parse(&html, check_limits)?;
    if again.slips.is_empty() && tree.is_same(&again) {
        Ok(CheckedPage { html: html.into_bytes(), slips: tree.slips })
    } else {
        Err(PageError::Ambiguous)
    }
}

#[cfg(test)]
mod tests;
