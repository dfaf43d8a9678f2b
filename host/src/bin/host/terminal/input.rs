//! The thread that reads the terminal, and gives it back whenever this program stops or ends.

use std::io::{self, IsTerminal as _, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread};
use tokio::sync::mpsc;

use super::editor::{Editor, Line};
use super::job::{self, Signals};
use super::raw::{Entered, Raw};
use super::status::{Entry, Status};
use crate::console::Console;

/// What to do if the browser is on another machine.
const HINT: &str = "If the last page does not load, paste its address here and press Enter.";
/// Why pasting is not possible.
const TYPED_AHEAD: &str =
    "Pasting is off: the input that is already waiting is for the next command.";

/// Why pasting is not possible now.
const IN_USE: &str = "Pasting is off: another program reads this terminal.";
/// Why a typed text is not taken for a code. It may be a password for another program, or the next command.
const TYPED_CODE: &str = "not accepted: a code alone must be pasted, not typed; still waiting";

/// How often to look whether this program is in the foreground, while it is not. Some shells send no signal when a job
/// that runs comes to the foreground.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// How long the rest of a paste may take to arrive.
const REST_OF_PASTE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// The size limit on that rest, in bytes.
const REST_LIMIT: usize = 1 << 20;

/// The command to restore the terminal and end. Commands arrive as one byte, like the signals, whose numbers differ.
pub(super) const STOP: u8 = 0;
/// The command to read the next text, because the last one was checked.
pub(super) const NEXT: u8 = u8::MAX;
/// The command to look whether this program can read the terminal now.
pub(super) const CHECK: u8 = u8::MAX - 1;

/// The input of a terminal.
pub(super) struct Input {
    console: Console,
    status: Status,
    commands: UnixStream,
    texts: mpsc::UnboundedSender<String>,
    editor: Editor,
    /// Whether a text is being checked. Until then, nothing is read: the rest may be for the next command.
    is_checking: bool,
    /// Whether the input is for the next command, so that nothing is read.
    is_off: bool,
    /// The last note, which is not repeated.
    note: Option<&'static str>,
}

impl Input {
    pub(super) fn new(
        console: Console,
        status: Status,
        commands: UnixStream,
        texts: mpsc::UnboundedSender<String>,
    ) -> Self {
        let editor = Editor::default();
        Self {
            console,
            status,
            commands,
            texts,
            editor,
            is_checking: false,
            is_off: false,
            note: None,
        }
    }

    /// Reads the terminal until [`STOP`]. It blocks, and does not wake up as long as nothing happens.
    pub(super) fn run(mut self, signals: UnixStream) {
        job::never_stop_this_thread();
        let Ok(signals) = Signals::install(signals) else { return };
        // It is never made non-blocking: the shell has the same open file.
        let stdin = io::stdin();
        let mut raw = None;
        self.resume(stdin.as_fd(), &mut raw);
        loop {
            let mut ready = vec![PollFd::new(&self.commands, PollFlags::IN)];
            if raw.is_some() && !self.is_checking {
                ready.push(PollFd::new(&stdin, PollFlags::IN));
            }
            let is_behind = raw.is_none() && stdin.is_terminal() && !job::is_foreground(&stdin);
            let timeout = (is_behind && !self.is_off).then_some(&LOOK_EVERY);
            match poll(&mut ready, timeout) {
                Ok(0) => {
                    self.resume(stdin.as_fd(), &mut raw);
                    continue;
                }
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return,
            }
            let is_ready =
                |at| ready.get(at).is_some_and(|fd: &PollFd<'_>| !fd.revents().is_empty());
            let is_gone = ready.last().is_some_and(|fd| fd.revents().contains(PollFlags::HUP));
            match (is_ready(0), is_ready(1)) {
                (true, _) => match self.command() {
                    STOP => {
                        if raw.is_some() {
                            self.drop_rest_of_paste(stdin.as_fd());
                        }
                        return;
                    }
                    NEXT => self.is_checking = false,
                    CHECK if raw.is_some() => {}
                    CHECK | job::CONTINUE => self.resume(stdin.as_fd(), &mut raw),
                    signal => {
                        self.status.set_visible(false);
                        raw = None;
                        let _ = signals.default(signal);
                        self.resume(stdin.as_fd(), &mut raw);
                    }
                },
                (false, true) if is_gone || self.read(stdin.as_fd()).is_err() => raw = None,
                _ => {}
            }
        }
    }

    /// Takes the next command or signal.
    fn command(&mut self) -> u8 {
        let mut command = [0];
        // If the other end is closed, the run is over.
        match self.commands.read(&mut command) {
            Ok(1) => command[0],
            _ => STOP,
        }
    }

    /// Takes the terminal, if this program is in its foreground. The status line invites input, so it appears last.
    fn resume<'fd>(&mut self, stdin: BorrowedFd<'fd>, raw: &mut Option<Raw<'fd>>) {
        self.take_input(stdin, raw);
        self.status.set_visible(job::is_foreground(io::stderr()));
    }

