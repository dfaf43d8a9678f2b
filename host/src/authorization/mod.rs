//! The check of a guest's authorization URL, before the browser opens it.
//!
//! A guest that chooses this URL freely can send the browser anywhere, with anything in the URL, and can start a flow
//! that is not tied to this run. So the URL must lead to a granted origin, and ask for a code for this run only.

mod error;
mod exposed;
mod parameters;

use url::Url;

pub use error::{AuthorizationError, ExpectedParameter, FoundSecret, NotGranted};

use crate::grants::location::is_loopback;
use crate::session::Session;
use parameters::Parameters;

/// The longest authorization URL that a guest may build, in bytes. Browsers accept longer ones, but people and
/// shells cannot handle them.
pub(crate) const URL_LIMIT: usize = 32 << 10;

/// What a URL is checked against.
pub(crate) struct Rules<'a> {
    /// The values of this run.
    pub(crate) session: &'a Session,
    /// Whether PKCE is required. Only a person or a preset can turn it off.
    pub(crate) pkce: bool,
    /// Whether the browser may be sent to the origin of a URL.
    pub(crate) may_open: &'a dyn Fn(&Url) -> bool,
    /// Which secret of the run a text contains, if it contains one.
    pub(crate) find_secret: &'a dyn Fn(&str) -> Option<FoundSecret>,
}

/// An authorization URL that passed the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The URL as the host parsed it. The browser must get this one, and not the guest's text.
    pub url: String,
    /// Whether it has this run's PKCE challenge.
    pub pkce: bool,
    /// The words of the scope that the guest asks for, sorted and without duplicates.
    pub scopes: Vec<String>,
}

/// Checks the authorization URL `text` of a guest.
///
/// # Errors
/// The first rule that the URL breaks.
pub(crate) fn check(text: &str, rules: &Rules<'_>) -> Result<Checked, AuthorizationError> {
    if text.len() > URL_LIMIT {
        return Err(AuthorizationError::Long(text.len()));
    }
    let url = Url::parse(text)?;
    if url.as_str().len() > URL_LIMIT {
        return Err(AuthorizationError::Long(url.as_str().len()));
    }
    // This rule comes first, because the other errors show parts of the URL. Both forms are searched: the parser
    // changes the host to lower case, and removes tabs and line feeds.
    for form in [text, url.as_str()] {
        if let Some(secret) = exposed::find(form, rules.find_secret) {
            return Err(AuthorizationError::Secret(secret));
        }
    }
    check_place(&url, rules.may_open)?;
    let parameters = Parameters::of(&url)?;
    parameters.check(rules)?;
    Ok(Checked { pkce: parameters.has_challenge(), scopes: parameters.scopes(), url: url.into() })
}

/// Checks where the URL leads: everything but the path and the query.
fn check_place(url: &Url, may_open: &dyn Fn(&Url) -> bool) -> Result<(), AuthorizationError> {
    match (url.scheme(), url.host()) {
        ("https", _) => {}
        ("http", Some(host)) if is_loopback(&host) => {}
        ("http", _) => return Err(AuthorizationError::Plain),
        (scheme, _) => return Err(AuthorizationError::Scheme(scheme.to_owned())),
    }
    if !url.username().is_empty() || url.password().is_some() {
        Err(AuthorizationError::UserInformation)
    } else if url.fragment().is_some() {
        Err(AuthorizationError::Fragment)
    } else if !may_open(url) {
        let open = Some(url.origin().ascii_serialization());
        Err(AuthorizationError::NotGranted(NotGranted { open, urls: Vec::new() }))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
