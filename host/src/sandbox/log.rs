//! What a guest writes to its standard output and error: lines, bounded and made visible.

use std::borrow::Cow;
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

/// Bytes of one line; a longer one is broken.
const LINE_LIMIT: usize = 4 << 10;

/// What a line feed counts, in bytes: a line costs the host more than its text.
const LINE_COST: usize = 32;

/// How many bytes a guest may write at a time.
const PERMIT: usize = 64 << 10;

/// Where the lines go.
pub type LineSink = Arc<dyn Fn(String) + Send + Sync>;

/// The log of one call. Clones write to the same log.
#[derive(Clone)]
pub(super) struct GuestLog(Arc<Mutex<Buffer>>);

struct Buffer {
    sink: LineSink,
    /// Their secrets are not told.
    variables: Arc<Variables>,
    line: Vec<u8>,
    /// How many bytes the call may still write.
    room: usize,
    /// What is said once it writes more: the rest is dropped.
    cut: Option<LimitError>,
}

impl GuestLog {
    pub(super) fn new(sink: LineSink, limits: &Limits, variables: Arc<Variables>) -> Self {
        // The search for secrets is made ready now: the guest does not pay for it.
        variables.redaction();
        let (room, cut) = (bytes(limits.log), Some(LimitError::new(Limit::Log, limits)));
        Self(Arc::new(Mutex::new(Buffer { sink, variables, line: Vec::new(), room, cut })))
    }

    fn append(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes);
    }

    /// Send what is left of a last line without a line feed.
    pub(super) fn finish(&self) {
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !buffer.line.is_empty() {
            buffer.flush_line(Redaction::redact);
        }
    }
}

/// How secrets are taken out of a line.
type Redact = for<'a> fn(&Redaction, &'a str) -> Cow<'a, str>;

impl Buffer {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let cost = if byte == b'\n' { LINE_COST } else { 1 };
            let Some(room) = self.room.checked_sub(cost) else { return self.end() };
            self.room = room;
            match byte {
                b'\n' => self.flush_line(Redaction::redact),
                byte => self.line.push(byte),
            }
        }
    }

    /// There is no more room: not for the rest of a secret that the last line may have begun, either.
    fn end(&mut self) {
        self.room = 0;
        let Some(limit) = self.cut.take() else { return };
        if !self.line.is_empty() {
            self.flush_line(Redaction::redact_cut);
        }
        (self.sink)(format!("(cut here: {limit})"));
    }

    fn flush_line(&mut self, redact: Redact) {
        let line = std::mem::take(&mut self.line);
        let line = visible(&redact(self.variables.redaction(), &String::from_utf8_lossy(&line)));
        let mut rest = line.as_str();
        // Broken only now: a secret may stand where the break comes.
        while rest.len() > LINE_LIMIT {
            let (line, more) = rest.split_at(rest.floor_char_boundary(LINE_LIMIT));
            (self.sink)(line.to_owned());
            rest = more;
        }
        (self.sink)(rest.to_owned());
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
        Ok(PERMIT)
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
            Arc::new(move |line| sink.lock().unwrap().push(line)),
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
    fn chunks_are_put_together_into_lines() {
        assert_eq!(lines_of(&[b"a", b"b\nc\n\nd"]), ["ab", "c", "", "d"]);
    }

    #[test]
    fn control_characters_and_broken_utf_8_are_made_visible() {
        assert_eq!(lines_of(&[b"\x1b[2J\r\xff\n"]), ["\\u{1b}[2J\\u{d}\u{fffd}"]);
    }

    #[test]
    fn a_flood_is_cut_and_says_so_once() {
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
    fn empty_lines_are_a_flood_too() {
        let lines = lines_of(&[&[b'\n'; 65_000]]);
        assert_eq!(lines.len(), (64 << 10) / LINE_COST + 1);
        assert!(lines.last().unwrap().starts_with("(cut here: "), "{lines:?}");
    }

    #[test]
    fn the_head_of_a_secret_at_the_end_of_a_full_log_is_not_told() {
        let mut secret = Variables::default();
        secret.set_secret("key", "hunter2hunter2");
        let text = "x".repeat((64 << 10) - 8) + "hunter2hunter2";
        let lines = lines_with(&[text.as_bytes()], secret.clone());
        assert!(!lines.concat().contains("hunter"), "{}", lines[lines.len() - 2]);
        assert!(lines.concat().contains(&"x".repeat(1000)));
        // The counter-check: without the secret, that is what stands there.
        let lines = lines_of(&[text.as_bytes()]);
        assert!(lines.concat().contains("hunter2h(cut here"), "{}", lines[lines.len() - 2]);
        // Where it is whole, it was told that there is one.
        let lines = lines_with(&[b"hunter2", b"hunter2\n"], secret);
        assert_eq!(lines, ["[redacted]"]);
    }
}