    fn take_input<'fd>(&mut self, stdin: BorrowedFd<'fd>, raw: &mut Option<Raw<'fd>>) {
        if self.is_off || !stdin.is_terminal() || !job::is_foreground(stdin) {
            return;
        }
        match raw {
            Some(raw) => {
                let _ = raw.set();
            }
            None => match Raw::enter(stdin, &self.console) {
                Ok(Entered::TypedAhead) => {
                    self.is_off = true;
                    self.note(TYPED_AHEAD);
                }
                Ok(Entered::InUse) => self.note(IN_USE),
                Ok(Entered::Raw(entered)) => {
                    *raw = Some(entered);
                    self.note(HINT);
                }
                // Without raw mode, a paste is not possible, and the callback still is.
                Err(_) => {}
            },
        }
    }

    fn note(&mut self, note: &'static str) {
        if self.note.replace(note) != Some(note) {
            self.console.note(note);
        }
    }

    /// Reads one byte, so that what follows the line stays in the terminal, for the next command.
    fn read(&mut self, stdin: BorrowedFd<'_>) -> Result<(), Errno> {
        let mut byte = [0];
        match rustix::io::read(stdin, &mut byte) {
            // Another program has read it.
            Ok(0) | Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        let line = self.editor.feed(byte[0]).filter(|line| !line.text.is_empty());
        if let Some(Line { text, is_pasted }) = line {
            if !is_pasted && !text.contains('=') {
                self.status.set_entry(Entry::Empty);
                self.console.warning(TYPED_CODE);
                return Ok(());
            }
            self.is_checking = true;
            self.status.set_entry(Entry::Submitted);
            // Sending fails only after the run has ended.
            let _ = self.texts.send(text);
        } else if ioctl_fionread(stdin)? == 0 {
            self.status.set_entry(match self.editor.characters() {
                0 => Entry::Empty,
                characters => Entry::Characters(characters),
            });
        }
        Ok(())
    }

    /// Reads and drops the rest of a paste that the end of the run interrupts. A shell would run it: it does not know that
    /// the paste began before.
    fn drop_rest_of_paste(&mut self, stdin: BorrowedFd<'_>) {
        let mut byte = [0];
        for _ in 0..REST_LIMIT {
            if !self.editor.is_pasting() {
                return;
            }
            let mut ready = [PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
            if !matches!(poll(&mut ready, Some(&REST_OF_PASTE)), Ok(1..))
                || !matches!(rustix::io::read(stdin, &mut byte), Ok(1))
            {
                return;
            }
            let _ = self.editor.feed(byte[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;

    use super::*;
    use crate::cli::Color;
    use crate::sink::Sink;

    /// Without a paste, all of it is for the next program.
    #[test]
    fn the_rest_of_a_paste_is_dropped_and_no_more() {
        for (before, rest) in
            [("\x1b[200~http://", "next\n"), ("http://", "touch x\n\x1b[201~next\n")]
        {
            let console = Console::new(Arc::new(Sink::stderr()), Color::Never, false);
            let (commands, _other) = UnixStream::pair().unwrap();
            let status = Status::on(console.clone());
            let mut input = Input::new(console, status, commands, mpsc::unbounded_channel().0);
            before.bytes().for_each(|byte| assert_eq!(input.editor.feed(byte), None));
            let (mut reader, mut writer) = io::pipe().unwrap();
            writer.write_all(b"touch x\n\x1b[201~next\n").unwrap();
            drop(writer);
            input.drop_rest_of_paste(reader.as_fd());
            let mut left = String::new();
            reader.read_to_string(&mut left).unwrap();
            assert_eq!(left, rest, "{before:?}");
        }
    }
}
