//! Parses and checks the lines of `[Asserts]`: each has a query and a predicate.

use http::HeaderName;
use regex_lite::Regex;

use super::lines::{Line, ParseError};
use super::reaction::Reaction;
use super::{End, Exchange};
use crate::testing::AuthorizationRequest;
use crate::testing::raw::RawRequestError;

/// What an assertion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The reply to a request.
    Reply,
    /// The authorization URL.
    Start,
}

/// An assertion about a step.
#[derive(Debug, Clone)]
pub(super) struct Assert {
    query: Query,
    is_negated: bool,
    predicate: Predicate,
    /// The line of the case, for messages.
    text: String,
}

#[derive(Debug, Clone)]
enum Query {
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

#[derive(Debug, Clone)]
enum UrlPart {
    Whole,
    Host,
    Path,
    Parameter(String),
}

#[derive(Debug, Clone)]
enum Predicate {
    Equals(String),
    Compares(&'static str, i64),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Matches(Regex),
    Exists,
}

const REPLY_QUERIES: &str =
    "`status`, `header \"NAME\"`, `body`, `outcome \"NAME\"`, `refused`, `failed` or `log`";
const START_QUERIES: &str = "`url`, `url.host`, `url.path`, `url.query \"NAME\"`, `issuer`, `outcome \"NAME\"`, `failed` or `log`";
const PREDICATES: &str =
    "`==`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `startsWith`, `endsWith`, `matches` or `exists`";

impl Assert {
    pub(super) fn parse(line: &Line<'_>, subject: Subject) -> Result<Self, ParseError> {
        let mut words = Words { line, rest: line.text.trim() };
        let query = words.query(subject)?;
        let mut is_negated = words.take("not");
        let predicate = match words.word() {
            "==" => Predicate::Equals(words.value_for(&query)?),
            "!=" => {
                is_negated = !is_negated;
                Predicate::Equals(words.value_for(&query)?)
            }
            sign @ ("<" | "<=" | ">" | ">=") => {
                let sign = ["<", "<=", ">", ">="].into_iter().find(|known| *known == sign);
                let at = words.rest;
                let number = words.value()?.parse();
                let number = number.map_err(|_| line.error(at, "expected a number"))?;
                Predicate::Compares(sign.unwrap_or_default(), number)
            }
            "contains" => Predicate::Contains(words.value()?),
            "startsWith" => Predicate::StartsWith(words.value()?),
            "endsWith" => Predicate::EndsWith(words.value()?),
            "matches" => Predicate::Matches(words.regex()?),
            "exists" => Predicate::Exists,
            "" => {
                return Err(
                    line.error(words.rest, format!("missing predicate: expected {PREDICATES}"))
                );
            }
            other => {
                return Err(line
                    .error(other, format!("unknown predicate `{other}`: expected {PREDICATES}")));
            }
        };
        if words.rest.is_empty() {
            Ok(Self { query, is_negated, predicate, text: line.text.trim().to_owned() })
        } else {
            Err(line.error(words.rest, "unexpected text after the assert"))
        }
    }

    /// Returns `None` if the reaction satisfies the assert. Otherwise returns a message, and the actual values if they
    /// are too long for the message.
    pub(super) fn check(
        &self,
        reaction: &Reaction,
        log: &[String],
    ) -> Option<(String, Option<String>)> {
        let values = self.values(reaction, log);
        let fail = |why: &str| Some((format!("`{}`: {why}", self.text), None));
        let no_value = match reaction {
            Reaction::Reply(_) => "the reply has no such value",
            Reaction::Start(_) => "there is no such value",
        };
        let holds = match &self.predicate {
            Predicate::Exists => !values.is_empty(),
            // A missing value satisfies only `not exists`, so `!=` and the like fail.
            _ if values.is_empty() => return fail(no_value),
            Predicate::Compares(..) if values.iter().any(|value| value.parse::<i64>().is_err()) => {
                let message = format!("`{}`: expected a whole number", self.text);
                return Some((message, Some(values.join("\n"))));
            }
            predicate => values.iter().any(|value| predicate.matches(value)),
        };
        match &values[..] {
            _ if holds != self.is_negated => None,
            [] => fail(no_value),
            [value] if value.len() <= 200 && !value.contains('\n') => {
                fail(&format!("got `{value}`"))
            }
            values => Some((format!("`{}` failed", self.text), Some(values.join("\n")))),
        }
    }

