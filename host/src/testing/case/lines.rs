//! The lines of a case, and where in them something is wrong.

use std::path::PathBuf;

use http::{HeaderName, HeaderValue};

/// A line of a case, without its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// From 1.
    pub(super) number: usize,
}

impl<'a> Line<'a> {
    /// Something is wrong where `part`, a part of this line, begins.
    pub(super) fn error(&self, part: &str, message: impl ToString) -> ParseError {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.get(..offset).unwrap_or_default();
        ParseError {
            file: PathBuf::new(),
            line: self.number,
            column: before.chars().count() + 1,
            message: message.to_string(),
        }
    }

    /// The word in `[word]`.
    pub(super) fn section(&self) -> Option<&'a str> {
        self.text.trim().strip_prefix('[')?.strip_suffix(']')
    }

    /// `name: value`.
    pub(super) fn pair(&self) -> Result<(&'a str, &'a str), ParseError> {
        let (name, value) = self.text.split_once(':').ok_or_else(|| {
            let message = "expected `name: value`; a body stands in \"`\", or between two \"```\"";
            self.error(self.text, message)
        })?;
        let name = name.trim();
        if name.is_empty() {
            Err(self.error(self.text, "expected a name before the `:`"))
        } else {
            Ok((name, value.trim()))
        }
    }

    /// A header field of this line.
    pub(super) fn field(
        &self,
        name: &str,
        value: &str,
    ) -> Result<(HeaderName, HeaderValue), ParseError> {
        let message = format!("`{name}` is no name of a header field");
        let valid = HeaderName::from_bytes(name.as_bytes());
        let valid = valid.map_err(|_| self.error(name, message))?;
        let message =
            format!("the value of `{name}` has a character that no header field may have");
        let value = HeaderValue::from_str(value).map_err(|_| self.error(value, message))?;
        Ok((valid, value))
    }

    /// Whether a request begins here: a method in capitals, and a target.
    pub(super) fn is_request(&self) -> bool {
        let method = self.text.trim_start().split(' ').next().unwrap_or_default();
        !method.is_empty()
            && method.bytes().all(|b| b.is_ascii_uppercase())
            && !self.is_response()
            && !self.is_fault()
    }

    /// Whether a canned answer ends here, without a response.
    pub(super) fn is_fault(&self) -> bool {
        self.text.trim_start().starts_with("FAULT ")
    }

    /// Whether a response begins here.
    pub(super) fn is_response(&self) -> bool {
        ["HTTP", "HTTP/1.1"].contains(&self.text.split_whitespace().next().unwrap_or_default())
    }
}

/// Why a case cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", .file.display())]
pub struct ParseError {
    /// The file.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// The lines that are left.
pub(super) struct Lines<'a> {
    lines: Vec<&'a str>,
    next: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { lines: text.lines().collect(), next: 0 }
    }

    /// The next line that is neither empty nor a comment, which stays the next.
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

    /// The same line, which is done with.
    pub(super) fn next(&mut self) -> Option<Line<'a>> {
        let line = self.peek()?;
        self.next += 1;
        Some(line)
    }

    /// The very next line, whatever is in it.
    pub(super) fn next_raw(&mut self) -> Option<Line<'a>> {
        let text = self.lines.get(self.next)?;
        self.next += 1;
        Some(Line { text, number: self.next })
    }

    /// The rest of the text, from the next line that is something.
    pub(super) fn rest(&mut self) -> String {
        self.peek();
        self.lines.get(self.next..).unwrap_or_default().join("\n")
    }

    /// Go on after so many lines.
    pub(super) fn skip(&mut self, lines: usize) {
        self.next += lines;
    }

    /// Where the text ends.
    pub(super) fn end(&self) -> Line<'a> {
        Line { text: "", number: self.lines.len().max(1) }
    }
}
