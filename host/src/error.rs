//! Why a run ended without an outcome: one variant per stage, with its exit code and its hint.

use std::io;
use std::time::Duration;

use crate::exit::Exit;
use crate::sandbox::{GuestError, LoadError};
use crate::server::listener::ListenError;
use crate::session::SessionError;
use crate::shutdown::Signal;
use crate::variables::VariableError;

/// Why a run ended without an outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The guest cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// What the guest is configured with cannot be had.
    #[error(transparent)]
    Variables(#[from] VariableError),
    /// This program does not find itself.
    #[error("cannot start the program that compiles guests")]
    Program(#[source] io::Error),
    /// The operating system gives no async runtime what it needs.
    #[error("cannot start the async runtime")]
    Runtime(#[source] io::Error),
    /// There are two authorization URLs.
    #[error("the guest builds its own authorization URL, so `--open` cannot give one")]
    TwoAuthorizations,
    /// No socket could be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is no randomness.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The guest failed before the browser could open.
    #[error("the guest could not start the flow: {0}")]
    Authorize(#[source] GuestError),
    /// The guest named something that is no place for a browser.
    #[error(
        "the guest could not start the flow: the URL that it gave is not an `http` or `https` URL"
    )]
    AuthorizationUrl,
    /// The guest's authorization URL is longer than 32 KiB.
    #[error(
        "the guest could not start the flow: the URL that it gave has {0} bytes; expected at most 32768"
    )]
    LongAuthorizationUrl(usize),
    /// Nothing completed the flow in time.
    #[error("no callback completed the flow within {}", humantime::format_duration(*.0))]
    Timeout(Duration),
    /// Somebody else may know the secrets of this run.
    #[error(
        "the link that opens the sign-in was followed twice: another program on this machine may have read it"
    )]
    LinkUsedTwice,
    /// Somebody asked the run to stop.
    #[error("stopped before a callback completed the flow")]
    Interrupted(Signal),
}

impl Error {
    /// The exit code of a program that ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Load(_)
            | Self::Program(_)
            | Self::Authorize(_)
            | Self::AuthorizationUrl
            | Self::LongAuthorizationUrl(_) => Exit::Guest,
            Self::TwoAuthorizations | Self::Variables(_) => Exit::Usage,
            Self::Runtime(_) | Self::Listen(_) | Self::Session(_) => Exit::Listen,
            Self::Timeout(_) => Exit::Timeout,
            Self::LinkUsedTwice => Exit::Unsafe,
            Self::Interrupted(Signal::Interrupt) => Exit::Interrupt,
            Self::Interrupted(Signal::Terminate) => Exit::Terminate,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Load(error) => return load_hint(error),
            Self::Listen(ListenError::Ports(_)) => {
                "give other ports with `--port`, or let any free one be taken with `--port 0`"
                    .into()
            }
            Self::Variables(VariableError::NoSource(_)) => {
                "keep a secret in the environment or in a file: a command line is seen by others"
                    .into()
            }
            Self::TwoAuthorizations => "leave `--open` out".into(),
            Self::LinkUsedTwice => {
                "start again; with `--no-browser` there is no such link, and the URL is printed"
                    .into()
            }
            Self::Timeout(_) => "wait longer with `--timeout 15m`".into(),
            _ => return None,
        })
    }
}

fn load_hint(error: &LoadError) -> Option<String> {
    Some(match error {
        LoadError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            "give the path of a `.wasm` component, or `default` for the embedded guest".into()
        }
        LoadError::Read { source, .. } if source.kind() == std::io::ErrorKind::IsADirectory => {
            "give the path of the `.wasm` component in it".into()
        }
        LoadError::NotAComponent { .. } => {
            "build it with `cargo build --release --target wasm32-wasip2`, or make a component of a module with `wasm-tools component new`".into()
        }
        LoadError::MissingExport { .. } => {
            "a guest targets the world `guest` or `provider` of the package `curtaincall:callback`".into()
        }
        LoadError::Imports { .. } => "a guest may import `curtaincall:callback`, WASI 0.2, `wasi:http` and `wasi:config`".into(),
        LoadError::Link { .. } => "build the guest for WASI 0.2 and version 0.1 of `curtaincall:callback`".into(),
        _ => return None,
    })
}
