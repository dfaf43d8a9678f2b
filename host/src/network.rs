//! The network policy for a guest's requests: none of them leaves the host.

use std::sync::Arc;

use crate::event::{Event, Events};
use crate::outgoing::NoNetwork;
use crate::variables::Variables;
use crate::visible::NAME;

/// Creates an upstream that refuses every request of a guest, and reports each one to `events`. The events never
/// contain the secrets in `variables`.
pub fn no_network(variables: Arc<Variables>, events: Events) -> NoNetwork {
    NoNetwork::new(move |to| {
        events.emit(Event::OutgoingRefused { to: variables.shown(&to, NAME) });
    })
}
