//! The page cage, first wall: only pages that the host has understood are shown.
//!
//! A page is parsed as browsers do it, and each of its elements, attributes and CSS functions must be on a
//! list of those that can neither fetch, navigate, submit, report nor run. What is sent is not what the
//! guest wrote but what the host understood: its own writing of the checked tree, which parses without an
//! error to the same tree again. So no browser sees another page than the one that was checked.

mod allowed;
mod check;
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

/// A place at which a page is not valid HTML. The host sends the page as browsers repair it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slip {
    /// The line of the reply's body, from 1.
    pub line: u64,
    /// What is wrong there, in a few words.
    pub message: String,
}

/// A page that can be shown.
#[derive(Debug)]
pub struct Understood {
    /// The page as the host writes it: HTML with a doctype.
    pub html: Vec<u8>,
    /// Where the guest's own writing is not valid, the first ten.
    pub slips: Vec<Slip>,
}

/// Understand the page that a guest wrote.
///
/// `authority` is that of the listener, where forms may lead; `go_on` says when the guest's time is up.
///
/// # Errors
/// The first thing in it that a page may not hold, or the bound that it breaks.
pub fn understand(
    text: &str,
    authority: &str,
    grants: &PageGrants,
    go_on: &dyn Fn() -> Result<(), LimitError>,
) -> Result<Understood, PageError> {
    let mut tree = parse(text, go_on)?;
    Checker { grants, authority, go_on }.check(&mut tree)?;
    let html = write::to_html(&tree, go_on)?;
    let again = parse(&html, go_on)?;
    if again.slips.is_empty() && tree.is_same(&again) {
        Ok(Understood { html: html.into_bytes(), slips: tree.slips })
    } else {
        Err(PageError::Ambiguous)
    }
}

#[cfg(test)]
mod tests;
