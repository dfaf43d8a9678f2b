//! Job control: whether this program owns the terminal, and the signals after which the terminal must be restored.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

/// Where the signal handler writes the number of each signal.
static RECEIVER: OnceLock<UnixStream> = OnceLock::new();

/// The signals that end or stop the program by default, and the one after which it continues.
const SIGNALS: [libc::c_int; 10] = [
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGXCPU,
    libc::SIGTSTP,
    libc::SIGCONT,
];
/// The byte of the signal after which this program continues.
pub(super) const CONTINUE: u8 = libc::SIGCONT as u8;

/// Returns whether this program is in the foreground of `terminal`. If not, the terminal belongs to a shell.
pub(super) fn is_foreground(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

/// Handlers for the [`SIGNALS`] that this program does not ignore. Dropping it restores the defaults.
#[derive(Debug)]
pub(super) struct Signals(Vec<libc::c_int>);

impl Signals {
    /// Installs the handlers. They write the number of each signal to `receiver`, as one byte.
    ///
    /// # Errors
    /// Fails if the operating system refuses a handler, or this process has installed them before.
    pub(super) fn install(receiver: UnixStream) -> io::Result<Self> {
        let in_use = |_| io::Error::from(io::ErrorKind::AlreadyExists);
        RECEIVER.set(receiver).map_err(in_use)?;
        let mut signals = Self(Vec::new());
        for signal in SIGNALS {
            // A program such as nohup(1) may have decided that this one ignores the signal.
            if action(signal, None)? != libc::SIG_IGN {
                action(signal, Some(on_signal as *const () as libc::sighandler_t))?;
                signals.0.push(signal);
            }
        }
        Ok(signals)
    }

    /// Lets the signal do what it does by default: it ends this process, or stops it until it continues.
    pub(super) fn default(&self, signal: u8) -> io::Result<()> {
        let signal = signal.into();
        action(signal, Some(libc::SIG_DFL))?;
        raise(signal);
        action(signal, Some(on_signal as *const () as libc::sighandler_t))?;
        Ok(())
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for signal in &self.0 {
            let _ = action(*signal, Some(libc::SIG_DFL));
        }
    }
}

extern "C" fn on_signal(signal: libc::c_int) {
    // A handler may only do what is safe at any point of the program, such as writing to a descriptor.
    if let (Some(receiver), Ok(signal)) = (RECEIVER.get(), u8::try_from(signal)) {
        let _ = rustix::io::write(receiver, &[signal]);
    }
}

/// Sets the handler of `signal`, if one is given, and returns the earlier one.
#[expect(unsafe_code, reason = "the system calls have no safe wrapper")]
fn action(
    signal: libc::c_int,
    handler: Option<libc::sighandler_t>,
) -> io::Result<libc::sighandler_t> {
    // SAFETY: all fields may be zero. The handler is a default, or `on_signal`, which is safe at any point.
    let (result, before) = unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        let new = handler.map(|handler| {
            let mut new: libc::sigaction = std::mem::zeroed();
            new.sa_sigaction = handler;
            new.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
            new
        });
        let new = new.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        (libc::sigaction(signal, new, &raw mut before), before)
    };
    if result == 0 { Ok(before.sa_sigaction) } else { Err(io::Error::last_os_error()) }
}

/// Sends `signal` to this thread. Returns once it has been handled.
#[expect(unsafe_code, reason = "the system call has no safe wrapper")]
fn raise(signal: libc::c_int) {
    // SAFETY: the call has no requirements.
    unsafe { libc::raise(signal) };
}

/// Blocks the signals that stop a program in the background when it uses the terminal, in this thread. The system calls
/// then fail instead.
#[expect(unsafe_code, reason = "the system calls have no safe wrapper")]
pub(super) fn never_stop_this_thread() {
    // SAFETY: the set is initialized before it is used.
    unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut signals);
        libc::sigaddset(&raw mut signals, libc::SIGTTIN);
        libc::sigaddset(&raw mut signals, libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, std::ptr::null_mut());
    }
}
