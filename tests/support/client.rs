//! A client that sends exactly the given bytes.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::DEADLINE;

/// A connection.
pub struct Client(TcpStream);

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
        let stream = TcpStream::connect_timeout(&addr, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Send, and return an error if the server has closed the connection.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref())
    }

    /// Close the sending direction of the connection.
    pub fn half_close(&mut self) -> &mut Self {
        self.0.shutdown(Shutdown::Write).unwrap();
        self
    }

    /// Close the connection with a reset.
    pub fn reset(self) {
        socket2::SockRef::from(&self.0).set_linger(Some(std::time::Duration::ZERO)).unwrap();
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

/// Request this path as a browser tab, and follow a redirect to the last page.
#[track_caller]
pub fn navigate(addr: SocketAddr, path_with_query: &str) -> Response {
    let response = Client::connect(addr).send(navigation(addr, path_with_query)).response();
    match response.last_page() {
        Some(path) => Client::connect(addr).send(navigation(addr, path)).response(),
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
