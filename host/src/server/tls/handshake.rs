//! The TLS handshake of one connection, and why it fails.

use std::io;
use std::time::Duration;

use rustls::AlertDescription;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, rustls};

use super::TlsIdentity;
use crate::request::Refusal;

/// How long a client may take for the handshake, from the moment it connects. As long as for the head of a request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The first byte of a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// The alerts of a client that does not accept the certificate (RFC 8446, section 6.2).
const DISTRUST: [AlertDescription; 6] = [
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
];

/// A connection after its first bytes.
pub(crate) enum Opened {
    /// The handshake is complete.
    Secure(Box<TlsStream<TcpStream>>),
    /// The client sends HTTP without TLS.
    Plain(TcpStream),
    /// The handshake failed. An alert for the client may be on its way.
    Refused(TcpStream, Refusal),
    /// The client was too slow.
    TimedOut,
    /// The client closed the connection.
    Closed,
}

/// Performs the handshake of the host, unless the client sends plain HTTP.
pub(crate) async fn open(stream: TcpStream, identity: &TlsIdentity) -> Opened {
    let acceptor = TlsAcceptor::from(identity.config());
    timeout(HANDSHAKE_TIMEOUT, shake_hands(stream, &acceptor)).await.unwrap_or(Opened::TimedOut)
}

async fn shake_hands(stream: TcpStream, acceptor: &TlsAcceptor) -> Opened {
    // The method of a request begins with a capital letter.
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) if first[0].is_ascii_uppercase() => return Opened::Plain(stream),
        Ok(1) => {}
        _ => return Opened::Closed,
    }
    match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => {
            acknowledge(stream.get_ref().0);
            Opened::Secure(Box::new(stream))
        }
        Err((error, stream)) => match refusal(&error, first[0] == HANDSHAKE) {
            Some(refusal) => Opened::Refused(stream, refusal),
            None => Opened::Closed,
        },
    }
}

/// Acknowledges the end of the handshake at once: `TCP_QUICKACK`, tcp(7).
///
/// With Nagle's algorithm, a client sends its request only after that. The host sends nothing after the handshake, so the
/// kernel would wait 40 ms.
fn acknowledge(stream: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

/// Returns the refusal for an error of the handshake, or `None` if the client closed the connection. A client that did not
/// begin a handshake has seen no certificate.
fn refusal(error: &io::Error, began: bool) -> Option<Refusal> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::AlertReceived(alert) if began && DISTRUST.contains(alert) => {
            Some(Refusal::UntrustedCertificate)
        }
        _ => Some(Refusal::Handshake),
    }
}
