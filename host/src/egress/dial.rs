//! A TCP connection to one of several addresses.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::select;
use tokio::time::sleep;

/// How long the addresses of one family are tried alone. RFC 8305, section 5, recommends this delay.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first of `addresses` that accepts.
///
/// The addresses of the second family (IPv4 or IPv6) are tried beside those of the first after a moment, because in
/// many networks one of the families leads nowhere.
///
/// # Errors
/// Fails if none accepts: the reason of the last one.
pub(super) async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let stream = race(addresses).await?;
    // A head and a body are two writes. Nagle's algorithm would delay the second one.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn race(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv4() == is_v4);
    if second.is_empty() {
        return TcpStream::connect(&first[..]).await;
    }
    let (mut first, mut second) =
        (pin!(TcpStream::connect(&first[..])), pin!(TcpStream::connect(&second[..])));
    select! {
        connected = &mut first => match connected {
            Ok(stream) => return Ok(stream),
            Err(_) => return second.await,
        },
        () = sleep(HEAD_START) => {}
    }
    select! {
        connected = &mut first => match connected {
            Ok(stream) => Ok(stream),
            Err(_) => second.await,
        },
        connected = &mut second => match connected {
            Ok(stream) => Ok(stream),
            Err(_) => first.await,
        },
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A socket that is bound and does not listen: its address refuses connections, and nobody else can take it.
    fn closed(socket: TcpSocket, ip: &str) -> TcpSocket {
        socket.bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
        socket
    }

    #[tokio::test]
    async fn any_of_the_addresses_may_accept() {
        let v4 = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let v6 = TcpListener::bind("[::1]:0").await.unwrap();
        let (v4, v6) = (v4.local_addr().unwrap(), v6.local_addr().unwrap());
        let refusing_v4 = closed(TcpSocket::new_v4().unwrap(), "127.0.0.1");
        let refusing_v6 = closed(TcpSocket::new_v6().unwrap(), "::1");
        let closed_v4 = refusing_v4.local_addr().unwrap();
        let closed_v6 = refusing_v6.local_addr().unwrap();
        for (addresses, expected) in [
            (&[v4, v6][..], v4),
            (&[v6, v4], v6),
            (&[closed_v4, v4, v6], v4),
            (&[closed_v4, v6], v6),
            (&[closed_v6, v4], v4),
        ] {
            assert_eq!(dial(addresses).await.unwrap().peer_addr().unwrap(), expected);
        }
        for addresses in [&[closed_v4][..], &[closed_v6, closed_v4]] {
            let error = dial(addresses).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
    }
}
