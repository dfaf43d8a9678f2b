//! The reasons to refuse a request before it reaches a guest, and the answers to it.

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER};

use crate::reply::{self, Page};

/// The reason why the host refused a request. Never contains any part of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The connection belongs to another user of this machine. The host closed it before reading it.
    OtherUser,
    /// The client has already closed the connection, or the system does not report its owner. It may belong to
    /// another user, so the host closed it before reading it.
    PeerGone,
    /// The client sent HTTP without TLS, and the redirect URI is `https`.
    PlainHttp,
    /// The TLS handshake failed: the client sent no valid one, or accepts neither TLS 1.2 nor 1.3, or not HTTP/1.1.
    Handshake,
    /// The TLS handshake was not complete in time.
    HandshakeTimeout,
    /// The client does not trust the certificate, and ended the TLS handshake.
    UntrustedCertificate,
    /// `Host` names another host: DNS rebinding, or a stray client.
    Host,
    /// The path is not the callback path, as in requests for a favicon or `robots.txt`.
    Path,
    /// The one-time sign-in link was already used.
    LinkUsed,
    /// The method is neither GET nor POST.
    Method,
    /// The browser prefetches the page without showing it.
    Prefetch,
    /// A script, an image or a frame sent the request, not the navigation of a tab.
    NotNavigation,
    /// The head is larger than its limit.
    HeadTooLarge,
    /// The head is not valid HTTP/1.1.
    HeadBroken,
    /// The head did not arrive in time.
    HeadTimeout,
    /// The body is larger than its limit.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body is incomplete, or its framing is invalid.
    BodyBroken,
    /// `code`, `state`, `error` or `iss` occurs more than once (RFC 6749, section 3.1).
    RepeatedParameter(&'static str),
    /// `access_token` or `id_token` came through the browser, which leaks it (RFC 9700, section 2.1.2). The flow asks
    /// for a code.
    FrontChannelToken,
    /// `state` is missing or differs from that of this run (RFC 6749, section 10.12).
    State,
    /// `iss` is missing or differs from the expected issuer (RFC 9207, section 2.4).
    Issuer,
    /// Too many callbacks are waiting for the guest.
    Busy,
    /// Another callback completed the flow while this callback waited.
    AlreadyDone,
    /// The run stopped while this callback waited.
    Stopped,
}

/// Every refusal, in the order of the checks.
pub const REFUSALS: &[Refusal] = &[
    Refusal::OtherUser,
    Refusal::PeerGone,
    Refusal::Handshake,
    Refusal::HandshakeTimeout,
    Refusal::UntrustedCertificate,
    Refusal::HeadTooLarge,
    Refusal::HeadBroken,
    Refusal::HeadTimeout,
    Refusal::PlainHttp,
    Refusal::Host,
    Refusal::Path,
    Refusal::Method,
    Refusal::Prefetch,
    Refusal::NotNavigation,
    Refusal::LinkUsed,
    Refusal::BodyTooLarge,
    Refusal::BodyTimeout,
    Refusal::BodyBroken,
    Refusal::RepeatedParameter("code"),
    Refusal::FrontChannelToken,
    Refusal::State,
    Refusal::Issuer,
    Refusal::Busy,
    Refusal::AlreadyDone,
    Refusal::Stopped,
];

impl Refusal {
    /// Returns the refusal for an error of hyper, if the head was invalid, too large or late.
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

    /// Returns the page that answers the request.
    pub(crate) fn page(self) -> Page {
        let status = self.status_code().unwrap_or(StatusCode::BAD_REQUEST);
        let mut page = reply::plain(status, "Not accepted", sentence(self));
        match self {
            Self::Method => page.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST")),
            Self::Busy => page.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1")),
            _ => None,
        };
        page
    }

    /// Returns a stable machine-readable name, such as `state`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::OtherUser => "other-user",
            Self::PeerGone => "peer-gone",
            Self::Handshake => "handshake",
            Self::HandshakeTimeout => "handshake-timeout",
            Self::UntrustedCertificate => "untrusted-certificate",
            Self::PlainHttp => "plain-http",
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
            Self::FrontChannelToken => "front-channel-token",
            Self::State => "state",
            Self::Issuer => "issuer",
            Self::Busy => "busy",
            Self::AlreadyDone => "already-done",
            Self::Stopped => "stopped",
        }
    }

    /// Returns the status code of the answer, or `None` if the host closes the connection without an answer.
    pub fn status(self) -> Option<u16> {
        self.status_code().map(|status| status.as_u16())
    }

    fn status_code(self) -> Option<StatusCode> {
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
            | Self::PlainHttp
            | Self::BodyBroken
            | Self::RepeatedParameter(_)
            | Self::FrontChannelToken
            | Self::State
            | Self::Issuer => StatusCode::BAD_REQUEST,
            Self::AlreadyDone => StatusCode::CONFLICT,
            Self::OtherUser
            | Self::PeerGone
            | Self::Handshake
            | Self::HandshakeTimeout
            | Self::UntrustedCertificate
            | Self::HeadTimeout => return None,
        })
    }
}

