//! The seam between a guest's requests to other hosts and whatever answers them.

use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};

/// A request on its way: resolves to the response, or to why there is none.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Fault>> + Send + 'a>>;

/// Sends the requests of a guest.
pub trait Upstream: Send + Sync {
    /// Send `request` and wait for its response.
    ///
    /// Called and polled on the thread of the guest's call, so it must not block. Dropped as soon as
    /// the guest's own timeout or a limit on time ends the wait.
    fn send(&self, request: Request<Bytes>) -> Sending<'_>;
}

/// Refuses every request.
#[derive(Debug, Clone, Copy, Default)]
pub struct DenyAll;

impl Upstream for DenyAll {
    fn send(&self, _: Request<Bytes>) -> Sending<'_> {
        Box::pin(std::future::ready(Err(Fault::Denied)))
    }
}

macro_rules! faults {
    ($($(#[doc = $about:literal])+ $name:ident = $word:literal;)*) => {
        /// Why a request got no response: some of the error codes of `wasi:http`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[doc = $about])+ $name,)*
        }

        impl Fault {
            /// All that there are.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name of the error code in `wasi:http`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

faults! {
    /// The host does not allow it.
    Denied = "HTTP-request-denied";
    /// No name server answered.
    DnsTimeout = "DNS-timeout";
    /// The name does not resolve.
    DnsError = "DNS-error";
    /// There is no such host.
    NotFound = "destination-not-found";
    /// The host is not there now.
    Unavailable = "destination-unavailable";
    /// Nobody listens.
    Refused = "connection-refused";
    /// The connection ended early.
    Terminated = "connection-terminated";
    /// No connection came about in time.
    ConnectTimeout = "connection-timeout";
    /// The TLS handshake failed.
    Tls = "TLS-protocol-error";
    /// The certificate is not one to trust.
    Certificate = "TLS-certificate-error";
    /// The response ended early.
    Incomplete = "HTTP-response-incomplete";
    /// No response came in time.
    Timeout = "HTTP-response-timeout";
    /// What came is no HTTP.
    Protocol = "HTTP-protocol-error";
}
