//! Serves a connection over TLS.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::TcpStream;

use super::{Answering, Connection, Service};
use crate::event::Event;
use crate::request::Refusal;
use crate::server::delivery;
use crate::server::tls::{self, Opened, TlsIdentity};
use crate::shutdown::Stopped;

impl Service {
    /// Performs the TLS handshake, and runs HTTP if it succeeds. A run that stops drops a connection in the handshake.
    pub(super) async fn run_tls(
        self: &Arc<Self>,
        identity: &TlsIdentity,
        stream: TcpStream,
        connection: &Arc<Connection>,
        answering: Answering,
        mut stopped: Stopped,
    ) -> bool {
        let opened = tokio::select! {
            opened = tls::open(stream, identity) => opened,
            () = stopped.wait() => Opened::Closed,
        };
        match opened {
            Opened::Secure(stream) => {
                return self.run_http(*stream, connection, answering, stopped).await;
            }
            Opened::Plain(stream) => {
                connection.lacks_tls.store(true, Ordering::Relaxed);
                return self.run_http(stream, connection, answering, stopped).await;
            }
            Opened::Refused(mut stream, refusal) => {
                self.events.emit(Event::Refused(refusal));
                tokio::select! {
                    biased;
                    _ = delivery::close(&mut stream, true) => {},
                    () = stopped.wait() => {},
                }
            }
            Opened::TimedOut => self.events.emit(Event::Refused(Refusal::HandshakeTimeout)),
            Opened::Closed => {}
        }
        false
    }
}
