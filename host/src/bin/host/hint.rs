//! What the user can do about an error. Only this module maps the library's errors to flags of the program.

use std::fmt::Display;
use std::io::ErrorKind;

use curtaincall::Error;
use curtaincall::error::{GuestError, LimitError, ListenError, LoadError, Remedy, VariableError};
use curtaincall::internals::case::ParseError;
use curtaincall::testing::SetupError;

/// How to accept the exchange if the snapshot is missing or differs.
pub(crate) const BLESS: &str = "accept it with `--bless`";

/// Returns the message of a failed run, with the flag that lets the guest continue, if there is one.
pub(crate) fn run_message(error: &Error) -> String {
    let remedy = match error {
        Error::Load(error) => error.remedy(),
        Error::Authorize(error) => error.remedy(),
        _ => None,
    };
    with_flag(error, remedy)
}

/// Returns the message of a failed guest call, with the flag that lets the guest continue, if there is one.
pub(crate) fn guest_message(error: &GuestError) -> String {
    with_flag(error, error.remedy())
}

/// Returns the message of a guest that cannot be loaded, with the flag that lets it load, if there is one.
pub(crate) fn load_message(error: &LoadError) -> String {
    with_flag(error, error.remedy())
}

/// Returns the message of a limit, with the flag that raises it.
pub(crate) fn limit_message(error: &LimitError) -> String {
    with_flag(error, Some(Remedy::Raise(error.limit())))
}

fn with_flag(error: &dyn Display, remedy: Option<Remedy>) -> String {
    match remedy {
        Some(Remedy::Raise(limit)) => format!("{error}; raise it with `--{}`", limit.flag()),
        Some(Remedy::Grant(grant)) => format!("{error}; allow it with `--allow-page {grant}`"),
        _ => error.to_string(),
    }
}

/// Returns the text of the `hint:` line for a failed run, if there is one.
pub(crate) fn hint(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Load(error) => return load_hint(error),
        Error::Listen(ListenError::Ports(_)) => {
            "give other ports with `--port`, or use any free port with `--port 0`"
        }
        Error::Variables(VariableError::NoSource(_)) => {
            "put the secret into an environment variable or a file: other users can read a command line"
        }
        Error::TwoAuthorizations => "remove `--open`",
        Error::LinkUsedTwice => {
            "start again, or use `--no-browser`, which prints the authorization URL instead of a sign-in link"
        }
        Error::Timeout(_) => "wait longer with `--timeout 15m`",
        _ => return None,
    })
}

fn load_hint(error: &LoadError) -> Option<&'static str> {
    Some(match error {
        LoadError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
            "give the path of a `.wasm` component, or `default` for the embedded guest"
        }
        LoadError::Read { source, .. } if source.kind() == ErrorKind::IsADirectory => {
            "give the path of a `.wasm` component in this folder"
        }
        LoadError::NotAComponent { .. } => {
            "build it with `cargo build --release --target wasm32-wasip2`, or convert a module with `wasm-tools component new`"
        }
        LoadError::MissingExport { .. } => {
            "build the guest for the world `guest` or `provider` of the package `curtaincall:callback`"
        }
        LoadError::Imports { .. } => {
            "import only `curtaincall:callback`, WASI 0.2, `wasi:http` and `wasi:config`"
        }
        LoadError::Link { .. } => {
            "build the guest for WASI 0.2 and version 0.1 of `curtaincall:callback`"
        }
        _ => return None,
    })
}

/// Returns why a guest call failed in a case, with the option that lets it succeed, if there is one.
pub(crate) fn case_reason(reason: &str, remedy: Option<Remedy>) -> String {
    match remedy {
        Some(Remedy::Raise(limit)) => {
            format!("{reason}; raise it with the option `{}`", limit.flag())
        }
        Some(Remedy::Grant(grant)) => {
            format!("{reason}; allow it with the option `allow-page: {grant}`")
        }
        _ => reason.to_owned(),
    }
}

/// Returns the message of an invalid case, with the place for an option that no case can set.
pub(crate) fn case_message(ParseError { message, setup, .. }: &ParseError) -> String {
    match setup.as_deref() {
        Some(SetupError::Shared(_)) => format!("{message}: set it on the command line"),
        _ => message.clone(),
    }
}
