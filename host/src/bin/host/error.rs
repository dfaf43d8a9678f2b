//! The error of a command.

use std::borrow::Cow;
use std::iter::successors;

use curtaincall::Error;
use curtaincall::error::GuestError;
use curtaincall::internals::visible::{CAUSE, LIST, beginning};

use crate::cli::{GrantArgsError, TlsArgsError};
use crate::exit::Exit;
use crate::hint;

/// The error of a command: its message on standard error, and the exit code.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    /// What the message names, one line each.
    pub(crate) details: Box<[String]>,
    /// The causes, the direct one first.
    pub(crate) causes: Vec<String>,
    /// The guest's stack frames, one per line, or empty.
    pub(crate) backtrace: String,
    /// What the user can do about the error.
    pub(crate) hint: Option<Cow<'static, str>>,
}

impl CommandError {
    /// Creates an error that has only a message.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        let (details, causes, backtrace) = (Box::default(), Vec::new(), String::new());
        Self { exit, message: message.into(), details, causes, backtrace, hint: None }
    }

    /// Creates the error for a guest call that failed.
    pub(crate) fn guest_failed(error: &GuestError) -> Self {
        let backtrace = error.backtrace().to_owned();
        Self { backtrace, ..Self::new(Exit::GuestFailed, hint::message(error, error.remedy())) }
    }
}

impl<E: Into<Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        let error: Error = error.into();
        let backtrace = match &error {
            Error::Authorize(guest) => guest.backtrace().to_owned(),
            _ => String::new(),
        };
        Self {
            exit: Exit::from(&error),
            message: hint::message(&error, hint::remedy(&error)),
            details: hint::details(&error).into(),
            causes: causes(&error),
            backtrace,
            hint: hint::hint(&error),
        }
    }
}

impl From<GrantArgsError> for CommandError {
    fn from(error: GrantArgsError) -> Self {
        let (causes, hint) = (causes(&error), hint::grant_hint(&error).map(Cow::from));
        Self { causes, hint, ..Self::new(Exit::Usage, error.to_string()) }
    }
}

impl From<TlsArgsError> for CommandError {
    fn from(error: TlsArgsError) -> Self {
        let (causes, hint) = (causes(&error), hint::tls_hint(&error));
        Self { causes, hint, ..Self::new(Exit::Usage, error.to_string()) }
    }
}

/// Returns the messages of the causes of `error`, the direct one first.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let causes = successors(error.source(), |cause| (*cause).source());
    causes.take(LIST).map(|cause| beginning(&cause, CAUSE)).collect()
}
