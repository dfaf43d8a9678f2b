//! The shapes: what happens before the legitimate callback.

use std::fmt;
use std::io;

use super::{Client, Codes, Target};
use crate::testing::client::navigation;

/// What happens before the legitimate callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Nothing.
    Plain,
    /// A browser connects ahead, and sends nothing.
    SilentPreconnect,
    /// A request is sent in half, and never completed.
    HalfSentRequest,
    /// A browser keeps the connection of an earlier request.
    KeepAlive,
    /// A browser asks for the icon of the site.
    FaviconFirst,
    /// A page sends an error without the `state`.
    ForgedError,
    /// A page sends a code with another `state`.
    ForgedState,
    /// Something looks whether the link is good, with `HEAD`.
    HeadFirst,
    /// A browser asks whether a page may, with `OPTIONS`.
    OptionsFirst,
    /// A request comes to the right path, with nothing in it.
    NoParameters,
    /// A name that leads here by DNS rebinding.
    ForeignHost,
}

impl Shape {
    /// All that there are.
    pub const ALL: &[Self] = &[
        Self::Plain,
        Self::SilentPreconnect,
        Self::HalfSentRequest,
        Self::KeepAlive,
        Self::FaviconFirst,
        Self::ForgedError,
        Self::ForgedState,
        Self::HeadFirst,
        Self::OptionsFirst,
        Self::NoParameters,
        Self::ForeignHost,
    ];

    /// Do it, and return what stays open.
    pub(super) fn happen(self, target: &Target) -> io::Result<Option<Client>> {
        let host = target.redirect_uri.authority().map_or("", |authority| authority.as_str());
        let path = target.redirect_uri.path();
        let Codes { good, evil } = &target.codes;
        let legitimate = target.callback(&format!("code={good}"), target.state.as_deref());
        let strange = target.callback(&format!("code={evil}"), target.state.as_deref());
        let forged = target.callback(&format!("code={evil}"), Some("forged"));
        let sent = match self {
            Self::Plain => return Ok(None),
            Self::SilentPreconnect => return target.connect().map(Some),
            Self::HalfSentRequest => {
                let mut client = target.connect()?;
                client.send(&format!("GET {path}?code={evil} HTTP/1.1\r\nHost: 127"))?;
                return Ok(Some(client));
            }
            Self::KeepAlive => navigation(&target.redirect_uri, "/other"),
            Self::FaviconFirst => format!("GET /favicon.ico HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Self::ForgedError => {
                format!("GET {path}?error=access_denied HTTP/1.1\r\nHost: {host}\r\n\r\n")
            }
            Self::ForgedState => format!("GET {forged} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Self::HeadFirst => {
                format!("HEAD {legitimate} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            }
            Self::OptionsFirst => format!(
                "OPTIONS {legitimate} HTTP/1.1\r\nHost: {host}\r\nOrigin: https://idp.example\r\n\
                 Access-Control-Request-Method: GET\r\n\r\n"
            ),
            Self::NoParameters => navigation(&target.redirect_uri, path),
            Self::ForeignHost => {
                format!("GET {strange} HTTP/1.1\r\nHost: stranger.example\r\n\r\n")
            }
        };
        let mut client = target.connect()?;
        client.send(&sent)?;
        // A `HEAD` is answered without the body that its head announces.
        let _ = client.response();
        Ok((self == Self::KeepAlive).then_some(client))
    }
}

/// In words.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::SilentPreconnect => "silent preconnect",
            Self::HalfSentRequest => "half-sent request",
            Self::KeepAlive => "keep-alive",
            Self::FaviconFirst => "favicon first",
            Self::ForgedError => "forged error",
            Self::ForgedState => "forged state",
            Self::HeadFirst => "HEAD first",
            Self::OptionsFirst => "OPTIONS first",
            Self::NoParameters => "no parameters",
            Self::ForeignHost => "foreign Host",
        })
    }
}
