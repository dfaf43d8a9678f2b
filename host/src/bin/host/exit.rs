//! All exit codes of `host`. `host/REFERENCE.md` is rendered from this table.

use std::process::ExitCode;

use curtaincall::error::PresetError;
use curtaincall::{Error, Signal};

/// An exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The flow is done, with a result.
    Success = 0,
    /// The flow is done, without a result. The outcome says why.
    Failure = 1,
    /// The command line or the configuration is invalid.
    Usage = 2,
    /// The guest cannot be loaded.
    Guest = 3,
    /// The listener cannot be bound.
    Listen = 4,
    /// The outcome cannot be written.
    Output = 5,
    /// `host call`: the guest failed.
    GuestFailed = 6,
    /// `host call`: the host refused the request before it reached the guest.
    Refused = 7,
    /// The sign-in cannot be trusted, because another user may know its secrets.
    Unsafe = 8,
    /// No callback completed the flow before `--timeout`. The same code as that of `timeout(1)`.
    Timeout = 124,
    /// SIGINT: 128 + 2.
    Interrupt = 130,
    /// SIGTERM: 128 + 15.
    Terminate = 143,
}

/// The table of the reference, which only a test renders.
#[cfg(test)]
impl Exit {
    /// All exit codes, in ascending order.
    pub(crate) const ALL: &[Self] = &[
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Guest,
        Self::Listen,
        Self::Output,
        Self::GuestFailed,
        Self::Refused,
        Self::Unsafe,
        Self::Timeout,
        Self::Interrupt,
        Self::Terminate,
    ];

    /// Returns the meaning of the code in the reference, in one line.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Success => "the flow completed with a result; `host test`: all cases passed",
            Self::Failure => {
                "the flow completed with an error, which the outcome contains; `host test`: a case failed"
            }
            Self::Usage => "the command line or the configuration is invalid",
            Self::Guest => "the guest cannot be loaded, or cannot start the flow",
            Self::Listen => {
                "the host cannot listen, read random bytes, handle signals or start a thread"
            }
            Self::Output => "the outcome, the reply or the report cannot be written",
            Self::GuestFailed => "`host call`: the guest failed",
            Self::Refused => "`host call`: the host refused the request before the guest saw it",
            Self::Unsafe => {
                "the sign-in link was used twice, so another user may know `state`; \
                 the outcome is not printed"
            }
            Self::Timeout => "no callback completed the flow before `--timeout`",
            Self::Interrupt => "ended by SIGINT; a second signal ends the program at once",
            Self::Terminate => "ended by SIGTERM; a second signal ends the program at once",
        }
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::Load(_)
            | Error::Preset(PresetError::Read { .. })
            | Error::Authorize(_)
            | Error::Authorization(_) => Self::Guest,
            Error::Preset(_)
            | Error::TwoAuthorizations
            | Error::Proxy(_)
            | Error::Tls(_)
            | Error::PlainRedirectUri(_)
            | Error::UnprotectedCode(_) => Self::Usage,
            Error::Listen(_) | Error::Session(_) => Self::Listen,
            Error::Timeout(_) => Self::Timeout,
            Error::LinkUsedTwice => Self::Unsafe,
            Error::Interrupted(signal) => Self::from(*signal),
            // The library may add errors. All that is known about them is that there is no result.
            _ => Self::Failure,
        }
    }
}

impl From<Signal> for Exit {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Interrupt => Self::Interrupt,
            // The library may add signals. Like SIGTERM, they ask the program to end.
            _ => Self::Terminate,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use curtaincall::error::{AuthorizationError, GuestError, ListenError, LoadError};

    use super::*;

    #[test]
    fn every_exit_is_listed() {
        // This match makes a new exit code a compile error until it is added here.
        let next = |exit: Exit| {
            Some(match exit {
                Exit::Success => Exit::Failure,
                Exit::Failure => Exit::Usage,
                Exit::Usage => Exit::Guest,
                Exit::Guest => Exit::Listen,
                Exit::Listen => Exit::Output,
                Exit::Output => Exit::GuestFailed,
                Exit::GuestFailed => Exit::Refused,
                Exit::Refused => Exit::Unsafe,
                Exit::Unsafe => Exit::Timeout,
                Exit::Timeout => Exit::Interrupt,
                Exit::Interrupt => Exit::Terminate,
                Exit::Terminate => return None,
            })
        };
        let all: Vec<_> = std::iter::successors(Some(Exit::Success), |exit| next(*exit)).collect();
        assert_eq!(all, Exit::ALL);
    }

    /// `Error::Session` is missing, because only the library can create its value.
    #[test]
    fn every_error_has_its_exit_code() {
        for (error, code) in [
            (Error::Load(LoadError::Runtime(io::Error::other("no runtime"))), 3),
            (
                Error::Preset(PresetError::Missing {
                    preset: "github".to_owned(),
                    needs: Vec::new(),
                }),
                2,
            ),
            (Error::TwoAuthorizations, 2),
            (Error::PlainRedirectUri("http://localhost/".to_owned()), 2),
            (Error::UnprotectedCode("login.example.org".to_owned()), 2),
            (Error::Listen(ListenError::Ports(Vec::new())), 4),
            (Error::Authorize(GuestError::Abandoned), 3),
            (Error::Authorization(AuthorizationError::Fragment), 3),
            (Error::Timeout(Duration::from_secs(300)), 124),
            (Error::LinkUsedTwice, 8),
            (Error::Interrupted(Signal::Interrupt), 130),
            (Error::Interrupted(Signal::Terminate), 143),
        ] {
            assert_eq!(Exit::from(&error) as u8, code, "{error}");
        }
    }
}
