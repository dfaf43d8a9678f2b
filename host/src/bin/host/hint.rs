//! What a user can do about an error: the one place that goes from a cause to the flags of this program.

use std::fmt::Display;
use std::io::ErrorKind;

use curtaincall::Error;
use curtaincall::error::{GuestError, ListenError, LoadError, Remedy, VariableError};

/// What accepts the new exchange where a snapshot is missing or differs.
pub(crate) const BLESS: &str = "`--bless` accepts this one";

/// The message of a failed run, with the flag that would have let the guest go on.
pub(crate) fn run_message(error: &Error) -> String {
    let remedy = match error {
        Error::Load(error) => error.remedy(),
        Error::Authorize(error) => error.remedy(),
        _ => None,
    };
    with_flag(error, remedy)
}

/// The message of a failed guest call, with the flag that would have let the guest go on.
pub(crate) fn guest_message(error: &GuestError) -> String {
    with_flag(error, error.remedy())
}

/// The message of a guest that cannot be loaded, with the flag that would let it load.
pub(crate) fn load_message(error: &LoadError) -> String {
    with_flag(error, error.remedy())
}

fn with_flag(error: &dyn Display, remedy: Option<Remedy>) -> String {
    match remedy {
        Some(Remedy::Raise(limit)) => format!("{error}; raise it with `--{}`", limit.flag()),
        Some(Remedy::Grant(grant)) => format!("{error}; `--allow-page {grant}` allows it"),
        None => error.to_string(),
    }
}

/// What to do about a failed run, if that is known: the text of the `hint:` line.
pub(crate) fn hint(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Load(error) => return load_hint(error),
        Error::Listen(ListenError::Ports(_)) => {
            "give other ports with `--port`, or let any free one be taken with `--port 0`"
        }
        Error::Variables(VariableError::NoSource(_)) => {
            "keep a secret in the environment or in a file: a command line is seen by others"
        }
        Error::TwoAuthorizations => "leave `--open` out",
        Error::LinkUsedTwice => {
            "start again; with `--no-browser` there is no such link, and the URL is printed"
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
            "give the path of the `.wasm` component in it"
        }
        LoadError::NotAComponent { .. } => {
            "build it with `cargo build --release --target wasm32-wasip2`, or make a component of a module with `wasm-tools component new`"
        }
        LoadError::MissingExport { .. } => {
            "a guest targets the world `guest` or `provider` of the package `curtaincall:callback`"
        }
        LoadError::Imports { .. } => {
            "a guest may import `curtaincall:callback`, WASI 0.2, `wasi:http` and `wasi:config`"
        }
        LoadError::Link { .. } => {
            "build the guest for WASI 0.2 and version 0.1 of `curtaincall:callback`"
        }
        _ => return None,
    })
}
