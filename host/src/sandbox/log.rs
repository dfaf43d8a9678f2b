//! What a guest writes to its standard output and error: lines, bounded and made visible.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::outcome::visible;

/// Bytes that one call may write; the rest is dropped, and a last line says so.
const CALL_LIMIT: usize = 64 << 10;
/// Bytes of one line; a longer one is broken.
const LINE_LIMIT: usize = 4 << 10;

/// Where the lines go.
pub type LineSink = Arc<dyn Fn(String) + Send + Sync>;

/// The log of one call. Clones write to the same log.
#[derive(Clone)]
pub(super) struct GuestLog(Arc<Mutex<Buffer>>);

struct Buffer {
    sink: LineSink,
    line: Vec<u8>,
    written: usize,
    cut: bool,
}

impl GuestLog {
    pub(super) fn new(sink: LineSink) -> Self {
        Self(Arc::new(Mutex::new(Buffer { sink, line: Vec::new(), written: 0, cut: false })))
    }

    fn append(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes);
    }

    /// Send what is left of a last line without a line feed.
    pub(super) fn finish(&self) {
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !buffer.line.is_empty() {
            buffer.flush_line();
        }
    }
}

impl Buffer {
    fn write(&mut self, bytes: &[u8]) {
        let room = CALL_LIMIT.saturating_sub(self.written);
        for &byte in &bytes[..bytes.len().min(room)] {
            if byte == b'\n' || self.line.len() == LINE_LIMIT {
                self.flush_line();
            }
            if byte != b'\n' {
                self.line.push(byte);
            }
        }
        self.written += bytes.len().min(room);
        if bytes.len() > room && !std::mem::replace(&mut self.cut, true) {
            if !self.line.is_empty() {
                self.flush_line();
            }
            (self.sink)(format!(
                "(the guest's log is cut here: one call may write {CALL_LIMIT} bytes)"
            ));
        }
    }

    fn flush_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        (self.sink)(visible(&String::from_utf8_lossy(&line)));
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
        Ok(CALL_LIMIT)
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
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let log = GuestLog::new(Arc::new(move |line| sink.lock().unwrap().push(line)));
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
        assert_eq!(bytes, CALL_LIMIT);
        assert_eq!(lines.iter().filter(|line| line.contains("is cut here")).count(), 1);
    }
}
