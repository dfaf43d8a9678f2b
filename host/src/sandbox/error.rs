//! The errors of loading and of calling a guest.

use std::fmt;
use std::io;

use wasmtime::WasmBacktrace;
use wasmtime_wasi::I32Exit;

use super::account::limit_in;
use super::guest::{BinaryKind, Guest};
use crate::limits::{Limit, LimitError, Limits};
use crate::reply::ReplyError;
use crate::variables::Variables;
use crate::visible::{CAUSE, NAME, list};

/// A change of the settings that would let a guest load, or its call succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Raise this limit.
    Raise(Limit),
    /// Grant this to the page, such as `scripts` or `links=ORIGIN`.
    Grant(&'static str),
}

/// An error from the engine, with its causes.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a guest cannot be loaded. At that time, no port is bound and no browser is open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is missing, a directory, or not readable.
    #[error("cannot read the guest `{guest}`")]
    #[non_exhaustive]
    Read {
        /// The guest.
        guest: Guest,
        /// The error from the operating system.
        source: io::Error,
    },
    /// The guest is too large, or compiling it takes too much time or memory.
    #[error("cannot load the guest `{guest}`: {limit}")]
    #[non_exhaustive]
    Limit {
        /// The guest.
        guest: Guest,
        /// The limit that it reached.
        limit: LimitError,
    },
    /// The compiler failed in an unexpected way.
    #[error("cannot compile the guest `{guest}`")]
    #[non_exhaustive]
    Compiler {
        /// The guest.
        guest: Guest,
        /// How the compiler failed.
        source: io::Error,
    },
    /// The `.wat` text is invalid.
    #[error("cannot parse the guest `{guest}`")]
    #[non_exhaustive]
    Text {
        /// The guest.
        guest: Guest,
        /// The position and the reason.
        source: Cause,
    },
    /// The file is not a component.
    #[error("the guest `{guest}` is {kind}")]
    #[non_exhaustive]
    NotAComponent {
        /// The guest.
        guest: Guest,
        /// The kind of the file.
        kind: BinaryKind,
    },
    /// The file has the preamble of a component, but its content is invalid.
    #[error("the guest `{guest}` is not a valid component")]
    #[non_exhaustive]
    Invalid {
        /// The guest.
        guest: Guest,
        /// The position and the reason.
        source: Cause,
    },
    /// The component targets another world.
    #[error("the guest `{guest}` does not export `{missing}`; it exports {}", list(.exports))]
    #[non_exhaustive]
    MissingExport {
        /// The guest.
        guest: Guest,
        /// The export that every guest must have.
        missing: &'static str,
        /// The exports of this guest.
        exports: Vec<String>,
    },
    /// The guest imports an interface that lets it read secrets, and no secret may be read.
    #[error("the guest `{guest}` wants to read secrets: it imports `curtaincall:callback/reveal`")]
    #[non_exhaustive]
    Reveal {
        /// The guest.
        guest: Guest,
    },
    /// The guest imports interfaces that the host does not provide.
    #[error("the guest `{guest}` imports {}, which the host does not provide", list(.imports))]
    #[non_exhaustive]
    Imports {
        /// The guest.
        guest: Guest,
        /// The names of these imports.
        imports: Vec<String>,
    },
    /// The host provides the imported interface only in another version or with another type.
    #[error("cannot link the guest `{guest}`")]
    #[non_exhaustive]
    Link {
        /// The guest.
        guest: Guest,
        /// The import and the reason.
        source: Cause,
    },
    /// The async runtime of a test cannot start. Only `testing::TestGuest::load` returns this error.
    #[error("cannot start the async runtime")]
    Runtime(#[source] io::Error),
    /// wasmtime cannot run on this machine.
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

    /// Returns the change that would let the guest load, if known.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Limit { limit, .. } => Some(Remedy::Raise(limit.limit())),
            _ => None,
        }
    }
}

/// Why a guest call returned no valid reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// The guest trapped. A Rust panic is a trap, and its message is in the guest's log.
    #[error("the guest trapped: {message}")]
    #[non_exhaustive]
    Trap {
        /// The message from wasmtime.
        message: String,
        /// The frames, innermost first, one per line. Empty if there are none.
        backtrace: String,
    },
    /// The guest reached a limit.
    #[error("{limit}")]
    #[non_exhaustive]
    Limit {
        /// The limit that ended the call.
        limit: LimitError,
        /// The frames, in the same format as for a trap.
        backtrace: String,
    },
    /// The guest called `exit`.
    #[error("the guest exited with code {0} instead of returning a reply")]
    Exit(i32),
    /// The guest returned an invalid reply.
    #[error("the guest's reply cannot be sent: {0}")]
    Reply(ReplyError),
    /// The host could not start the thread that enforces the time limits, so it did not call the guest.
    #[error("cannot start the thread that enforces the time limits: {0}")]
    Unwatched(#[source] io::Error),
    /// The host ended the call during shutdown.
    #[error("the host abandoned the call")]
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
    /// Returns a stable machine-readable name of the reason, such as `trap`. For a limit, this is the limit's name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::Limit { limit, .. } => limit.limit().name(),
            Self::Exit(_) => "exit",
            Self::Reply(_) => "invalid-reply",
            Self::Unwatched(_) => "unwatched",
            Self::Abandoned => "abandoned",
        }
    }

    /// Returns the change that would let the call succeed, if known.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Limit { limit, .. } => Some(Remedy::Raise(limit.limit())),
            Self::Reply(error) => error.grant().map(Remedy::Grant),
            _ => None,
        }
    }

    /// Returns the guest's frames, innermost first, one per line. The text is empty if there are none.
    pub fn backtrace(&self) -> &str {
        match self {
            Self::Trap { backtrace, .. } | Self::Limit { backtrace, .. } => backtrace,
            _ => "",
        }
    }

    /// Classifies an error that ended a call in wasmtime.
    ///
    /// A guest can put its own text into messages and function names, so secrets in them are redacted.
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

/// Formats one frame per line, innermost first. The guest chooses the names and their length, so they are truncated.
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
