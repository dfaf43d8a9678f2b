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

use crate::limits::{Limit, LimitError, Limits, bytes};
use crate::outcome::visible;
use crate::variables::Variables;

/// Bytes of one line; a longer one is broken.
const LINE_LIMIT: usize = 4 << 10;

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
            buffer.flush_line();
        }
    }
}

impl Buffer {
    fn write(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(self.room);
        self.room -= kept;
        for &byte in &bytes[..kept] {
            match byte {
                b'\n' => self.flush_line(),
                byte => self.line.push(byte),
            }
        }
        if bytes.len() > kept
            && let Some(limit) = self.cut.take()
        {
            if !self.line.is_empty() {
                self.flush_line();
            }
            (self.sink)(format!("(cut here: {limit})"));
        }
    }

    fn flush_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let mut rest = &*self.variables.redact(&line);
        // Broken only now: a secret may stand where the break comes.
        while rest.len() > LINE_LIMIT {
            let (line, more) = rest.split_at(rest.floor_char_boundary(LINE_LIMIT));
            (self.sink)(visible(line));
            rest = more;
        }
        (self.sink)(visible(rest));
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
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let log = GuestLog::new(
            Arc::new(move |line| sink.lock().unwrap().push(line)),
            &Limits::default(),
            Arc::default(),
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
}
