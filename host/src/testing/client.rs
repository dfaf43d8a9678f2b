//! A client as plain as the wire: it sends bytes, and says what came.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Response, StatusCode, Uri};

/// The longest response, in bytes.
const LIMIT: usize = 16 << 20;

/// Where a loopback URL leads.
pub(super) fn address(url: &Uri) -> io::Result<SocketAddr> {
    let invalid = |problem| io::Error::new(io::ErrorKind::InvalidInput, problem);
    let host = url.host().ok_or_else(|| invalid("the URL names no host"))?;
    let host = host.trim_matches(['[', ']']);
    let mut found = (host, url.port_u16().unwrap_or(80)).to_socket_addrs()?;
    let address = found.next().ok_or_else(|| invalid("the host has no address"))?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(invalid("this is for loopback only")),
    }
}

/// One connection.
pub(super) struct Client {
    stream: TcpStream,
    until: Instant,
}

impl Client {
    pub(super) fn connect(address: SocketAddr, deadline: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, deadline)?;
        stream.set_write_timeout(Some(deadline))?;
        Ok(Self { stream, until: Instant::now() + deadline })
    }

    pub(super) fn send(&mut self, request: &str) -> io::Result<()> {
        self.stream.write_all(request.as_bytes())
    }

    /// Read one response, as long as its head says, or else to the end.
    ///
    /// # Errors
    /// When none came whole in time.
    pub(super) fn response(&mut self) -> io::Result<Response<Vec<u8>>> {
        let mut bytes = Vec::new();
        loop {
            if let Some((head, length)) = head(&bytes)? {
                let body = length.map(|length| bytes.get(head..head + length));
                if let Some(Some(body)) = body {
                    return parsed(&bytes[..head], body.to_vec());
                }
            }
            if !self.read(&mut bytes)? {
                break;
            }
        }
        let early = || io::Error::new(io::ErrorKind::UnexpectedEof, "the response is not whole");
        match head(&bytes)? {
            Some((head, None)) => parsed(&bytes[..head], bytes[head..].to_vec()),
            _ => Err(early()),
        }
    }

    /// False at the end.
    fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() || bytes.len() > LIMIT {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no whole response came in time"));
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut chunk = [0; 8 << 10];
        let count = self.stream.read(&mut chunk)?;
        bytes.extend(&chunk[..count]);
        Ok(count > 0)
    }
}

/// Where the head ends, and how long its `Content-Length` says that the body is.
fn head(bytes: &[u8]) -> io::Result<Option<(usize, Option<usize>)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = parsed(&bytes[..end + 4], Vec::new())?;
    let length = head.headers().get(http::header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    Ok(Some((end + 4, length)))
}

fn parsed(head: &[u8], body: Vec<u8>) -> io::Result<Response<Vec<u8>>> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "this is no HTTP response");
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.get(2..5));
    let status: StatusCode = status.and_then(|status| status.parse().ok()).ok_or_else(invalid)?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if let (Ok(name), Ok(value)) =
            (name.parse::<HeaderName>(), value.trim().parse::<HeaderValue>())
        {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

/// A navigation as a browser sends it, to `target` of `url`.
pub(super) fn navigation(url: &Uri, target: &str) -> String {
    let host = url.authority().map_or("", |authority| authority.as_str());
    format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (torture)\r\n\
         Accept: text/html,application/xhtml+xml\r\nSec-Fetch-Dest: document\r\n\
         Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\nConnection: keep-alive\r\n\r\n"
    )
}
