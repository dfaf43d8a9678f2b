//! Raw mode: the terminal passes on each byte at once, and does not show it.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};

use rustix::io::ioctl_fionread;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use super::job;
use crate::console::Console;

/// Turns bracketed paste on and off: the terminal then marks pasted text.
const BRACKETED_PASTE: [&str; 2] = ["\x1b[?2004h", "\x1b[?2004l"];

/// The raw mode of a terminal. Dropping it restores the earlier mode, also if the thread panics.
#[derive(Debug)]
pub(super) struct Raw<'fd> {
    terminal: BorrowedFd<'fd>,
    console: Console,
    before: Termios,
    raw: Termios,
}

impl<'fd> Raw<'fd> {
    /// Sets raw mode, unless input is already waiting: a person typed it for the next command. Returns `None` then.
    ///
    /// In line mode, a terminal would cut a line at 4,096 bytes. Keys for signals, such as Ctrl-C, still work, and so
    /// does the conversion of line feeds in the output.
    pub(super) fn enter(terminal: BorrowedFd<'fd>, console: &Console) -> io::Result<Option<Self>> {
        let before = tcgetattr(terminal)?;
        let mut raw = before.clone();
        raw.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::IEXTEN;
        // A read never blocks, even if another program has taken the byte that `poll` reported.
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        let raw = Self { terminal, console: console.clone(), before, raw };
        raw.set()?;
        // Only raw mode counts a line that is not complete.
        Ok((ioctl_fionread(terminal)? == 0).then_some(raw))
    }

    /// Sets raw mode again, after another program may have changed it.
    pub(super) fn set(&self) -> io::Result<()> {
        // This keeps the input that is waiting.
        tcsetattr(self.terminal, OptionalActions::Now, &self.raw)?;
        self.console.control(BRACKETED_PASTE[0]);
        Ok(())
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        // In the background, the terminal belongs to another program.
        if job::is_foreground(self.terminal.as_fd()) {
            self.console.control(BRACKETED_PASTE[1]);
            let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
        }
    }
}
