//! The person at the terminal, while the program waits: sees the time left, and can paste the address of the
//! callback.

mod countdown;
mod editor;
mod input;
mod job;
mod raw;
mod status;

use std::convert::Infallible;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use curtaincall::error::PasteError;
use curtaincall::{Accepted, Paste};
use tokio::sync::mpsc;

use crate::console::Console;
use crate::screen;
use input::Input;
use status::{Entry, Status};

/// The terminal on standard error, and on standard input if that is a terminal too. When dropped, it is as it was before.
pub(crate) struct Terminal(Arc<Shared>);

struct Shared {
    console: Console,
    status: Status,
    thread: Mutex<Option<Running>>,
}

/// The thread that reads the terminal.
struct Running {
    thread: JoinHandle<()>,
    commands: UnixStream,
}

impl Running {
    fn command(&self, command: u8) {
        // The buffer has room for thousands of commands. If the thread has ended, nothing is left to do.
        let _ = (&self.commands).write(&[command]);
    }
}

impl Terminal {
    /// Returns the terminal if standard error is one that understands escape sequences.
    pub(crate) fn of(console: &Console) -> Option<Self> {
        (io::stderr().is_terminal() && screen::has_escapes()).then(|| {
            let status = Status::on(console.clone());
            Self(Arc::new(Shared { console: console.clone(), status, thread: Mutex::default() }))
        })
    }

    /// Shows the time left and reads what is pasted, as soon as the flow is ready.
    pub(crate) async fn attend(&self, paste: &Paste, timeout: Duration) -> Infallible {
        paste.ready().await;
        let (sender, mut texts) = mpsc::unbounded_channel();
        // Without the thread, the flow works as it does without a terminal.
        if self.0.start(sender).is_err() {
            return std::future::pending().await;
        }
        let pasting = async {
            while let Some(text) = texts.recv().await {
                let result = paste.submit(text).await;
                self.0.status.set_entry(Entry::Empty);
                self.0.report(&result);
                // After the callback, the rest of the input is for the next command.
                if !matches!(result, Ok(Accepted::Done)) {
                    self.0.command(input::NEXT);
                }
            }
        };
        let counting = countdown::count(timeout, |left| {
            self.0.status.set_left(left);
            self.0.command(input::CHECK);
        });
        tokio::join!(counting, pasting).0
    }

    /// Returns a function that restores the terminal, before the outcome is written there.
    pub(crate) fn ending(&self) -> impl FnOnce() + Send + use<> {
        let shared = Arc::clone(&self.0);
        move || shared.end()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Shared {
    fn start(&self, texts: mpsc::UnboundedSender<String>) -> io::Result<()> {
        let (commands, receiver) = UnixStream::pair()?;
        commands.set_nonblocking(true)?;
        let signals = commands.try_clone()?;
        let input = Input::new(self.console.clone(), self.status.clone(), receiver, texts);
        let run = move || input.run(signals);
        let thread = thread::Builder::new().name("terminal".to_owned()).spawn(run)?;
        let running = Running { thread, commands };
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    fn command(&self, command: u8) {
        if let Some(running) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            running.command(command);
        }
    }

    /// Removes the status line, and waits until the thread has restored the terminal.
    fn end(&self) {
        self.status.end();
        let running = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.command(input::STOP);
            let _ = running.thread.join();
        }
    }

    /// Prints what happened to a pasted text, in place of a page.
    fn report(&self, result: &Result<Accepted, PasteError>) {
        match result {
            Ok(Accepted::Done) => self.console.note("The pasted text was accepted."),
            Ok(_) => self.console.note(
                "The pasted text was accepted. Still waiting: the guest expects another one.",
            ),
            // An event of the flow says that the run still waits, and why a guest failed.
            Err(error @ (PasteError::Refused(_) | PasteError::GuestFailed)) => {
                self.console.note(&format!("Not accepted: {error}"));
            }
            // The end of the run has a message of its own.
            Err(PasteError::Ended) => {}
            Err(error) => self.console.warning(&format!("not accepted: {error}; still waiting")),
        }
    }
}
