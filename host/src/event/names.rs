//! The names of the events, and the list of them in the reference.

use super::Event;

const CACHE_UNUSED: &str = "cache-unused";
const CONTACTS: &str = "contacts";
const LISTENING: &str = "listening";
const AUTHORIZE: &str = "authorize";
const PEERS_UNCHECKED: &str = "peers-unchecked";
const UNPROTECTED: &str = "unprotected";
const STATE_MISPLACED: &str = "state-misplaced";
const PKCE_OFF: &str = "pkce-off";
const BROWSER_FAILED: &str = "browser-failed";
const REFUSED: &str = "refused";
const OUTGOING_REFUSED: &str = "outgoing-refused";
const REQUEST_FAILED: &str = "request-failed";
const UNREACHABLE: &str = "unreachable";
const GUEST_FAILED: &str = "guest-failed";
const REPLIED: &str = "replied";
const DONE: &str = "done";
const CLOSED: &str = "closed";

impl Event {
    /// Returns a stable machine-readable name such as `listening`, or `None` for a guest's log.
    pub fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::CacheUnused { .. } => CACHE_UNUSED,
            Self::Contacts { .. } => CONTACTS,
            Self::Listening { .. } => LISTENING,
            Self::Authorize { .. } => AUTHORIZE,
            Self::PeersUnchecked { .. } => PEERS_UNCHECKED,
            Self::Unprotected => UNPROTECTED,
            Self::StateMisplaced => STATE_MISPLACED,
            Self::PkceOff => PKCE_OFF,
            Self::BrowserFailed { .. } => BROWSER_FAILED,
            Self::Refused(_) => REFUSED,
            // A guest may log the authorization code.
            Self::GuestLog { .. } | Self::GuestLogTruncated(_) => return None,
            Self::OutgoingRefused { .. } => OUTGOING_REFUSED,
            Self::RequestFailed { .. } => REQUEST_FAILED,
            Self::Unreachable { .. } => UNREACHABLE,
            Self::GuestFailed(_) => GUEST_FAILED,
            Self::Replied { .. } => REPLIED,
            Self::Done { .. } => DONE,
            Self::Closed { .. } => CLOSED,
        })
    }
}

/// Every event that has a name: the name, the fields of its JSON form, and its description in the reference.
pub const EVENTS: &[(&str, &[&str], &str)] = &[
    (CACHE_UNUSED, &[], "the host does not cache compiled guests, so the next start is slower"),
    (CONTACTS, &["hosts"], "the flow signs in with a preset, whose guest can reach these hosts"),
    (
        LISTENING,
        &["redirect_uri", "address"],
        "the host listens at `address`, and the provider redirects the browser to `redirect_uri`",
    ),
    (
        AUTHORIZE,
        &["url"],
        "the authorization URL is ready; it contains `state`, and is for the browser only",
    ),
    (
        PEERS_UNCHECKED,
        &[],
        "other users of this machine can connect: the system does not report who owns a connection",
    ),
    (
        UNPROTECTED,
        &[],
        "the authorization URL has no `{state}`, so any web page can forge the callback",
    ),
    (
        STATE_MISPLACED,
        &[],
        "the authorization URL contains `{state}`, but not as the query parameter `state`; the host refuses callbacks without it",
    ),
    (PKCE_OFF, &[], "the guest's authorization URL does not use PKCE, which its grants allow"),
    (BROWSER_FAILED, &[], "the browser did not start"),
    (
        REFUSED,
        &["reason", "status"],
        "the host answered a request itself; `status` is null if it closed the connection without an answer",
    ),
    (OUTGOING_REFUSED, &[], "the host refused requests of the guest to other hosts"),
    (
        REQUEST_FAILED,
        &[],
        "a granted request of the guest was not sent, or its answer was not understood or repeats a secret",
    ),
    (UNREACHABLE, &[], "a granted request of the guest got no response"),
    (
        GUEST_FAILED,
        &["reason"],
        "a guest call failed: `trap`, `exit`, `invalid-reply`, `unwatched` (the thread that enforces the time limits cannot start), \
         `abandoned` (the run ended), or the limit that it reached, such as `cpu-time`",
    ),
    (
        REPLIED,
        &["status", "bytes"],
        "the host sends the guest's reply; `bytes` is the length of its body",
    ),
    (DONE, &["success"], "the guest completed the flow, with or without a result"),
    (
        CLOSED,
        &["delivered"],
        "the listener and all connections are closed; `delivered` is whether the whole last page arrived, or null if there was none",
    ),
];
