//! Why a request never reached a guest, and what it is answered.

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER};

use crate::reply::{self, Page};

/// Why the host answered a request by itself. Never carries anything of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The connection is another user's of this machine. It was closed unread.
    OtherUser,
    /// Whoever made the connection has closed it already, or the system does not tell who it was. It was closed
    /// unread: what is in it may be another user's.
    PeerGone,
    /// `Host` names somebody else: DNS rebinding, or a stray client.
    Host,
    /// Not the callback path: a favicon, `robots.txt`, a probe.
    Path,
    /// The link that opens the sign-in was followed before.
    LinkUsed,
    /// A method that is no authorization response.
    Method,
    /// A browser fetches ahead; nobody looks at the page.
    Prefetch,
    /// A script, an image or a frame asks, not a navigation of a tab.
    NotNavigation,
    /// The head is over its limit.
    HeadTooLarge,
    /// The head is no HTTP/1.1.
    HeadBroken,
    /// The head did not come in time.
    HeadTimeout,
    /// The body is over its limit.
    BodyTooLarge,
    /// The body did not come in time.
    BodyTimeout,
    /// The body ended early, or its framing is wrong.
    BodyBroken,
    /// `code`, `state`, `error` or `iss` occurs twice (RFC 6749, section 3.1).
    RepeatedParameter(&'static str),
    /// `state` is missing or not the one of this run (RFC 6749, section 10.12).
    State,
    /// `iss` is missing or not the expected issuer (RFC 9207, section 2.4).
    Issuer,
    /// Too many callbacks wait for the guest.
    Busy,
    /// Another callback completed the flow while this one waited.
    AlreadyDone,
    /// The program stopped waiting while this one waited.
    Stopped,
}

impl Refusal {
    /// Every refusal, in the order of the checks.
    pub const ALL: &[Self] = &[
        Self::OtherUser,
        Self::PeerGone,
        Self::Host,
        Self::Path,
        Self::LinkUsed,
        Self::Method,
        Self::Prefetch,
        Self::NotNavigation,
        Self::HeadTooLarge,
        Self::HeadBroken,
        Self::HeadTimeout,
        Self::BodyTooLarge,
        Self::BodyTimeout,
        Self::BodyBroken,
        Self::RepeatedParameter("code"),
        Self::State,
        Self::Issuer,
        Self::Busy,
        Self::AlreadyDone,
        Self::Stopped,
    ];

    /// What hyper refused before there was a request to check.
    pub(crate) fn of(error: &hyper::Error) -> Option<Self> {
        if error.is_parse_too_large() {
            Some(Self::HeadTooLarge)
        } else if error.is_parse() {
            Some(Self::HeadBroken)
        } else if error.is_timeout() {
            Some(Self::HeadTimeout)
        } else {
            None
        }
    }

    /// The page that answers the request.
    pub(crate) fn page(self) -> Page {
        let status = self.status().unwrap_or(StatusCode::BAD_REQUEST);
        let mut page = reply::plain(status, "Not accepted", self.sentence());
        match self {
            Self::Method => page.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST")),
            Self::Busy => page.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1")),
            _ => None,
        };
        page
    }

