//! The events of a flow. Apart from text that a guest chooses, no event contains any part of a callback.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

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

impl Event {
    /// Returns a stable machine-readable name such as `listening`, or `None` for a guest's log.
    pub fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::CacheUnused { .. } => name::CACHE_UNUSED,
            Self::Contacts { .. } => name::CONTACTS,
            Self::Listening { .. } => name::LISTENING,
            Self::Authorize { .. } => name::AUTHORIZE,
            Self::PeersUnchecked { .. } => name::PEERS_UNCHECKED,
            Self::Unprotected => name::UNPROTECTED,
            Self::StateMisplaced => name::STATE_MISPLACED,
            Self::PkceOff => name::PKCE_OFF,
            Self::BrowserFailed { .. } => name::BROWSER_FAILED,
            Self::Refused(_) => name::REFUSED,
            // A guest may log the authorization code.
            Self::GuestLog { .. } | Self::GuestLogTruncated(_) => return None,
            Self::OutgoingRefused { .. } => name::OUTGOING_REFUSED,
            Self::Unreachable { .. } => name::UNREACHABLE,
            Self::GuestFailed(_) => name::GUEST_FAILED,
            Self::Replied { .. } => name::REPLIED,
            Self::Done { .. } => name::DONE,
            Self::Closed { .. } => name::CLOSED,
        })
    }
}

/// Returns `event` as a JSON object with its name and the time, or `None` for events that have no name.
pub fn to_json(event: &Event, time: SystemTime) -> Option<Value> {
    let name = event.name()?;
    let fields = match event {
        Event::Contacts { hosts, .. } => json!({ "hosts": hosts }),
        Event::Listening { redirect_uri } => json!({ "redirect_uri": redirect_uri }),
        Event::Authorize { url, .. } => json!({ "url": url }),
        Event::Refused(refusal) => {
            json!({ "reason": refusal.reason(), "status": refusal.status() })
        }
        Event::GuestFailed(error) => json!({ "reason": error.reason() }),
        Event::Replied { status, bytes } => json!({ "status": status, "bytes": bytes }),
        Event::Done { success } => json!({ "success": success }),
        Event::Closed { delivered } => json!({ "delivered": delivered }),
        // A guest may put the code into the host name of its URL, so URLs and hosts are left out.
        Event::OutgoingRefused { .. }
        | Event::Unreachable { .. }
        | Event::CacheUnused { .. }
        | Event::PeersUnchecked { .. }
        | Event::Unprotected
        | Event::StateMisplaced
        | Event::PkceOff
        | Event::BrowserFailed { .. }
        | Event::GuestLog { .. }
        | Event::GuestLogTruncated(_) => json!({}),
    };
    let mut line = json!({ "event": name, "time": rfc3339(time) });
    if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
        line.extend(fields);
    }
    Some(line)
}

/// The names of the events.
mod name {
    pub(super) const CACHE_UNUSED: &str = "cache-unused";
    pub(super) const CONTACTS: &str = "contacts";
    pub(super) const LISTENING: &str = "listening";
    pub(super) const AUTHORIZE: &str = "authorize";
    pub(super) const PEERS_UNCHECKED: &str = "peers-unchecked";
    pub(super) const UNPROTECTED: &str = "unprotected";
    pub(super) const STATE_MISPLACED: &str = "state-misplaced";
    pub(super) const PKCE_OFF: &str = "pkce-off";
    pub(super) const BROWSER_FAILED: &str = "browser-failed";
    pub(super) const REFUSED: &str = "refused";
    pub(super) const OUTGOING_REFUSED: &str = "outgoing-refused";
    pub(super) const UNREACHABLE: &str = "unreachable";
    pub(super) const GUEST_FAILED: &str = "guest-failed";
    pub(super) const REPLIED: &str = "replied";
    pub(super) const DONE: &str = "done";
    pub(super) const CLOSED: &str = "closed";
}

