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

/// Whether this program reads a terminal.
#[derive(Debug)]
pub(super) enum Entered<'fd> {
    /// It reads the terminal.
    Raw(Raw<'fd>),
    /// Input is already waiting: a person typed it for the next command.
    TypedAhead,
    /// Another program reads the terminal in a mode of its own, such as for a password.
    InUse,
}

impl<'fd> Raw<'fd> {
    /// Sets raw mode, unless the input belongs to another program.
    ///
    /// In line mode, a terminal would cut a line at 4,096 bytes. Keys for signals, such as Ctrl-C, still work, and so
    /// does the conversion of line feeds in the output.
    pub(super) fn enter(terminal: BorrowedFd<'fd>, console: &Console) -> io::Result<Entered<'fd>> {
        let before = tcgetattr(terminal)?;
        if !before.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO) {
            return Ok(Entered::InUse);
        }
        let mut raw = before.clone();
        raw.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ECHONL | LocalModes::IEXTEN;
        // A read never blocks, even if another program has taken the byte that `poll` reported.
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        let raw = Self { terminal, console: console.clone(), before, raw };
        raw.set()?;
        // Only raw mode counts a line that is not complete.
        Ok(if ioctl_fionread(terminal)? == 0 { Entered::Raw(raw) } else { Entered::TypedAhead })
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

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs::File;
    use std::process::Command;
    use std::sync::Arc;

    use rustix::fs::{Mode, OFlags, open};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;
    use crate::cli::Color;
    use crate::sink::Sink;

    /// Set in the process that [`panics_in_raw_mode`] is for.
    const OWNS_TERMINAL: &str = "CURTAINCALL_TEST_OWNS_TERMINAL";

    #[test]
    fn panics_in_raw_mode() {
        if env::var_os(OWNS_TERMINAL).is_none() {
            return;
        }
        let console = Console::new(Arc::new(Sink::stderr()), Color::Never, false);
        let stdin = io::stdin();
        let Entered::Raw(_raw) = Raw::enter(stdin.as_fd(), &console).unwrap() else {
            panic!("the terminal is in use");
        };
        assert!(!tcgetattr(&stdin).unwrap().local_modes.contains(LocalModes::ICANON));
        // A second program would take this mode for the one to restore.
        assert!(matches!(Raw::enter(stdin.as_fd(), &console), Ok(Entered::InUse)));
        panic!("in raw mode");
    }

    #[test]
    fn a_panic_restores_the_terminal() {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::<u8>::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = File::from(open(name, flags, Mode::empty()).unwrap());
        let script = "stty -g; \"$0\" --exact terminal::raw::tests::panics_in_raw_mode --nocapture 2>&1; stty -g";
        let output = Command::new("setsid")
            .args(["--ctty", "sh", "-c", script])
            .arg(env::current_exe().unwrap())
            .env(OWNS_TERMINAL, "1")
            .stdin(terminal)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("in raw mode"), "{text}");
        assert_eq!(text.lines().next(), text.lines().next_back(), "{text}");
        assert!(text.lines().next().is_some_and(|settings| settings.contains(':')), "{text}");
    }
}