    /// The word for `--events`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::OtherUser => "other-user",
            Self::PeerGone => "peer-gone",
            Self::Host => "host",
            Self::Path => "path",
            Self::LinkUsed => "link-used",
            Self::Method => "method",
            Self::Prefetch => "prefetch",
            Self::NotNavigation => "not-navigation",
            Self::HeadTooLarge => "head-too-large",
            Self::HeadBroken => "head-broken",
            Self::HeadTimeout => "head-timeout",
            Self::BodyTooLarge => "body-too-large",
            Self::BodyTimeout => "body-timeout",
            Self::BodyBroken => "body-broken",
            Self::RepeatedParameter(_) => "repeated-parameter",
            Self::State => "state",
            Self::Issuer => "issuer",
            Self::Busy => "busy",
            Self::AlreadyDone => "already-done",
            Self::Stopped => "stopped",
        }
    }

    /// The status code of the answer; none where the connection is only closed.
    pub fn status(self) -> Option<StatusCode> {
        Some(match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Path => StatusCode::NOT_FOUND,
            Self::LinkUsed => StatusCode::GONE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Prefetch | Self::Busy | Self::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotNavigation => StatusCode::FORBIDDEN,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::HeadBroken
            | Self::BodyBroken
            | Self::RepeatedParameter(_)
            | Self::State
            | Self::Issuer => StatusCode::BAD_REQUEST,
            Self::AlreadyDone => StatusCode::CONFLICT,
            Self::OtherUser | Self::PeerGone | Self::HeadTimeout => return None,
        })
    }

    /// A sentence for the person who sees the answer.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::OtherUser => "This connection belongs to another user of this machine.",
            Self::PeerGone => "Nobody is at the other end of this connection any more.",
            Self::Host => "This address does not belong to the program that is waiting here.",
            Self::Path => "There is no page at this address.",
            Self::LinkUsed => {
                "This link works once. Go on in the tab that it opened, or start again from your terminal."
            }
            Self::Method => "A sign-in comes back with GET or POST.",
            Self::Prefetch => "This page is not fetched ahead.",
            Self::NotNavigation => "This page opens in a browser tab only.",
            Self::HeadTooLarge => "The address or the headers of this request are too large.",
            Self::HeadBroken => "This request is not valid HTTP.",
            Self::HeadTimeout => "The request did not arrive in time.",
            Self::BodyTooLarge => "The content of this request is too large.",
            Self::BodyTimeout => "The content of this request did not arrive in time.",
            Self::BodyBroken => "The content of this request is incomplete.",
            Self::RepeatedParameter(_) => {
                "This sign-in response says the same thing twice, so it was not accepted."
            }
            Self::State => {
                "This is not the sign-in that was started here. If you started one, go back to its tab, or start again from your terminal."
            }
            Self::Issuer => {
                "This answer does not come from the provider that was asked, so it was not accepted."
            }
            Self::Busy => "Too many requests are waiting. Try again in a moment.",
            Self::AlreadyDone => {
                "This sign-in was already completed in another tab. You can close this one."
            }
            Self::Stopped => {
                "The program that started this sign-in stopped waiting for it. Start again from your terminal."
            }
        }
    }

    /// Whether a person at the terminal should hear of it without asking: something may be wrong
    /// with their sign-in, as against the noise that every browser makes.
    pub fn is_suspicious(self) -> bool {
        matches!(
            self,
            Self::OtherUser
                | Self::Host
                | Self::LinkUsed
                | Self::RepeatedParameter(_)
                | Self::State
                | Self::Issuer
                | Self::HeadTooLarge
                | Self::BodyTooLarge
                | Self::Busy
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_listed() {
        use Refusal::*;
        // A new refusal does not compile until it has a place here.
        let next = |refusal: Refusal| {
            Some(match refusal {
                OtherUser => PeerGone,
                PeerGone => Host,
                Host => Path,
                Path => LinkUsed,
                LinkUsed => Method,
                Method => Prefetch,
                Prefetch => NotNavigation,
                NotNavigation => HeadTooLarge,
                HeadTooLarge => HeadBroken,
                HeadBroken => HeadTimeout,
                HeadTimeout => BodyTooLarge,
                BodyTooLarge => BodyTimeout,
                BodyTimeout => BodyBroken,
                BodyBroken => RepeatedParameter("code"),
                RepeatedParameter(_) => State,
                State => Issuer,
                Issuer => Busy,
                Busy => AlreadyDone,
                AlreadyDone => Stopped,
                Stopped => return None,
            })
        };
        let all: Vec<_> =
            std::iter::successors(Some(OtherUser), |refusal| next(*refusal)).collect();
        assert_eq!(all, Refusal::ALL);
    }
}
