//! The query of an assert: what it looks at.

use http::HeaderName;

use super::words::Words;
use crate::testing::AuthorizationRequest;
use crate::testing::case::lines::ParseError;
use crate::testing::case::reaction::Reaction;
use crate::testing::case::{End, Exchange};
use crate::testing::raw::RawRequestError;

/// What an assertion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::testing::case) enum Subject {
    /// The reply to a request.
    Reply,
    /// The authorization URL.
    Start,
}

/// What an assert looks at.
#[derive(Debug, Clone)]
pub(super) enum Query {
    Status,
    Header(String),
    Body,
    Outcome(String),
    Refused,
    Failed,
    Log,
    Url(UrlPart),
    Issuer,
}

/// A part of the authorization URL.
#[derive(Debug, Clone)]
pub(super) enum UrlPart {
    Whole,
    Host,
    Path,
    Parameter(String),
}

const REPLY_QUERIES: &str =
    "`status`, `header \"NAME\"`, `body`, `outcome \"NAME\"`, `refused`, `failed` or `log`";
const START_QUERIES: &str = "`url`, `url.host`, `url.path`, `url.query \"NAME\"`, `issuer`, `outcome \"NAME\"`, `failed` or `log`";

impl Query {
    pub(super) fn parse(words: &mut Words<'_>, subject: Subject) -> Result<Self, ParseError> {
        let is_start = subject == Subject::Start;
        Ok(match words.word() {
            "outcome" => Self::Outcome(words.string()?),
            "failed" => Self::Failed,
            "log" => Self::Log,
            "url" if is_start => Self::Url(UrlPart::Whole),
            "url.host" if is_start => Self::Url(UrlPart::Host),
            "url.path" if is_start => Self::Url(UrlPart::Path),
            "url.query" if is_start => Self::Url(UrlPart::Parameter(words.string()?)),
            "issuer" if is_start => Self::Issuer,
            other if is_start => {
                let message = format!("unknown query `{other}`: expected {START_QUERIES}");
                return Err(words.error(other, message));
            }
            "status" => Self::Status,
            "header" => {
                let at = words.rest;
                let name = words.string()?;
                match HeaderName::from_bytes(name.as_bytes()) {
                    Ok(name) => Self::Header(name.to_string()),
                    Err(_) => {
                        return Err(words.error(at, RawRequestError::FieldName(name)));
                    }
                }
            }
            "body" => Self::Body,
            "refused" => Self::Refused,
            other => {
                let message = format!("unknown query `{other}`: expected {REPLY_QUERIES}");
                return Err(words.error(other, message));
            }
        })
    }

    /// Returns the values that the query finds. A header field may occur several times.
    pub(super) fn values(&self, reaction: &Reaction, log: &[String]) -> Vec<String> {
        let one = |value: Option<String>| value.into_iter().collect();
        let (reply, request) = (reaction.reply(), reaction.request());
        match self {
            Self::Status => one(reply.map(|reply| reply.response.status().as_u16().to_string())),
            Self::Header(name) => {
                let values = reply
                    .into_iter()
                    .flat_map(|reply| reply.response.headers().get_all(name.as_str()));
                values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
            }
            Self::Body => one(reply.map(Exchange::text)),
            Self::Outcome(name) => one(reaction.outcome(name)),
            Self::Refused => one(match reply.map(|reply| &reply.end) {
                Some(End::Refused(refusal)) => Some(refusal.reason().to_owned()),
                _ => None,
            }),
            Self::Failed => one(reaction.failed()),
            Self::Log => vec![log.join("\n")],
            Self::Url(part) => request.map(|request| part.of(request)).unwrap_or_default(),
            Self::Issuer => one(request.and_then(|request| request.issuer.clone())),
        }
    }
}

impl UrlPart {
    /// Returns the values of this part. A parameter may occur several times.
    fn of(&self, request: &AuthorizationRequest) -> Vec<String> {
        let url = &request.url;
        match self {
            Self::Whole => vec![url.to_string()],
            Self::Host => url.host_str().map(str::to_owned).into_iter().collect(),
            Self::Path => vec![url.path().to_owned()],
            Self::Parameter(wanted) => {
                let all = request.parameters().filter(|(name, _)| name == wanted);
                all.map(|(_, value)| value).collect()
            }
        }
    }
}
