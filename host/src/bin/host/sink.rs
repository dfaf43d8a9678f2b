//! Writes lines to standard error or to the file of `--events`.
//!
//! A reader that stops reading must not block the program. Otherwise a web page could block it with many requests,
//! because each refused request can write a line.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use curtaincall::internals::files;

/// How long the first line waits for a blocked reader. Later lines are dropped until the reader reads again.
#[cfg(unix)]
const PATIENCE: rustix::event::Timespec =
    rustix::event::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// How many bytes a writable pipe accepts without blocking: `_POSIX_PIPE_BUF`.
const CHUNK: usize = 512;

/// Standard error, or a file.
#[derive(Debug)]
pub(crate) struct Sink {
    /// The file, or `None` for standard error.
    file: Option<File>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stalled: bool,
    /// The last row of the terminal, below the lines.
    status: String,
}

/// Moves the cursor to the left edge and clears the row.
const CLEAR: &str = "\r\x1b[K";

impl Sink {
    /// Creates a sink that writes to standard error.
    pub(crate) fn stderr() -> Self {
        Self { file: None, state: Mutex::default() }
    }

    /// Opens the file at `path` for appending. Fails if other users can read or write the file.
    pub(crate) fn append(path: &Path) -> io::Result<Self> {
        let file = files::append(path)?;
        Ok(Self { file: Some(file), state: Mutex::default() })
    }

    /// Writes a line and a line feed. If the sink is closed or full, the line is dropped and the flow continues.
    pub(crate) fn line(&self, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = if state.status.is_empty() { "" } else { CLEAR };
        let text = format!("{clear}{text}\n{}", state.status);
        self.write_all(&mut state.stalled, &text);
    }

    /// Replaces the status, a row of a terminal that stays below all lines. An empty one removes the row.
    pub(crate) fn status(&self, row: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.status != row {
            self.write_all(&mut state.stalled, &format!("{CLEAR}{row}"));
            state.status = row.to_owned();
        }
    }

    /// Writes a sequence that sets a mode of the terminal.
    pub(crate) fn control(&self, sequence: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_all(&mut state.stalled, sequence);
    }

    fn write_all(&self, stalled: &mut bool, text: &str) {
        for chunk in text.as_bytes().chunks(CHUNK) {
            *stalled = !self.is_writable(*stalled);
            if *stalled || self.write(chunk).is_err() {
                return;
            }
        }
    }

    fn write(&self, chunk: &[u8]) -> io::Result<()> {
        match self.file.as_ref() {
            None => io::stderr().write_all(chunk),
            Some(mut file) => file.write_all(chunk),
        }
    }

    #[cfg(unix)]
    fn is_writable(&self, stalled: bool) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        use std::os::fd::AsFd as _;

        let stderr = io::stderr();
        let fd = self.file.as_ref().map_or_else(|| stderr.as_fd(), File::as_fd);
        let timeout = if stalled { Timespec { tv_sec: 0, tv_nsec: 0 } } else { PATIENCE };
        poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], Some(&timeout))
            .is_ok_and(|ready| ready > 0)
    }

    #[cfg(not(unix))]
    fn is_writable(&self, _stalled: bool) -> bool {
        true
    }
}
