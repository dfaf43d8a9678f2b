//! Accepts, checks and serves all connections of a run, and drains them at the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout_at};

use super::connection::Service;
use super::listener::{self, Listener};
use super::paste::Pasted;
use super::peer::Peers;
use super::room::Room;
use crate::event::Event;
use crate::shutdown::Stop;

/// How long to wait after `accept` failed and no connection could be dropped.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The connections of a run while it accepts them.
pub(crate) struct Connections {
    listener: Listener,
    peers: Peers,
    service: Arc<Service>,
    stop: Stop,
    room: Room,
    open: JoinSet<bool>,
    /// Whether a connection has delivered the whole last page.
    delivered: bool,
}

impl Connections {
    /// Creates the connections of a run, to be accepted from `listener` and served with `service`.
    pub(crate) fn new(listener: Listener, peers: Peers, service: Arc<Service>) -> Self {
        let (stop, room, open) = (Stop::new(), Room::default(), JoinSet::new());
        Self { listener, peers, service, stop, room, open, delivered: false }
    }

    /// Accepts connections until `end` resolves.
    pub(crate) async fn accept_until<T>(&mut self, end: impl Future<Output = T>) -> T {
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                ended = &mut end => return ended,
                Some(joined) = self.open.join_next() => self.delivered |= joined.unwrap_or(false),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        self.admit(stream, peer);
                        // Let its task read the request before newer connections can evict it.
                        yield_now().await;
                    }
                    // The evicted connection closes its descriptor once its task has run.
                    Err(error) if listener::is_out_of_descriptors(&error) && self.room.make_room() => {
                        yield_now().await;
                    }
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    }

    /// Answers pasted callbacks, beside the connections.
    pub(crate) fn serve_pasted(&mut self, pasted: Pasted) {
        let serving = pasted.serve(Arc::clone(&self.service), self.stop.subscribe());
        self.open.spawn(async {
            serving.await;
            false
        });
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        if let Err(refusal) = self.peers.check(&stream, peer) {
            return self.service.events.emit(Event::Refused(refusal));
        }
        let (slot, stopped) = (self.room.enter(), self.stop.subscribe());
        self.open.spawn(Arc::clone(&self.service).serve(stream, slot, stopped));
    }

    /// Stops accepting connections, and drops those without a request in flight.
    pub(crate) fn close(self) -> Draining {
        self.stop.notify();
        Draining { open: self.open, delivered: self.delivered }
    }
}

/// The connections that have a request in flight when the run ends.
pub(crate) struct Draining {
    open: JoinSet<bool>,
    delivered: bool,
}

impl Draining {
    /// Waits for these connections until `deadline`. Returns whether the whole last page reached the browser.
    pub(crate) async fn finish(self, deadline: Instant) -> bool {
        let Self { mut open, mut delivered } = self;
        let drained = async {
            while let Some(joined) = open.join_next().await {
                delivered |= joined.unwrap_or(false);
            }
        };
        let _ = timeout_at(deadline, drained).await;
        delivered
    }
}
