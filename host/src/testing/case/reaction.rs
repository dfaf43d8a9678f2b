//! What a guest did in one step of a case.

use std::fmt;

use super::report::FailureContext;
use super::{End, EndSection, Exchange};
use crate::error::{AuthorizationError, NotGranted};
use crate::outcome::{Failure, Outcome};
use crate::reply::Slip;
use crate::testing::exchange::refusal_message;
use crate::testing::{AuthorizationRequest, AuthorizeError};

/// What a guest did in one step of a case.
#[derive(Debug)]
pub(super) enum Reaction {
    /// It got a request.
    Reply(Box<Exchange>),
    /// It was asked for its authorization URL.
    Start(Result<AuthorizationRequest, AuthorizeError>),
}

impl Reaction {
    /// Returns how the step ended, as the section that a case would expect. An authorization URL has none.
    pub(super) fn section(&self) -> Option<EndSection> {
        match self {
            Self::Reply(exchange) => Some(EndSection::of(&exchange.end)),
            Self::Start(Ok(_)) => None,
            Self::Start(Err(error)) => Some(error.section()),
        }
    }

    /// Returns the value `name` of the outcome.
    pub(super) fn outcome(&self, name: &str) -> Option<String> {
        match self {
            Self::Reply(exchange) => {
                exchange.outcome().and_then(|outcome| outcome.get(name)).map(str::to_owned)
            }
            Self::Start(started) => {
                let failure = declined(started)?;
                Outcome::Failure(failure.clone()).get(name).map(str::to_owned)
            }
        }
    }

    /// Returns the message if the guest failed.
    pub(super) fn failed(&self) -> Option<String> {
        match self {
            Self::Reply(exchange) => match &exchange.end {
                End::Failed(error) => Some(error.to_string()),
                _ => None,
            },
            Self::Start(Err(error)) if !matches!(error, AuthorizeError::Declined(_)) => {
                Some(error.to_string())
            }
            Self::Start(_) => None,
        }
    }

    /// Returns the exchange.
    pub(super) fn reply(&self) -> Option<&Exchange> {
        match self {
            Self::Reply(exchange) => Some(exchange),
            Self::Start(_) => None,
        }
    }

    /// Returns the authorization request.
    pub(super) fn request(&self) -> Option<&AuthorizationRequest> {
        match self {
            Self::Start(Ok(request)) => Some(request),
            _ => None,
        }
    }

    /// Returns the places where the guest's page is not valid HTML.
    pub(super) fn slips(&self) -> &[Slip] {
        match self {
            Self::Reply(exchange) => &exchange.slips,
            Self::Start(_) => &[],
        }
    }

    /// Returns what the host knows about the step, for a failure.
    pub(super) fn context(&self, log: &[String]) -> FailureContext {
        let (reason, remedy, backtrace) = match self {
            Self::Reply(exchange) => match &exchange.end {
                End::Failed(error) => (Some(error.to_string()), error.remedy(), error.backtrace()),
                End::Refused(refusal) => (Some(refusal_message(*refusal)), None, ""),
                End::Pending | End::Done(_) => (None, None, ""),
            },
            Self::Start(Ok(_) | Err(AuthorizeError::Declined(_))) => (None, None, ""),
            Self::Start(Err(error)) => match error {
                AuthorizeError::Failed(guest) => {
                    (Some(error.to_string()), guest.remedy(), guest.backtrace())
                }
                AuthorizeError::Invalid(AuthorizationError::NotGranted(missing)) => {
                    (Some(format!("{error}; {}", options(missing))), None, "")
                }
                error => (Some(error.to_string()), None, ""),
            },
        };
        let log = log.iter().map(|line| format!("[guest] {line}"));
        let lines = backtrace.lines().map(str::to_owned).chain(log).collect();
        FailureContext { reason, remedy, lines }
    }
}

/// Returns the options of a case that grant what is missing.
fn options(NotGranted { open, urls, .. }: &NotGranted) -> String {
    let open = open.iter().map(|origin| format!("`allow-open: {origin}`"));
    let net = (!urls.is_empty()).then(|| format!("`allow-net: {}`", urls.join(", ")));
    let options: Vec<_> = open.chain(net).collect();
    let s = if options.len() == 1 { "" } else { "s" };
    format!("allow it with the option{s} {}", options.join(" and "))
}

fn declined(started: &Result<AuthorizationRequest, AuthorizeError>) -> Option<&Failure> {
    match started {
        Err(AuthorizeError::Declined(failure)) => Some(failure),
        _ => None,
    }
}

/// Formats the reaction as in a snapshot.
impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(exchange) => write!(f, "{exchange}"),
            Self::Start(Ok(request)) => write!(f, "{request}"),
            Self::Start(Err(error)) => writeln!(f, "{}", error.section()),
        }
    }
}