/// Every event that has a name: the name, the fields of its JSON form, and its description in the reference.
pub const EVENTS: &[(&str, &[&str], &str)] = &[
    (
        name::CACHE_UNUSED,
        &[],
        "the host does not cache compiled guests, so the next start is slower",
    ),
    (
        name::CONTACTS,
        &["hosts"],
        "the flow signs in with a preset, whose guest can reach these hosts",
    ),
    (name::LISTENING, &["redirect_uri"], "the host listens"),
    (
        name::AUTHORIZE,
        &["url"],
        "the authorization URL is ready; it contains `state`, and is for the browser only",
    ),
    (
        name::PEERS_UNCHECKED,
        &[],
        "other users of this machine can connect: the system does not report who owns a connection",
    ),
    (
        name::UNPROTECTED,
        &[],
        "the authorization URL has no `{state}`, so any web page can forge the callback",
    ),
    (
        name::STATE_MISPLACED,
        &[],
        "the authorization URL contains `{state}`, but not as the query parameter `state`; the host refuses callbacks without it",
    ),
    (
        name::PKCE_OFF,
        &[],
        "the guest's authorization URL does not use PKCE, which its grants allow",
    ),
    (name::BROWSER_FAILED, &[], "the browser did not start"),
    (
        name::REFUSED,
        &["reason", "status"],
        "the host answered a request itself; `status` is null if it closed the connection without an answer",
    ),
    (name::OUTGOING_REFUSED, &[], "the host refused requests of the guest to other hosts"),
    (name::UNREACHABLE, &[], "a granted request of the guest got no response"),
    (
        name::GUEST_FAILED,
        &["reason"],
        "a guest call failed: `trap`, `exit`, `invalid-reply`, `unwatched` (the thread that enforces the time limits cannot start), \
         `abandoned` (the run ended), or the limit that it reached, such as `cpu-time`",
    ),
    (
        name::REPLIED,
        &["status", "bytes"],
        "the host sends the guest's reply; `bytes` is the length of its body",
    ),
    (name::DONE, &["success"], "the guest completed the flow, with or without a result"),
    (
        name::CLOSED,
        &["delivered"],
        "the listener and all connections are closed; `delivered` is whether the whole last page arrived, or null if there was none",
    ),
];

/// Formats `time` as in RFC 3339. Clamps the time to the years 1970 to 9999, because a clock may be wrong.
fn rfc3339(time: SystemTime) -> String {
    /// 9999-12-31T23:59:59Z.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(LAST);
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since_1970).to_string()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Limit, Limits};

    #[test]
    fn every_event_is_listed_with_its_fields() {
        let (redirect_uri, url) = (String::new(), String::new());
        let all = [
            Event::CacheUnused { reason: String::new() },
            Event::Contacts { name: String::new(), hosts: Vec::new() },
            Event::Listening { redirect_uri },
            Event::Authorize { url: url.clone(), opening: true },
            Event::PeersUnchecked { reason: String::new() },
            Event::Unprotected,
            Event::StateMisplaced,
            Event::PkceOff,
            Event::BrowserFailed { reason: String::new(), url },
            Event::Refused(Refusal::Path),
            Event::GuestLog { line: String::new() },
            Event::GuestLogTruncated(LimitError::new(Limit::Log, &Limits::default())),
            Event::OutgoingRefused { urls: Vec::new() },
            Event::Unreachable { host: String::new(), reason: String::new(), remedy: None },
            Event::GuestFailed(GuestError::Abandoned),
            Event::Replied { status: 200, bytes: 0 },
            Event::Done { success: true },
            Event::Closed { delivered: None },
        ];
        // This match makes a new event a compile error. Add the event here and to `all`.
        let is_for_people_only = |event: &Event| match event {
            Event::GuestLog { .. } | Event::GuestLogTruncated(_) => true,
            Event::CacheUnused { .. }
            | Event::Contacts { .. }
            | Event::Listening { .. }
            | Event::Authorize { .. }
            | Event::PeersUnchecked { .. }
            | Event::Unprotected
            | Event::StateMisplaced
            | Event::PkceOff
            | Event::BrowserFailed { .. }
            | Event::Refused(_)
            | Event::OutgoingRefused { .. }
            | Event::Unreachable { .. }
            | Event::GuestFailed(_)
            | Event::Replied { .. }
            | Event::Done { .. }
            | Event::Closed { .. } => false,
        };
        let mut listed = EVENTS.iter();
        for event in all.iter().filter(|event| !is_for_people_only(event)) {
            let line = to_json(event, SystemTime::UNIX_EPOCH).unwrap();
            let fields: Vec<_> = line.as_object().unwrap().keys().skip(2).collect();
            let (name, described, _) = listed.next().unwrap();
            assert_eq!(line["event"], *name);
            assert_eq!(fields, *described);
        }
        assert!(listed.next().is_none());
    }

    #[test]
    fn a_time_out_of_range_is_clamped() {
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH - 100 * year), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH + 100_000 * year), "9999-12-31T23:59:59.000Z");
    }
}
