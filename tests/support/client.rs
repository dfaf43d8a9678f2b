//! A client that sends exactly the given bytes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::DEADLINE;

/// A connection, over TLS or without it.
pub struct Client(Box<dyn Stream>);

/// A byte stream over TCP.
trait Stream: Read + Write {
    fn socket(&self) -> &TcpStream;
    /// Send what says that nothing follows.
    fn end(&mut self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reading fails if the server closes the connection without `close_notify`.
impl Stream for StreamOwned<ClientConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }

    fn end(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}

/// A response.
#[derive(Debug)]
pub struct Response {
    pub head: String,
    pub body: Vec<u8>,
}

impl Client {
    #[track_caller]
    pub fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).unwrap_or_else(|error| panic!("cannot connect to {addr}: {error}"))
    }

    pub fn try_connect(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self(Box::new(connect(addr)?)))
    }

    /// Connect, and complete a TLS handshake.
    #[track_caller]
    pub fn secure(addr: SocketAddr, config: Arc<ClientConfig>) -> Self {
        Self::try_secure(addr, config)
            .unwrap_or_else(|error| panic!("no TLS connection to {addr}: {error}"))
    }

    pub fn try_secure(addr: SocketAddr, config: Arc<ClientConfig>) -> io::Result<Self> {
        let mut stream = connect(addr)?;
        let mut session =
            ClientConnection::new(config, addr.ip().into()).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(Self(Box::new(StreamOwned::new(session, stream))))
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(bytes).unwrap();
        self
    }

    /// Send, and return an error if the server has closed the connection.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref())?;
        self.0.flush()
    }

    /// Close the sending direction of the connection.
    pub fn half_close(&mut self) -> &mut Self {
        self.0.end().unwrap();
        self.0.socket().shutdown(Shutdown::Write).unwrap();
        self
    }

    /// Close the connection with a reset.
    pub fn reset(self) {
        socket2::SockRef::from(self.0.socket())
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
    }

    /// Read until the server closes the connection.
    #[track_caller]
    pub fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Read until the server closes or resets the connection.
    pub fn read_to_end_or_reset(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.0.read_to_end(&mut bytes);
        bytes
    }

    /// Read until the server closes the connection. Returns the response, which must be complete.
    #[track_caller]
    pub fn response(&mut self) -> Response {
        let bytes = self.read_to_end();
        Response::parse(&bytes).unwrap_or_else(|| {
            panic!("incomplete response: {:?}", String::from_utf8_lossy(&bytes));
        })
    }

    /// Read at most `count` bytes with one call. Returns no bytes once the server has closed the connection.
    pub fn read_some(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        let count = self.0.read(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }
}

impl Response {
    /// Parse a response, if its body has the length that its head announces.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
        let response = Self { head, body: bytes[end + 4..].to_vec() };
        let announced = response.header("content-length").and_then(|length| length.parse().ok());
        (announced.unwrap_or(0) == response.body.len()).then_some(response)
    }

    #[track_caller]
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap()
    }

    /// The value of the only field with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.headers(name);
        assert!(all.len() < 2, "{name} occurs {} times", all.len());
        all.first().copied()
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The path of the last page, if this response redirects the tab to it.
    pub fn last_page(&self) -> Option<&str> {
        let path = self.header("location").filter(|_| self.status() == 303)?;
        path.rsplit('/').next().filter(|name| name.len() == 43).map(|_| path)
    }

    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Request this path as a browser tab, and follow a redirect to the last page.
#[track_caller]
pub fn navigate(addr: SocketAddr, path_with_query: &str) -> Response {
    navigate_with(|| Client::connect(addr), addr, path_with_query)
}

/// The same, over connections that `connect` opens.
#[track_caller]
pub fn navigate_with(
    connect: impl Fn() -> Client,
    addr: SocketAddr,
    path_with_query: &str,
) -> Response {
    let response = connect().send(navigation(addr, path_with_query)).response();
    match response.last_page() {
        Some(path) => connect().send(navigation(addr, path)).response(),
        None => response,
    }
}

/// The head of a request of a program that is not a browser. The host answers it with the last page at once.
pub fn request(addr: SocketAddr, path_with_query: &str) -> String {
    format!("GET {path_with_query} HTTP/1.1\r\nHost: {addr}\r\n\r\n")
}

/// The head of a request of a browser tab.
pub fn navigation(addr: SocketAddr, path_with_query: &str) -> String {
    format!(
        "GET {path_with_query} HTTP/1.1\r\nHost: {addr}\r\nAccept: text/html\r\n\
         Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n"
    )
}
