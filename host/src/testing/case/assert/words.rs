//! The words, strings and regular expressions of a line of `[Asserts]`.

use regex_lite::Regex;

use crate::testing::case::lines::{Line, ParseError};

/// The rest of a line that has not been parsed yet.
pub(super) struct Words<'a> {
    line: &'a Line<'a>,
    pub(super) rest: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn of(line: &'a Line<'a>) -> Self {
        Self { line, rest: line.text.trim() }
    }

    /// Returns an error at the start of `part`, which must be a slice of the line.
    pub(super) fn error(&self, part: &str, message: impl ToString) -> ParseError {
        self.line.error(part, message)
    }

    pub(super) fn word(&mut self) -> &'a str {
        let (word, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        word
    }

    pub(super) fn take(&mut self, word: &str) -> bool {
        let is_next = self.rest.split(' ').next() == Some(word);
        if is_next {
            self.word();
        }
        is_next
    }

    /// Parses a string or a number, and returns it as text.
    pub(super) fn value(&mut self) -> Result<String, ParseError> {
        if self.rest.starts_with('"') {
            self.string()
        } else if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            Ok(self.word().to_owned())
        } else {
            Err(self.error(self.rest, "expected a string in double quotes or a number"))
        }
    }

    /// Parses a string in double quotes, with the escapes of JSON.
    pub(super) fn string(&mut self) -> Result<String, ParseError> {
        let end = closing(self.rest, '"')
            .ok_or_else(|| self.error(self.rest, "expected a string in double quotes"))?;
        let (string, rest) = self.rest.split_at(end);
        let value = serde_json::from_str(string).map_err(|error| {
            let message = "invalid string (write a backslash as `\\\\`)";
            self.error(string, format!("{message}: {error}"))
        })?;
        self.rest = rest.trim_start();
        Ok(value)
    }

    /// Parses a regular expression: a string, or `/regex/`, where `\/` stands for `/`.
    pub(super) fn regex(&mut self) -> Result<Regex, ParseError> {
        let at = self.rest;
        let pattern = if at.starts_with('/') {
            let end = closing(at, '/')
                .ok_or_else(|| self.error(at, "missing closing `/` of the regular expression"))?;
            self.rest = at[end..].trim_start();
            at[1..end - 1].replace("\\/", "/")
        } else {
            self.string()?
        };
        let invalid = |error| self.error(at, format!("invalid regular expression: {error}"));
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
