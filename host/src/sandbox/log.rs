//! The guest's log: the lines that it writes to standard output and standard error.
//!
//! The log has a size limit. Secrets are redacted, and control characters are escaped.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::limits::{Limit, LimitError, Limits, bytes};
use crate::redaction::Redaction;
use crate::variables::Variables;
use crate::visible::visible;

/// The longest line in bytes. Longer lines are split.
const LINE_LIMIT: usize = 4 << 10;

/// The number of bytes that a line feed counts against the limit, because each line costs the host more than its text.
const LINE_COST: usize = 32;

/// The number of bytes that a guest may write in one call.
const WRITE_LIMIT: usize = 64 << 10;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogLine {
    /// A line that the guest wrote.
    Text(String),
    /// The log reached this limit, and ends here.
    Truncated(LimitError),
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Truncated(limit) => f.write_str(&cut_here(limit)),
        }
    }
}

/// Returns the last line of a log that is truncated, with the reason.
pub fn cut_here(reason: &dyn fmt::Display) -> String {
    format!("(cut here: {reason})")
}

/// A function that is called with each line of the log.
pub type OnLogLine = Arc<dyn Fn(LogLine) + Send + Sync>;

/// The log of one call. Clones write to the same log.
#[derive(Clone)]
pub(super) struct GuestLog(Arc<Mutex<Buffer>>);

struct Buffer {
    on_line: OnLogLine,
    /// The variables whose secrets are redacted.
    variables: Arc<Variables>,
    line: Vec<u8>,
    /// The number of bytes that the call may still write.
    remaining: usize,
    /// The error to report when the log reaches the limit. Reporting takes it, so it is reported only once.
    limit: Option<LimitError>,
}

impl GuestLog {
    pub(super) fn new(on_line: OnLogLine, limits: &Limits, variables: Arc<Variables>) -> Self {
        // Builds the automaton now, so that its time does not count against the guest's limit.
        variables.redaction();
        let (remaining, limit) = (bytes(limits.log), Some(LimitError::new(Limit::Log, limits)));
        let line = Vec::new();
        Self(Arc::new(Mutex::new(Buffer { on_line, variables, line, remaining, limit })))
    }

    fn append(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes);
    }

    /// Sends the last line if it has no line feed.
    pub(super) fn finish(&self) {
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !buffer.line.is_empty() {
            buffer.flush_line(Redaction::redact);
        }
    }
}

/// Redacts the secrets in a line.
type Redact = for<'a> fn(&Redaction, &'a str) -> Cow<'a, str>;

impl Buffer {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let cost = if byte == b'\n' { LINE_COST } else { 1 };
            let Some(remaining) = self.remaining.checked_sub(cost) else {
                return self.truncate();
            };
            self.remaining = remaining;
            match byte {
                b'\n' => self.flush_line(Redaction::redact),
                byte => self.line.push(byte),
            }
        }
    }

    /// Sends the unfinished line and the message for the limit. Everything after that is dropped.
    ///
    /// The line may end within a secret, so a possible beginning of a secret is dropped too.
    fn truncate(&mut self) {
        self.remaining = 0;
        let Some(limit) = self.limit.take() else { return };
        if !self.line.is_empty() {
            self.flush_line(Redaction::redact_truncated);
        }
        (self.on_line)(LogLine::Truncated(limit));
    }

    fn flush_line(&mut self, redact: Redact) {
        let line = std::mem::take(&mut self.line);
        let line = visible(&redact(self.variables.redaction(), &String::from_utf8_lossy(&line)));
        let mut rest = line.as_str();
        // Split only after redaction: a secret may cross the boundary.
        while rest.len() > LINE_LIMIT {
            let (line, more) = rest.split_at(rest.floor_char_boundary(LINE_LIMIT));
            (self.on_line)(LogLine::Text(line.to_owned()));
            rest = more;
        }
        (self.on_line)(LogLine::Text(rest.to_owned()));
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestLog {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_LIMIT)
    }
}

#[async_trait]
impl Pollable for GuestLog {
    async fn ready(&mut self) {}
}

impl AsyncWrite for GuestLog {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.append(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]]) -> Vec<String> {
        lines_with(chunks, Variables::default())
    }

    fn lines_with(chunks: &[&[u8]], variables: Variables) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let log = GuestLog::new(
            Arc::new(move |line| sink.lock().unwrap().push(line.to_string())),
            &Limits::default(),
            Arc::new(variables),
        );
        for chunk in chunks {
            log.append(chunk);
        }
        log.finish();
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    #[test]
    fn chunks_are_joined_into_lines() {
        assert_eq!(lines_of(&[b"a", b"b\nc\n\nd"]), ["ab", "c", "", "d"]);
    }

    #[test]
    fn control_characters_are_escaped_and_invalid_utf_8_is_replaced() {
        assert_eq!(lines_of(&[b"\x1b[2J\r\xff\n"]), ["\\u{1b}[2J\\u{d}\u{fffd}"]);
    }

    #[test]
    fn a_log_over_the_limit_is_truncated_with_one_message() {
        let flood = vec![b'x'; 100 << 10];
        let lines = lines_of(&[&flood, &flood, b"more\n"]);
        let bytes: usize = lines.iter().filter(|l| l.starts_with('x')).map(String::len).sum();
        assert_eq!(bytes, 64 << 10);
        assert_eq!(
            lines
                .iter()
                .filter(
                    |line| line.contains("(cut here: the guest reached its limit of 64KiB of log")
                )
                .count(),
            1
        );
    }

    #[test]
    fn empty_lines_count_towards_the_log_limit() {
        let lines = lines_of(&[&[b'\n'; 65_000]]);
        assert_eq!(lines.len(), (64 << 10) / LINE_COST + 1);
        assert!(lines.last().unwrap().starts_with("(cut here: "), "{lines:?}");
    }

    #[test]
    fn the_beginning_of_a_secret_at_the_end_of_a_full_log_is_not_shown() {
        let mut secret = Variables::default();
        secret.set_secret("key", "hunter2hunter2");
        let text = "x".repeat((64 << 10) - 8) + "hunter2hunter2";
        let lines = lines_with(&[text.as_bytes()], secret.clone());
        assert!(!lines.concat().contains("hunter"), "{}", lines[lines.len() - 2]);
        assert!(lines.concat().contains(&"x".repeat(1000)));
        // Counter-check: if the text is not a secret, the log shows its beginning.
        let lines = lines_of(&[text.as_bytes()]);
        assert!(lines.concat().contains("hunter2h(cut here"), "{}", lines[lines.len() - 2]);
        // A complete secret is replaced by `[redacted]`.
        let lines = lines_with(&[b"hunter2", b"hunter2\n"], secret);
        assert_eq!(lines, ["[redacted]"]);
    }
}
