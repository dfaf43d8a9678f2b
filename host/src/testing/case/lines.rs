//! The lines of a case, and errors with their position.

use std::path::PathBuf;

use http::{HeaderName, HeaderValue};

use crate::testing::SetupError;
use crate::testing::raw::RawRequestError;

/// A line of a case, without its line ending.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// The line number, from 1.
    pub(super) number: usize,
}

impl<'a> Line<'a> {
    /// Returns an error at the start of `part`, which must be a slice of this line.
    pub(super) fn error(&self, part: &str, message: impl ToString) -> ParseError {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.get(..offset).unwrap_or_default();
        ParseError {
            file: PathBuf::new(),
            line: self.number,
            column: before.chars().count() + 1,
            message: message.to_string(),
            setup: None,
        }
    }

    /// Returns the error for `name`, an option or a session value of this line.
    pub(super) fn setup_error(&self, name: &str, error: SetupError) -> ParseError {
        let untyped = self.error(name, &error);
        ParseError { setup: Some(Box::new(error)), ..untyped }
    }

    /// Returns `word` if the line is a section heading `[word]`.
    pub(super) fn section(&self) -> Option<&'a str> {
        self.text.trim().strip_prefix('[')?.strip_suffix(']')
    }

    /// Splits a line `name: value`.
    pub(super) fn pair(&self) -> Result<(&'a str, &'a str), ParseError> {
        let (name, value) = self.text.split_once(':').ok_or_else(|| {
            let message = "expected `name: value`, or a body in \"`\" or between \"```\" lines";
            self.error(self.text, message)
        })?;
        let name = name.trim();
        if name.is_empty() {
            Err(self.error(self.text, "expected a name before the `:`"))
        } else {
            Ok((name, value.trim()))
        }
    }

    /// Parses the header field of this line.
    pub(super) fn field(
        &self,
        name: &str,
        value: &str,
    ) -> Result<(HeaderName, HeaderValue), ParseError> {
        let valid_name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| self.error(name, RawRequestError::FieldName(name.to_owned())))?;
        let valid_value = HeaderValue::from_str(value)
            .map_err(|_| self.error(value, RawRequestError::FieldValue(name.to_owned())))?;
        Ok((valid_name, valid_value))
    }

    /// Returns whether a request begins on this line: its first word is a method in capitals.
    pub(super) fn is_request(&self) -> bool {
        let method = self.text.trim_start().split(' ').next().unwrap_or_default();
        !method.is_empty()
            && method.bytes().all(|b| b.is_ascii_uppercase())
            && !self.is_response()
            && !self.is_fault()
    }

    /// Returns whether this line is the `FAULT` line of a canned answer.
    pub(super) fn is_fault(&self) -> bool {
        self.text.trim_start().starts_with("FAULT ")
    }

    /// Returns whether a response begins on this line.
    pub(super) fn is_response(&self) -> bool {
        ["HTTP", "HTTP/1.1"].contains(&self.text.split_whitespace().next().unwrap_or_default())
    }
}

/// Why a case is not valid, with the position of the error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", .file.display())]
pub struct ParseError {
    /// The case file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The same error as a value, if an option or a session value is invalid.
    pub setup: Option<Box<SetupError>>,
}

/// The lines that have not been read yet.
pub(super) struct Lines<'a> {
    lines: Vec<&'a str>,
    next: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { lines: text.lines().collect(), next: 0 }
    }

    /// Returns the next line that is neither empty nor a comment, without reading it.
    pub(super) fn peek(&mut self) -> Option<Line<'a>> {
        while let Some(text) = self.lines.get(self.next) {
            let trimmed = text.trim();
            if !trimmed.is_empty() && !trimmed.starts_with('#') {
                return Some(Line { text, number: self.next + 1 });
            }
            self.next += 1;
        }
        None
    }

    /// Reads the next line that is neither empty nor a comment.
    pub(super) fn next(&mut self) -> Option<Line<'a>> {
        let line = self.peek()?;
        self.next += 1;
        Some(line)
    }

    /// Reads the next line, even if it is empty or a comment.
    pub(super) fn next_raw(&mut self) -> Option<Line<'a>> {
        let text = self.lines.get(self.next)?;
        self.next += 1;
        Some(Line { text, number: self.next })
    }

    /// Returns the rest of the text, from the next line that is neither empty nor a comment.
    pub(super) fn rest(&mut self) -> String {
        self.peek();
        self.lines.get(self.next..).unwrap_or_default().join("\n")
    }

    /// Skips this number of lines.
    pub(super) fn skip(&mut self, lines: usize) {
        self.next += lines;
    }

    /// Returns an empty line at the end of the text, for error messages.
    pub(super) fn end(&self) -> Line<'a> {
        Line { text: "", number: self.lines.len().max(1) }
    }
}
