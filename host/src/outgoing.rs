//! [`Upstream`], the interface for a guest's requests to other hosts.

use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};

/// A request in flight. Resolves to the response, or to the fault.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Fault>> + Send + 'a>>;

/// A service that answers the requests of a guest.
pub trait Upstream: Send + Sync {
    /// Sends `request` and returns its response.
    ///
    /// The thread of the guest's call polls the future, so the future must not block. The host drops the future when
    /// the guest's own timeout or a time limit ends the wait.
    fn send(&self, request: Request<Bytes>) -> Sending<'_>;
}

/// An [`Upstream`] that refuses every request.
pub struct NoNetwork;

impl Upstream for NoNetwork {
    fn send(&self, _: Request<Bytes>) -> Sending<'_> {
        Box::pin(std::future::ready(Err(Fault::Denied)))
    }
}

/// What would let a request reach its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetRemedy {
    /// Let granted names resolve to private addresses.
    Private,
    /// Grant this loopback host and port.
    Loopback,
    /// Trust another root certificate.
    Root,
    /// Allow a call more wall time.
    Time,
}

macro_rules! faults {
    ($($(#[doc = $about:literal])+ $name:ident = $word:literal;)*) => {
        /// The reason why a request got no response: a subset of the error codes of `wasi:http`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[doc = $about])+ $name,)*
        }

        impl Fault {
            /// All faults.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the name of the error code in `wasi:http`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

faults! {
    /// The host does not allow the request.
    Denied = "HTTP-request-denied";
    /// No name server answered in time.
    DnsTimeout = "DNS-timeout";
    /// The name does not resolve.
    DnsError = "DNS-error";
    /// The destination does not exist.
    NotFound = "destination-not-found";
    /// The host does not allow an address of the destination.
    Prohibited = "destination-IP-prohibited";
    /// The destination is not available.
    Unavailable = "destination-unavailable";
    /// The destination refused the connection.
    Refused = "connection-refused";
    /// The connection was closed early.
    Terminated = "connection-terminated";
    /// The connection was not established in time.
    ConnectTimeout = "connection-timeout";
    /// The TLS handshake failed.
    Tls = "TLS-protocol-error";
    /// The certificate is not trusted.
    Certificate = "TLS-certificate-error";
    /// The response is incomplete.
    Incomplete = "HTTP-response-incomplete";
    /// The response body is too large.
    BodySize = "HTTP-response-body-size";
    /// The response did not arrive in time.
    Timeout = "HTTP-response-timeout";
    /// The response is not valid HTTP.
    Protocol = "HTTP-protocol-error";
}
