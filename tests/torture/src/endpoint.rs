//! The server that a loopback URL leads to, and connections to it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Uri;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::client::{Client, invalid};
use crate::trust::{Trust, Untrusted};

/// The server that a loopback URL leads to.
pub(crate) struct Endpoint {
    addresses: Vec<SocketAddr>,
    /// Set if the URL is `https`.
    tls: Option<Tls>,
}

struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// The addresses of a loopback URL. `localhost` often has two.
pub(crate) fn addresses(url: &Uri) -> io::Result<Vec<SocketAddr>> {
    let default_port = match url.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return Err(invalid("unsupported URL scheme: expected `http` or `https`")),
    };
    let port = url.port_u16().unwrap_or(default_port);
    let found: Vec<_> = (host(url)?, port).to_socket_addrs()?.collect();
    if found.is_empty() {
        return Err(invalid("the host has no address"));
    }
    if !found.iter().all(|address| address.ip().is_loopback()) {
        return Err(invalid("only loopback addresses are allowed"));
    }
    Ok(found)
}

fn host(url: &Uri) -> io::Result<&str> {
    let host = url.host().ok_or_else(|| invalid("the URL names no host"))?;
    Ok(host.trim_matches(['[', ']']))
}

impl Endpoint {
    pub(crate) fn of(url: &Uri, trust: &Trust) -> io::Result<Self> {
        let addresses = addresses(url)?;
        let mut tls = None;
        if url.scheme_str() == Some("https") {
            let name = ServerName::try_from(host(url)?.to_owned());
            let name = name.map_err(|_| invalid("the host is not valid in a certificate"))?;
            tls = Some(Tls { config: trust.config()?, name });
        }
        Ok(Self { addresses, tls })
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Connect as a browser does. Over TLS, this includes the handshake.
    pub(crate) fn connect(&self, deadline: Duration) -> io::Result<Client> {
        let socket = self.socket(deadline)?;
        Ok(match &self.tls {
            Some(tls) => Client::over(tls.handshake(socket)?),
            None => Client::over(socket),
        })
    }

    /// Connect, but do not start a TLS handshake.
    pub(crate) fn dial(&self, deadline: Duration) -> io::Result<Client> {
        self.socket(deadline).map(Client::over)
    }

    /// The first message of a TLS handshake, if the URL is `https`.
    pub(crate) fn hello(&self) -> io::Result<Option<Vec<u8>>> {
        let Some(tls) = &self.tls else { return Ok(None) };
        let mut hello = Vec::new();
        tls.client()?.write_tls(&mut hello)?;
        Ok(Some(hello))
    }

    /// Connect to the first address that accepts, as a browser does.
    fn socket(&self, deadline: Duration) -> io::Result<Socket> {
        let until = Instant::now() + deadline;
        let mut failure = invalid("the host has no address");
        for address in &self.addresses {
            match TcpStream::connect_timeout(address, deadline) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Socket { stream, until });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}

impl Tls {
    fn client(&self) -> io::Result<ClientConnection> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(io::Error::other)
    }

    fn handshake(&self, mut socket: Socket) -> io::Result<StreamOwned<ClientConnection, Socket>> {
        let mut client = self.client()?;
        client.complete_io(&mut socket).map_err(|error| {
            let kind = error.kind();
            if let Some(untrusted) = Untrusted::of(&error) {
                return io::Error::new(kind, untrusted);
            }
            io::Error::new(
                kind,
                match kind {
                    ErrorKind::TimedOut => {
                        "the TLS handshake did not complete within the deadline".to_owned()
                    }
                    ErrorKind::UnexpectedEof => {
                        "the connection closed during the TLS handshake".to_owned()
                    }
                    _ => format!("the TLS handshake failed: {error}"),
                },
            )
        })?;
        Ok(StreamOwned::new(client, socket))
    }
}

/// What a client sends its bytes over.
pub(crate) trait Transport: Read + Write {
    /// End what the client sends, as if it closed the connection.
    fn close(&mut self) -> io::Result<()>;
}

/// A connection whose reads and writes fail after a deadline.
pub(crate) struct Socket {
    stream: TcpStream,
    until: Instant,
}

impl Socket {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// Replace the kind of a timeout, which is `WouldBlock` on Unix.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock { ErrorKind::TimedOut.into() } else { error }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer).map_err(timed_out)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Socket {
    fn close(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }
}

impl Transport for StreamOwned<ClientConnection, Socket> {
    fn close(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_http_and_https_urls_are_resolved() {
        let all = |url: &str| addresses(&url.parse().unwrap());
        assert_eq!(all("http://127.0.0.1:1/x").unwrap(), ["127.0.0.1:1".parse().unwrap()]);
        assert_eq!(all("http://[::1]/x").unwrap(), ["[::1]:80".parse().unwrap()]);
        assert_eq!(all("https://127.0.0.1/x").unwrap(), ["127.0.0.1:443".parse().unwrap()]);
        assert!(all("https://192.0.2.1:1/").unwrap_err().to_string().contains("loopback"));
        assert!(all("ftp://127.0.0.1:1/").unwrap_err().to_string().contains("`https`"));
    }

    #[test]
    fn the_host_of_an_https_url_is_an_address_or_a_name() {
        for url in ["https://127.0.0.1:1/", "https://[::1]:1/", "https://localhost:1/"] {
            assert!(Endpoint::of(&url.parse().unwrap(), &Trust::default()).unwrap().is_tls());
        }
        let plain = "http://127.0.0.1:1/".parse().unwrap();
        assert!(!Endpoint::of(&plain, &Trust::default()).unwrap().is_tls());
    }
}
