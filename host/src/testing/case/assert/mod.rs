//! Parses and checks the lines of `[Asserts]`: each has a query and a predicate.

mod predicate;
mod query;
mod words;

pub(super) use query::Subject;

use super::lines::{Line, ParseError};
use super::reaction::Reaction;
use predicate::Predicate;
use query::Query;
use words::Words;

/// An assertion about a step.
#[derive(Debug, Clone)]
pub(super) struct Assert {
    query: Query,
    is_negated: bool,
    predicate: Predicate,
    /// The line of the case, for messages.
    text: String,
}

impl Assert {
    pub(super) fn parse(line: &Line<'_>, subject: Subject) -> Result<Self, ParseError> {
        let mut words = Words::of(line);
        let query = Query::parse(&mut words, subject)?;
        let (predicate, is_negated) = Predicate::parse(&mut words, &query)?;
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
        let values = self.query.values(reaction, log);
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
}
