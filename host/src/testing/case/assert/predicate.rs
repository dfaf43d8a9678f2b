//! The predicate of an assert: what it expects of a value.

use regex_lite::Regex;

use super::query::Query;
use super::words::Words;
use crate::testing::case::lines::ParseError;

/// What an assert expects of a value.
#[derive(Debug, Clone)]
pub(super) enum Predicate {
    Equals(String),
    Compares(&'static str, i64),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Matches(Regex),
    Exists,
}

const PREDICATES: &str =
    "`==`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `startsWith`, `endsWith`, `matches` or `exists`";

impl Predicate {
    /// Parses a predicate. Returns it, and whether it is negated by `not` or `!=`.
    pub(super) fn parse(words: &mut Words<'_>, query: &Query) -> Result<(Self, bool), ParseError> {
        let mut is_negated = words.take("not");
        let predicate = match words.word() {
            "==" => Self::Equals(wanted(words, query)?),
            "!=" => {
                is_negated = !is_negated;
                Self::Equals(wanted(words, query)?)
            }
            sign @ ("<" | "<=" | ">" | ">=") => {
                let sign = ["<", "<=", ">", ">="].into_iter().find(|known| *known == sign);
                let at = words.rest;
                let number = words.value()?.parse();
                let number = number.map_err(|_| words.error(at, "expected a number"))?;
                Self::Compares(sign.unwrap_or_default(), number)
            }
            "contains" => Self::Contains(words.value()?),
            "startsWith" => Self::StartsWith(words.value()?),
            "endsWith" => Self::EndsWith(words.value()?),
            "matches" => Self::Matches(words.regex()?),
            "exists" => Self::Exists,
            "" => {
                return Err(
                    words.error(words.rest, format!("missing predicate: expected {PREDICATES}"))
                );
            }
            other => {
                return Err(words
                    .error(other, format!("unknown predicate `{other}`: expected {PREDICATES}")));
            }
        };
        Ok((predicate, is_negated))
    }

    pub(super) fn matches(&self, value: &str) -> bool {
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

/// Parses the value to compare a query with. For a status code it must be a number.
fn wanted(words: &mut Words<'_>, query: &Query) -> Result<String, ParseError> {
    let at = words.rest;
    let value = words.value()?;
    match (query, value.parse::<u16>()) {
        (Query::Status, Ok(status)) => Ok(status.to_string()),
        (Query::Status, Err(_)) => Err(words.error(at, "expected a number")),
        _ => Ok(value),
    }
}
