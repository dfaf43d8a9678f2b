//! All connections of a run: let in, looked at, served, and drained.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout_at};

use super::connection::Service;
use super::listener::{self, Listener};
use super::peer::Peers;
use super::room::Room;
use crate::event::Event;
use crate::shutdown::Stop;

/// How long to wait after `accept` failed and nobody could make room.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The connections of a run, while they are let in.
pub(crate) struct Connections {
    listener: Listener,
    peers: Peers,
    service: Arc<Service>,
    stop: Stop,
    room: Room,
    open: JoinSet<bool>,
    /// Whether one of them carried the last page to its end.
    delivered: bool,
}

impl Connections {
    /// Those to `listener`, served by `service`.
    pub(crate) fn to(listener: Listener, peers: Peers, service: Arc<Service>) -> Self {
        let (stop, room, open) = (Stop::new(), Room::default(), JoinSet::new());
        Self { listener, peers, service, stop, room, open, delivered: false }
    }

    /// Let connections in until `end` resolves.
    pub(crate) async fn until<T>(&mut self, end: impl Future<Output = T>) -> T {
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                ended = &mut end => return ended,
                Some(joined) = self.open.join_next() => self.delivered |= joined.unwrap_or(false),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        self.let_in(stream, peer);
                        // Who came is heard before more come in, and could send them away.
                        yield_now().await;
                    }
                    // Who makes room gives its descriptor back once it has run.
                    Err(error) if listener::is_out_of_descriptors(&error) && self.room.make_room() => {
                        yield_now().await;
                    }
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    }

    fn let_in(&mut self, stream: TcpStream, peer: SocketAddr) {
        if let Err(refusal) = self.peers.check(&stream, peer) {
            return self.service.events.emit(Event::Refused(refusal));
        }
        let (slot, stopped) = (self.room.enter(), self.stop.subscribe());
        self.open.spawn(Arc::clone(&self.service).serve(stream, slot, stopped));
    }

    /// Let nobody in any more, and drop those that are not in the middle of a request.
    pub(crate) fn close(self) -> Draining {
        self.stop.throw();
        Draining { open: self.open, delivered: self.delivered }
    }
}

/// Connections that are in the middle of a request when the run ends.
pub(crate) struct Draining {
    open: JoinSet<bool>,
    delivered: bool,
}

impl Draining {
    /// Wait for them until `deadline`. Returns whether the last page reached its browser whole.
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
