//! The network policy for a guest's requests: none of them leaves the host.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;

use crate::event::{Event, Events};
use crate::outgoing::{Fault, Sending, Upstream};
use crate::variables::Variables;
use crate::visible::NAME;

/// An [`Upstream`] that refuses every request of a guest, and reports each one as an event.
pub struct NoNetwork {
    variables: Arc<Variables>,
    events: Events,
}

impl NoNetwork {
    /// Creates a policy that reports to `events`. The events never contain the secrets in `variables`.
    pub fn new(variables: Arc<Variables>, events: Events) -> Self {
        Self { variables, events }
    }
}

impl Upstream for NoNetwork {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        let to = match (request.uri().scheme_str(), request.uri().host()) {
            (Some(scheme), Some(host)) => format!("{scheme}://{host}"),
            _ => String::new(),
        };
        self.events.emit(Event::OutgoingRefused { to: self.variables.shown(&to, NAME) });
        Box::pin(ready(Err(Fault::Denied)))
    }
}
