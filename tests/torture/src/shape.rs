//! The shapes: what happens before the legitimate callback.

use std::fmt;
use std::io;

use crate::client::{Client, navigation};
use crate::target::Target;

/// What happens before the legitimate callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Nothing.
    Plain,
    /// A browser connects ahead of time and sends nothing. Over TLS, a second client sends nothing either, not even
    /// the start of the handshake.
    SilentPreconnect,
    /// A request stops in the middle of its head. Over TLS, a second client stops in the middle of its first
    /// handshake message.
    HalfSentRequest,
    /// A browser keeps the connection of an earlier request open.
    KeepAlive,
    /// A browser requests the site's icon.
    FaviconFirst,
    /// A web page sends an error without the `state`.
    ForgedError,
    /// A web page sends a code with a wrong `state`.
    ForgedState,
    /// A link scanner checks the callback URL with `HEAD`.
    HeadFirst,
    /// A browser sends a preflight request with `OPTIONS`.
    OptionsFirst,
    /// A request for the callback path has no parameters.
    NoParameters,
    /// A callback names a foreign host, as in DNS rebinding.
    ForeignHost,
}

impl Shape {
    /// Every shape.
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

    /// A stable name for machines, such as `silent-preconnect`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::SilentPreconnect => "silent-preconnect",
            Self::HalfSentRequest => "half-sent-request",
            Self::KeepAlive => "keep-alive",
            Self::FaviconFirst => "favicon-first",
            Self::ForgedError => "forged-error",
            Self::ForgedState => "forged-state",
            Self::HeadFirst => "head-first",
            Self::OptionsFirst => "options-first",
            Self::NoParameters => "no-parameters",
            Self::ForeignHost => "foreign-host",
        }
    }

    /// Send what the shape describes. Returns the connections that stay open.
    pub(crate) fn happen(self, target: &Target) -> io::Result<Vec<Client>> {
        let host = target.host();
        let path = target.redirect_uri.path();
        let evil = &target.codes.evil;
        let sent = match self {
            Self::Plain => return Ok(Vec::new()),
            Self::SilentPreconnect => {
                let mut open = vec![target.connect()?];
                // Over TLS, the first client is silent after the handshake, and this one before it.
                if target.is_tls() {
                    open.push(target.dial()?);
                }
                return Ok(open);
            }
            Self::HalfSentRequest => {
                let mut client = target.connect()?;
                client.send(format!("GET {path}?code={evil} HTTP/1.1\r\nHost: 127"))?;
                let mut open = vec![client];
                if let Some(hello) = target.hello()? {
                    let mut client = target.dial()?;
                    client.send(&hello[..hello.len() / 2])?;
                    open.push(client);
                }
                return Ok(open);
            }
            Self::KeepAlive => navigation(&target.redirect_uri, "/other"),
            Self::FaviconFirst => format!("GET /favicon.ico HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Self::ForgedError => {
                let forged = target.callback(&[("error", "access_denied")], None);
                format!("GET {forged} HTTP/1.1\r\nHost: {host}\r\n\r\n")
            }
            Self::ForgedState => {
                let forged = target.callback(&[("code", evil)], Some("forged"));
                format!("GET {forged} HTTP/1.1\r\nHost: {host}\r\n\r\n")
            }
            Self::HeadFirst => format!(
                "HEAD {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
                target.legitimate()
            ),
            Self::OptionsFirst => format!(
                "OPTIONS {} HTTP/1.1\r\nHost: {host}\r\nOrigin: https://idp.example\r\n\
                 Access-Control-Request-Method: GET\r\n\r\n",
                target.legitimate()
            ),
            Self::NoParameters => navigation(&target.redirect_uri, path),
            Self::ForeignHost => {
                format!("GET {} HTTP/1.1\r\nHost: stranger.example\r\n\r\n", target.stolen_state())
            }
        };
        let mut client = target.connect()?;
        client.send(sent)?;
        // Whatever the answer is, only the legitimate callback counts.
        let _ = if self == Self::HeadFirst { client.head() } else { client.response() };
        Ok(if self == Self::KeepAlive { vec![client] } else { Vec::new() })
    }
}

/// The name for people, such as `favicon first`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
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
