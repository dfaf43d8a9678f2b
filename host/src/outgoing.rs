//! The requests that a guest makes, and who answers them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

/// Answers a request of a guest's. Called on the thread of the guest's call; must not block.
pub type Upstream = Arc<dyn Fn(Request<Bytes>) -> Answer + Send + Sync>;

/// What a request of a guest's comes to.
#[derive(Debug, Clone)]
pub struct Answer {
    /// How long it takes, in the guest's time.
    pub delay: Duration,
    /// The response, or why there is none.
    pub result: Result<Response<Bytes>, Fault>,
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Self {
        Self { delay: Duration::ZERO, result: Err(fault) }
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
