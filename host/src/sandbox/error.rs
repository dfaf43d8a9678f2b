//! What goes wrong with a guest: before the first call, and in one.

use std::fmt;
use std::io;

use wasmtime::WasmBacktrace;
use wasmtime_wasi::I32Exit;

use super::account::limit_in;
use super::guest::{Guest, Kind};
use crate::limits::{Limit, LimitError, Limits};
use crate::reply::ReplyError;
use crate::variables::Variables;
use crate::visible::{CAUSE, NAME, list};

/// What would let a guest do what it could not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// A higher limit.
    Raise(Limit),
    /// A page grant, written as a [`PageGrant`](crate::PageGrant) is parsed.
    Grant(&'static str),
}
/// An error of the engine's, with its causes.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a guest cannot be loaded. Nothing was bound or opened yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is missing, a directory, or not readable.
    #[error("cannot read the guest `{guest}`")]
    Read {
        /// The guest.
        guest: Guest,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is too large, or takes too much to compile.
    #[error("cannot load the guest `{guest}`: {limit}")]
    Limit {
        /// The guest.
        guest: Guest,
        /// Which limit.
        limit: LimitError,
    },
    /// The process that compiles ended in a way that it should not.
    #[error("cannot compile the guest `{guest}`")]
    Compiler {
        /// The guest.
        guest: Guest,
        /// How it ended.
        source: io::Error,
    },
    /// The `.wat` text does not parse.
    #[error("the guest `{guest}` does not parse")]
    Text {
        /// The guest.
        guest: Guest,
        /// Where and why.
        source: Cause,
    },
    /// Something other than a component.
    #[error("the guest `{guest}` is {kind}")]
    NotAComponent {
        /// The guest.
        guest: Guest,
        /// What it is.
        kind: Kind,
    },
    /// It starts as a component does, but is not a valid one.
    #[error("the guest `{guest}` is not a valid component")]
    Invalid {
        /// The guest.
        guest: Guest,
        /// Where and why.
        source: Cause,
    },
    /// A component of another world.
    #[error("the guest `{guest}` does not export `{missing}`; it exports {}", list(.exports))]
    MissingExport {
        /// The guest.
        guest: Guest,
        /// The export that every guest has.
        missing: &'static str,
        /// What it exports instead.
        exports: Vec<String>,
    },
    /// Imports that nobody granted.
    #[error("the guest `{guest}` imports {}, which it was not granted", list(.imports))]
    Imports {
        /// The guest.
        guest: Guest,
        /// Their names.
        imports: Vec<String>,
    },
    /// An import of a known name but another version or type.
    #[error("the guest `{guest}` cannot be linked")]
    Link {
        /// The guest.
        guest: Guest,
        /// Which import, and why.
        source: Cause,
    },
    /// This machine cannot run WebAssembly.
    #[error("cannot set up WebAssembly on this machine")]
    Engine(#[source] Cause),
}

impl LoadError {
    pub(super) fn engine(error: wasmtime::Error) -> Self {
        Self::Engine(error.into())
    }

    pub(super) fn link(guest: &Guest, error: wasmtime::Error) -> Self {
        Self::Link { guest: guest.clone(), source: error.into() }
    }
}

impl LoadError {
    /// What would let the guest load, if that is known.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Limit { limit, .. } => Some(Remedy::Raise(limit.limit())),
            _ => None,
        }
    }
}

/// Why one guest call gave no page. The host goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// A trap: in Rust a panic, with its message in the guest's log.
    #[error("the guest trapped: {message}")]
    Trap {
        /// What wasmtime says of the trap.
        message: String,
        /// The frames, innermost first, one a line; empty where there are none.
        backtrace: String,
    },
    /// A limit ended the call.
    #[error("{limit}")]
    Limit {
        /// Which limit.
        limit: LimitError,
        /// Where the guest was, as for a trap.
        backtrace: String,
    },
    /// The guest called `exit`.
    #[error("the guest exited with code {0} instead of returning a reply")]
    Exit(i32),
    /// The guest's reply is not one that can be sent.
    #[error("the guest's reply cannot be sent: {0}")]
    Reply(#[source] ReplyError),
    /// The thread that watches over the limits on time could not be started.
    #[error("the call was not made: no thread to watch over its time: {0}")]
    Unwatched(#[from] io::Error),
    /// The host gave up the call, at shutdown.
    #[error("the call was abandoned")]
    Abandoned,
}

impl From<ReplyError> for GuestError {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::Limit(limit) => limit.into(),
            error => Self::Reply(error),
        }
    }
}

impl From<LimitError> for GuestError {
    fn from(limit: LimitError) -> Self {
        Self::Limit { limit, backtrace: String::new() }
    }
}

impl GuestError {
    /// The word for `--events`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::Limit { limit, .. } => limit.limit().flag().trim_start_matches("max-"),
            Self::Exit(_) => "exit",
            Self::Reply(_) => "invalid-reply",
            Self::Unwatched(_) => "unwatched",
            Self::Abandoned => "abandoned",
        }
    }

    /// What would let the call succeed, if that is known.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Limit { limit, .. } => Some(Remedy::Raise(limit.limit())),
            Self::Reply(error) => error.grant().map(Remedy::Grant),
            _ => None,
        }
    }

    /// The guest's frames, innermost first, one a line; empty where there are none.
    pub fn backtrace(&self) -> &str {
        match self {
            Self::Trap { backtrace, .. } | Self::Limit { backtrace, .. } => backtrace,
            _ => "",
        }
    }

    /// Of what a guest can have put into the words, secrets are not told.
    pub(super) fn from_wasmtime(
        error: &wasmtime::Error,
        limits: &Limits,
        variables: &Variables,
    ) -> Self {
        let backtrace = error.downcast_ref::<WasmBacktrace>();
        let backtrace = backtrace.map(|trace| frames(trace, variables)).unwrap_or_default();
        if let Some(limit) = limit_in(error, limits) {
            return Self::Limit { limit, backtrace };
        }
        if let Some(exit) = error.downcast_ref::<I32Exit>() {
            return Self::Exit(exit.0);
        }
        Self::Trap { message: variables.shown(&error.root_cause(), CAUSE), backtrace }
    }
}

/// One frame a line, innermost first. The names are the guest's, and as long as it likes.
fn frames(backtrace: &WasmBacktrace, variables: &Variables) -> String {
    let shown = |name: &dyn fmt::Display| variables.shown(name, NAME);
    let frames = backtrace.frames().iter().enumerate().map(|(number, frame)| {
        let name = match frame.func_name() {
            Some(name) => shown(&rustc_demangle::demangle(name)),
            None => format!("wasm function {}", frame.func_index()),
        };
        let place = frame
            .symbols()
            .iter()
            .find_map(|symbol| Some(format!(" at {}:{}", shown(&symbol.file()?), symbol.line()?)));
        format!("{number:>5}: {name}{}\n", place.unwrap_or_default())
    });
    frames.collect()
}