/// Returns the text of the page that answers a refused request, for the user.
pub fn sentence(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::OtherUser => "This connection belongs to another user of this machine.",
        Refusal::PeerGone => "The client has already closed this connection.",
        Refusal::Handshake => "This client cannot establish TLS 1.2 or 1.3 for HTTP/1.1.",
        Refusal::HandshakeTimeout => "The TLS handshake did not finish in time.",
        Refusal::UntrustedCertificate => {
            "The browser does not trust the certificate of this address."
        }
        Refusal::PlainHttp => {
            "This address needs https. Replace http:// with https:// in the address bar."
        }
        Refusal::Host => "This address does not belong to the program that is waiting here.",
        Refusal::Path => "There is no page at this address.",
        Refusal::LinkUsed => {
            "This link works only once. Continue in the tab that it opened, or start again from your terminal."
        }
        Refusal::Method => "A sign-in response must use GET or POST.",
        Refusal::Prefetch => "This page cannot be prefetched.",
        Refusal::NotNavigation => "This page can only be opened in a browser tab.",
        Refusal::HeadTooLarge => "The address or the headers of this request are too large.",
        Refusal::HeadBroken => "This request is not valid HTTP.",
        Refusal::HeadTimeout => "The request did not arrive in time.",
        Refusal::BodyTooLarge => "The content of this request is too large.",
        Refusal::BodyTimeout => "The content of this request did not arrive in time.",
        Refusal::BodyBroken => "The content of this request is incomplete.",
        Refusal::RepeatedParameter(_) => {
            "This sign-in response contains a parameter twice, so it was not accepted."
        }
        Refusal::FrontChannelToken => {
            "This sign-in response contains a token instead of a code, so it was not accepted."
        }
        Refusal::State => {
            "This is not the sign-in that was started here. If you started one, go back to its tab, or start again from your terminal."
        }
        Refusal::Issuer => {
            "This sign-in response does not come from the expected provider, so it was not accepted."
        }
        Refusal::Busy => "Too many requests are waiting. Try again in a moment.",
        Refusal::AlreadyDone => {
            "This sign-in was already completed in another tab. You can close this one."
        }
        Refusal::Stopped => {
            "The program that started this sign-in is no longer waiting for it. Start again from your terminal."
        }
    }
}

/// Returns whether to warn the user about `refusal`, because something may be wrong with the sign-in. The other
/// refusals also happen in normal use.
pub fn is_suspicious(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::OtherUser
            | Refusal::UntrustedCertificate
            | Refusal::Host
            | Refusal::LinkUsed
            | Refusal::RepeatedParameter(_)
            | Refusal::FrontChannelToken
            | Refusal::State
            | Refusal::Issuer
            | Refusal::HeadTooLarge
            | Refusal::BodyTooLarge
            | Refusal::Busy
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_listed() {
        use Refusal::*;
        // This match makes a new refusal a compile error until it is added here.
        let next = |refusal: Refusal| {
            Some(match refusal {
                OtherUser => PeerGone,
                PeerGone => Handshake,
                Handshake => HandshakeTimeout,
                HandshakeTimeout => UntrustedCertificate,
                UntrustedCertificate => HeadTooLarge,
                HeadTooLarge => HeadBroken,
                HeadBroken => HeadTimeout,
                HeadTimeout => PlainHttp,
                PlainHttp => Host,
                Host => Path,
                Path => Method,
                Method => Prefetch,
                Prefetch => NotNavigation,
                NotNavigation => LinkUsed,
                LinkUsed => BodyTooLarge,
                BodyTooLarge => BodyTimeout,
                BodyTimeout => BodyBroken,
                BodyBroken => RepeatedParameter("code"),
                RepeatedParameter(_) => FrontChannelToken,
                FrontChannelToken => State,
                State => Issuer,
                Issuer => Busy,
                Busy => AlreadyDone,
                AlreadyDone => Stopped,
                Stopped => return None,
            })
        };
        let all: Vec<_> =
            std::iter::successors(Some(OtherUser), |refusal| next(*refusal)).collect();
        assert_eq!(all, REFUSALS);
    }
}
