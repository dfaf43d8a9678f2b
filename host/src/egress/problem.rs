//! Why a request got no response, for people: [`Problem`].

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use humantime::format_duration;
use tokio_rustls::rustls::{self, CertificateError};

use super::address::Range;
use crate::outgoing::{Fault, NetRemedy};

/// A request without a response: the host of its URL, and the reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach `{host}`: {problem}")]
pub(crate) struct Unreachable {
    /// The host as the request names it. A guest chooses it, so it may contain anything that the guest knows.
    pub(crate) host: String,
    /// The reason.
    pub(crate) problem: Problem,
}

/// Why a request got no response. The text never contains a query, a header field or a body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// The URL is not usable.
    #[error("invalid URL: expected `http` or `https`, a valid host, and no user information")]
    Url,
    /// `CONNECT` would ask for a tunnel.
    #[error("the method `CONNECT` is not allowed")]
    Method,
    /// An address of the host is special, and not granted.
    #[error("its address {address} is {range}")]
    Address {
        /// The address.
        address: IpAddr,
        /// Why it is special.
        range: Range,
        /// The change of the settings that would allow it.
        remedy: Option<NetRemedy>,
    },
    /// The host is granted as loopback, but has an address elsewhere.
    #[error("its address {0} is not a loopback address, but only loopback is granted")]
    NotLoopback(IpAddr),
    /// The name does not resolve.
    #[error("its name does not resolve: {}", resolver_reason(.0))]
    Resolve(io::Error),
    /// The resolver did not answer in time.
    #[error("its name did not resolve within {}", format_duration(*.0))]
    ResolveTimeout(Duration),
    /// No connection could be established.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// The connection, including TLS, was not established in time.
    #[error("no connection within {}", format_duration(*.0))]
    ConnectTimeout(Duration),
    /// The system has no trusted root certificates, and no others were given.
    #[error(
        "the system has no trusted root certificates: install them (on Debian, the package `ca-certificates`)"
    )]
    NoRoots,
    /// The certificate is not trusted.
    #[error("{}", certificate_reason(.0))]
    Certificate(CertificateError),
    /// TLS failed for another reason.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// The proxy needs a protocol other than HTTP.
    #[error("the scheme `{0}` of the proxy is not supported: expected `http` or `https`")]
    ProxyScheme(String),
    /// The proxy cannot be reached.
    #[error("cannot reach the proxy `{proxy}`: {problem}")]
    Proxy {
        /// Host and port of the proxy.
        proxy: String,
        /// The reason.
        problem: Box<Problem>,
    },
    /// The proxy did not open a tunnel.
    #[error("the proxy `{proxy}` refused to connect: {}", proxy_reason(*.status))]
    ProxyRefused {
        /// Host and port of the proxy.
        proxy: String,
        /// The status code of its answer to `CONNECT`.
        status: u16,
    },
    /// The server closed the connection before it answered.
    #[error("the server closed the connection without an answer")]
    Terminated,
    /// The server closed the connection within the response.
    #[error("the response is incomplete")]
    Incomplete,
    /// The response is not valid HTTP/1.1.
    #[error("the response is not valid HTTP/1.1: {0}")]
    Protocol(hyper::Error),
    /// The server switches to a protocol that the request did not ask for.
    #[error("the server switches to another protocol")]
    Switched,
    /// The response body is too large.
    #[error("the response body has more than {0} bytes")]
    BodySize(u64),
    /// The response did not arrive in time.
    #[error("no complete response within {}", format_duration(*.0))]
    Timeout(Duration),
}

impl Problem {
    /// The error that the guest sees.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Url | Self::Method => Fault::Denied,
            Self::Address { .. } | Self::NotLoopback(_) => Fault::Prohibited,
            Self::Resolve(_) => Fault::DnsError,
            Self::ResolveTimeout(_) => Fault::DnsTimeout,
            Self::Connect(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Fault::Refused,
                io::ErrorKind::TimedOut => Fault::ConnectTimeout,
                _ => Fault::Unavailable,
            },
            Self::ConnectTimeout(_) => Fault::ConnectTimeout,
            Self::NoRoots | Self::Certificate(_) => Fault::Certificate,
            Self::Tls(_) => Fault::Tls,
            Self::ProxyScheme(_) | Self::Proxy { .. } | Self::ProxyRefused { .. } => {
                Fault::Unavailable
            }
            Self::Terminated => Fault::Terminated,
            Self::Incomplete => Fault::Incomplete,
            Self::Protocol(_) | Self::Switched => Fault::Protocol,
            Self::BodySize(_) => Fault::BodySize,
            Self::Timeout(_) => Fault::Timeout,
        }
    }

    /// The change of the settings that would allow the request, if there is one.
    pub(crate) fn remedy(&self) -> Option<NetRemedy> {
        match self {
            Self::Address { remedy, .. } => *remedy,
            Self::NoRoots | Self::Certificate(CertificateError::UnknownIssuer) => {
                Some(NetRemedy::Root)
            }
            Self::ResolveTimeout(_) | Self::ConnectTimeout(_) | Self::Timeout(_) => {
                Some(NetRemedy::Time)
            }
            Self::Proxy { problem, .. } => problem.remedy(),
            _ => None,
        }
    }

    /// The problem for an error of a TLS stream.
    pub(super) fn of_tls(error: io::Error) -> Self {
        match rustls_error(&error) {
            Some(rustls::Error::InvalidCertificate(error)) => Self::Certificate(error.clone()),
            Some(error) => Self::Tls(error.clone()),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe => Self::Terminated,
                _ => Self::Connect(error),
            },
        }
    }

    /// The problem for an error of hyper. `has_head` says whether the head of the response has arrived.
    pub(super) fn of_http(error: hyper::Error, has_head: bool) -> Self {
        if error.is_parse() {
            return Self::Protocol(error);
        }
        let io = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref());
        let kind = io.map(io::Error::kind);
        match io.and_then(rustls_error) {
            Some(rustls::Error::InvalidCertificate(error)) => Self::Certificate(error.clone()),
            Some(error) => Self::Tls(error.clone()),
            // Chunks of the body without a valid length.
            None if matches!(
                kind,
                Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
            ) =>
            {
                Self::Protocol(error)
            }
            None if has_head => Self::Incomplete,
            None => Self::Terminated,
        }
    }
}

/// The error of rustls within an error of a TLS stream. A stream that ends without `close_notify` does not count
/// as a TLS error.
fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The reason of the system's resolver, without the words that the standard library puts before it.
fn resolver_reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").map(str::to_owned).unwrap_or(text)
}

fn proxy_reason(status: u16) -> String {
    match status {
        407 => "it requires a user name and a password in its URL".to_owned(),
        status => format!("status {status}"),
    }
}

fn certificate_reason(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired, or the clock of this machine is wrong".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet, or the clock of this machine is wrong".into()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".into()
        }
        CertificateError::UnknownIssuer => {
            "its certificate was issued by an authority that this machine does not trust".into()
        }
        CertificateError::Revoked => "its certificate has been revoked".into(),
        other => format!("its certificate is invalid: {other}"),
    }
}
