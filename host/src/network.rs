//! The network policy for `wasi:http`: a guest reaches only the origins that it may read, and never an endpoint.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use url::Url;

use crate::grants::NetGrants;
use crate::outgoing::{NoNetwork, Sending, Upstream};
use crate::sandbox::ProviderInputs;

/// An [`Upstream`] that passes requests on to granted origins, and refuses all others.
pub struct ReadableOrigins {
    grants: Arc<NetGrants>,
    network: Arc<dyn Upstream>,
}

impl ReadableOrigins {
    /// Creates the policy for the network of a provider.
    pub fn new(provider: &ProviderInputs) -> Self {
        Self { grants: Arc::clone(&provider.grants), network: Arc::clone(&provider.network) }
    }
}

/// Returns whether a method only reads. With `POST`, a guest could redeem the code at another path of a granted origin,
/// and read the token.
fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

impl Upstream for ReadableOrigins {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        match request.uri().to_string().parse::<Url>() {
            Ok(url) if is_read(request.method()) && self.grants.may_read(&url) => {
                self.network.send(request)
            }
            _ => NoNetwork.send(request),
        }
    }
}
