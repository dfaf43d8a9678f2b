//! The exit codes of `host`: the whole table, here and in the README.

use std::process::ExitCode;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The flow is done, with a result.
    Success = 0,
    /// The flow is done, without a result: the guest said why.
    Failure = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The guest cannot be loaded.
    Guest = 3,
    /// The listener cannot be bound.
    Listen = 4,
    /// The outcome could not be written.
    Output = 5,
    /// `host call`: the guest failed.
    GuestFailed = 6,
    /// `host call`: the request was refused before it reached the guest.
    Refused = 7,
    /// The sign-in cannot be trusted: somebody else may know its secrets.
    Unsafe = 8,
    /// Nothing came before `--timeout`; the code of `timeout(1)`.
    Timeout = 124,
    /// SIGINT: 128 + 2.
    Interrupt = 130,
    /// SIGTERM: 128 + 15.
    Terminate = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
