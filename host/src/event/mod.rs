//! The events of a flow. Apart from text that a guest chooses, no event contains any part of a callback.

mod json;
mod names;

use std::sync::Arc;

pub use json::to_json;
pub use names::EVENTS;

use crate::limits::LimitError;
use crate::outgoing::NetRemedy;
use crate::request::Refusal;
use crate::sandbox::{GuestError, LogLine};

/// One event of a flow, for people and for programs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The host does not cache compiled guests, so the next start is slower.
    #[non_exhaustive]
    CacheUnused {
        /// The reason why the cache folder is not used.
        reason: String,
    },
    /// The flow signs in with a preset, whose guest can reach these hosts.
    #[non_exhaustive]
    Contacts {
        /// The name of the provider, such as `GitHub`.
        name: String,
        /// The hosts, each with its port if that is not the usual one.
        hosts: Vec<String>,
    },
    /// The host listens.
    #[non_exhaustive]
    Listening {
        /// The redirect URI that receives the callback.
        redirect_uri: String,
        /// Where the host listens, such as `127.0.0.1:43117`. The redirect URI contains this, unless the caller sets
        /// another one.
        address: String,
    },
    /// The authorization URL is ready. It contains this run's `state`, and is for the browser only.
    #[non_exhaustive]
    Authorize {
        /// The authorization URL.
        url: String,
        /// Whether the host opens a browser. Otherwise the user has to open the URL.
        opening: bool,
    },
    /// Every user of this machine can connect: the operating system does not report who owns a connection.
    #[non_exhaustive]
    PeersUnchecked {
        /// The operating system's reason.
        reason: String,
    },
    /// The authorization URL has no `{state}`: any web page can forge the callback (RFC 6749, section 10.12).
    Unprotected,
    /// The authorization URL contains `{state}`, but not as the query parameter `state`. The provider may not return
    /// it, and the host refuses callbacks without it.
    StateMisplaced,
    /// The guest's authorization URL does not use PKCE (RFC 7636), which its grants allow.
    PkceOff,
    /// The browser did not start.
    #[non_exhaustive]
    BrowserFailed {
        /// The operating system's reason.
        reason: String,
        /// The URL that the user has to open instead.
        url: String,
    },
    /// The host answered a request itself, without the guest. The flow continues.
    Refused(Refusal),
    /// The guest wrote a line to its standard output or standard error.
    #[non_exhaustive]
    GuestLog {
        /// The line, with control characters made visible.
        line: String,
    },
    /// The guest's log reached this limit. The host drops the rest.
    GuestLogTruncated(LimitError),
    /// The host refused requests of the guest to other hosts, which are not granted.
    #[non_exhaustive]
    OutgoingRefused {
        /// The URLs that would have to be granted, as the guest wrote them.
        urls: Vec<String>,
    },
    /// A granted request of the guest was not sent, or its answer was not understood or repeats a secret.
    #[non_exhaustive]
    RequestFailed {
        /// The URL, as the guest wrote it.
        url: String,
        /// The reason.
        reason: String,
    },
    /// A granted request of the guest got no response.
    #[non_exhaustive]
    Unreachable {
        /// The host, as the guest wrote it.
        host: String,
        /// The reason.
        reason: String,
        /// What would let the request reach the host, if known.
        remedy: Option<NetRemedy>,
    },
    /// A guest call failed. The browser gets status 500, and the flow continues.
    GuestFailed(GuestError),
    /// The host sends a guest's reply.
    #[non_exhaustive]
    Replied {
        /// The status code.
        status: u16,
        /// The length of the body, in bytes.
        bytes: usize,
    },
    /// The guest completed the flow.
    #[non_exhaustive]
    Done {
        /// Whether the flow has a result.
        success: bool,
    },
    /// The listener and all connections are closed.
    #[non_exhaustive]
    Closed {
        /// Whether the whole last page reached the browser. `None` if there was no last page.
        delivered: Option<bool>,
    },
}

impl From<LogLine> for Event {
    fn from(line: LogLine) -> Self {
        match line {
            LogLine::Text(line) => Self::GuestLog { line },
            LogLine::Truncated(limit) => Self::GuestLogTruncated(limit),
        }
    }
}

/// The receiver of events. It is called on the thread where the event occurs.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(&Event) + Send + Sync>);

impl Events {
    /// Creates a receiver that passes every event to `listener`.
    pub fn to(listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// Reports `event`.
    pub fn emit(&self, event: Event) {
        (self.0)(&event);
    }
}