    /// Returns the values that the query finds. A header field may occur several times.
    fn values(&self, reaction: &Reaction, log: &[String]) -> Vec<String> {
        let one = |value: Option<String>| value.into_iter().collect();
        let (reply, request) = (reaction.reply(), reaction.request());
        match &self.query {
            Query::Status => one(reply.map(|reply| reply.response.status().as_u16().to_string())),
            Query::Header(name) => {
                let values = reply
                    .into_iter()
                    .flat_map(|reply| reply.response.headers().get_all(name.as_str()));
                values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
            }
            Query::Body => one(reply.map(Exchange::text)),
            Query::Outcome(name) => one(reaction.outcome(name)),
            Query::Refused => one(match reply.map(|reply| &reply.end) {
                Some(End::Refused(refusal)) => Some(refusal.reason().to_owned()),
                _ => None,
            }),
            Query::Failed => one(reaction.failed()),
            Query::Log => vec![log.join("\n")],
            Query::Url(part) => request.map(|request| part.of(request)).unwrap_or_default(),
            Query::Issuer => one(request.and_then(|request| request.issuer.clone())),
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

impl Predicate {
    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Equals(wanted) => value == wanted,
            Self::Contains(part) => value.contains(part),
            Self::StartsWith(start) => value.starts_with(start),
            Self::EndsWith(end) => value.ends_with(end),
            Self::Matches(regex) => regex.is_match(value),
            Self::Exists => true,
            Self::Compares(sign, number) => value.parse::<i64>().is_ok_and(|value| match *sign {
                "<" => value < *number,
                "<=" => value <= *number,
                ">" => value > *number,
                _ => value >= *number,
            }),
        }
    }
}

/// The rest of a line that has not been parsed yet.
struct Words<'a> {
    line: &'a Line<'a>,
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn word(&mut self) -> &'a str {
        let (word, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        word
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.rest.split(' ').next() == Some(word);
        if is_next {
            self.word();
        }
        is_next
    }

    fn query(&mut self, subject: Subject) -> Result<Query, ParseError> {
        let is_start = subject == Subject::Start;
        Ok(match self.word() {
            "outcome" => Query::Outcome(self.string()?),
            "failed" => Query::Failed,
            "log" => Query::Log,
            "url" if is_start => Query::Url(UrlPart::Whole),
            "url.host" if is_start => Query::Url(UrlPart::Host),
            "url.path" if is_start => Query::Url(UrlPart::Path),
            "url.query" if is_start => Query::Url(UrlPart::Parameter(self.string()?)),
            "issuer" if is_start => Query::Issuer,
            other if is_start => {
                let message = format!("unknown query `{other}`: expected {START_QUERIES}");
                return Err(self.line.error(other, message));
            }
            "status" => Query::Status,
            "header" => {
                let at = self.rest;
                let name = self.string()?;
                match HeaderName::from_bytes(name.as_bytes()) {
                    Ok(name) => Query::Header(name.to_string()),
                    Err(_) => {
                        return Err(self.line.error(at, RawRequestError::FieldName(name)));
                    }
                }
            }
            "body" => Query::Body,
            "refused" => Query::Refused,
            other => {
                let message = format!("unknown query `{other}`: expected {REPLY_QUERIES}");
                return Err(self.line.error(other, message));
            }
        })
    }

    /// Parses the value to compare a query with. For a status code it must be a number.
    fn value_for(&mut self, query: &Query) -> Result<String, ParseError> {
        let at = self.rest;
        let value = self.value()?;
        match (query, value.parse::<u16>()) {
            (Query::Status, Ok(status)) => Ok(status.to_string()),
            (Query::Status, Err(_)) => Err(self.line.error(at, "expected a number")),
            _ => Ok(value),
        }
    }

    /// Parses a string or a number, and returns it as text.
    fn value(&mut self) -> Result<String, ParseError> {
        if self.rest.starts_with('"') {
            self.string()
        } else if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            Ok(self.word().to_owned())
        } else {
            Err(self.line.error(self.rest, "expected a string in double quotes or a number"))
        }
    }

    /// Parses a string in double quotes, with the escapes of JSON.
    fn string(&mut self) -> Result<String, ParseError> {
        let end = closing(self.rest, '"')
            .ok_or_else(|| self.line.error(self.rest, "expected a string in double quotes"))?;
        let (string, rest) = self.rest.split_at(end);
        let value = serde_json::from_str(string).map_err(|error| {
            let message = "invalid string (write a backslash as `\\\\`)";
            self.line.error(string, format!("{message}: {error}"))
        })?;
        self.rest = rest.trim_start();
        Ok(value)
    }

    /// Parses a regular expression: a string, or `/regex/`, where `\/` stands for `/`.
    fn regex(&mut self) -> Result<Regex, ParseError> {
        let at = self.rest;
        let pattern = if at.starts_with('/') {
            let end = closing(at, '/').ok_or_else(|| {
                self.line.error(at, "missing closing `/` of the regular expression")
            })?;
            self.rest = at[end..].trim_start();
            at[1..end - 1].replace("\\/", "/")
        } else {
            self.string()?
        };
        let invalid = |error| self.line.error(at, format!("invalid regular expression: {error}"));
        Regex::new(&pattern).map_err(invalid)
    }
}

/// Returns the length of the quoted text that begins with `quote`, up to the next `quote` without a backslash before
/// it.
fn closing(text: &str, quote: char) -> Option<usize> {
    let inner = text.strip_prefix(quote)?;
    let mut is_escaped = false;
    inner.char_indices().find_map(|(at, c)| match c {
        _ if std::mem::take(&mut is_escaped) => None,
        '\\' => {
            is_escaped = true;
            None
        }
        c => (c == quote).then_some(quote.len_utf8() + at + c.len_utf8()),
    })
}
