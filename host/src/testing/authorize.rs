//! The first step of a sign-in, without a browser: the guest's authorization URL, with the checks of a run.

use std::fmt;

use url::Url;

use super::exchange::shown;
use super::section::EndSection;
use crate::error::{AuthorizationError, GuestError};
use crate::outcome::{Failure, Outcome};
use crate::provider;
use crate::sandbox::{FlowStart, Sandbox, Surroundings};

/// The authorization request that a guest starts a sign-in with. Its URL passed the checks of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizationRequest {
    /// The URL for the browser.
    pub url: Url,
    /// The issuer that the callback must name (RFC 9207), if the guest expects one.
    pub issuer: Option<String>,
    /// The scopes that the guest asks for. It may read them in an answer.
    pub(super) scopes: Vec<String>,
}

/// Why there is no authorization URL for the browser.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizeError {
    /// The guest only answers callbacks.
    #[error(
        "the guest cannot start the flow: it does not export `curtaincall:callback/authorizer`"
    )]
    NoAuthorizer,
    /// The guest declined to start the flow.
    #[error("the guest declined to start the flow with `{}`{}", .0.error, described(.0))]
    Declined(Failure),
    /// The guest failed.
    #[error("the guest could not start the flow: {0}")]
    Failed(GuestError),
    /// The guest's URL breaks a rule.
    #[error("the guest could not start the flow: {0}")]
    Invalid(AuthorizationError),
    /// The guest sent a request to another host, and no canned answer matches it. Each text is such a request.
    #[error("no canned answer matches the guest's request:\n{}", .0.join("\n"))]
    Unanswered(Vec<String>),
}

fn described(failure: &Failure) -> String {
    failure.description.as_deref().map(|text| format!(": {text}")).unwrap_or_default()
}

impl AuthorizationRequest {
    /// Returns the decoded names and values of the URL's query, in their order.
    pub fn parameters(&self) -> impl Iterator<Item = (String, String)> {
        self.url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()))
    }

    /// Returns the first value of the parameter `name` of the URL's query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// Formats the URL and its decoded parameters, one per line, as in a snapshot.
impl fmt::Display for AuthorizationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut place = self.url.clone();
        place.set_query(None);
        writeln!(f, "{place}")?;
        for (name, value) in self.parameters() {
            writeln!(f, "{}: {}", shown(&name), shown(&value))?;
        }
        match &self.issuer {
            Some(issuer) => writeln!(f, "\nissuer: {}", shown(issuer)),
            None => Ok(()),
        }
    }
}

impl AuthorizeError {
    /// Returns the stable machine-readable name of the reason. A guest that declines has none.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::NoAuthorizer => Some("no-authorizer"),
            Self::Failed(error) => Some(error.reason()),
            Self::Invalid(_) => Some("authorization"),
            Self::Declined(_) | Self::Unanswered(_) => None,
        }
    }

    /// Returns the section of a case that expects this error.
    pub(super) fn section(&self) -> EndSection {
        match self {
            Self::Declined(failure) => EndSection::done(&Outcome::Failure(failure.clone())),
            error => EndSection::failed(error.reason().unwrap_or_default()),
        }
    }
}

/// Asks the guest for its authorization URL, and checks it as a run does.
pub(super) async fn authorize(
    sandbox: &Sandbox,
    surroundings: &Surroundings,
) -> Result<AuthorizationRequest, AuthorizeError> {
    match sandbox.authorize_here(surroundings).await.map_err(AuthorizeError::Failed)? {
        FlowStart::NoAuthorizer => Err(AuthorizeError::NoAuthorizer),
        FlowStart::Declined(failure) => Err(AuthorizeError::Declined(failure)),
        FlowStart::Open(authorization) => {
            let checked =
                provider::check(&authorization, surroundings).map_err(AuthorizeError::Invalid)?;
            let url =
                Url::parse(&checked.url).map_err(|error| AuthorizeError::Invalid(error.into()))?;
            Ok(AuthorizationRequest { url, issuer: authorization.issuer, scopes: checked.scopes })
        }
    }
}
