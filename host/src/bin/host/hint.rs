//! What the user can do about an error. Only this module maps the library's errors to flags of the program.

use std::fmt::Display;
use std::io::ErrorKind;

use curtaincall::Error;
use curtaincall::error::{GuestError, LimitError, ListenError, LoadError, Remedy};

use crate::cli::{ValueError, limit_flag};

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
        Some(Remedy::Raise(limit)) => format!("{error}; raise it with `--{}`", limit_flag(limit)),
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
        Error::TwoAuthorizations => "remove `--open`",
        Error::LinkUsedTwice => {
            "start again, or use `--no-browser`, which prints the authorization URL instead of a sign-in link"
        }
        Error::Timeout(_) => "wait longer with `--timeout 15m`",
        _ => return None,
    })
}

/// Returns the text of the `hint:` line for values that the guest cannot be given, if there is one.
pub(crate) fn value_hint(error: &ValueError) -> Option<&'static str> {
    matches!(error, ValueError::NoSource(_)).then_some(
        "put the secret into an environment variable or a file: other users can read a command line",
    )
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
