//! A client as plain as the wire: it sends bytes, and says what came.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, LOCATION, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri};
use url::{Position, Url};

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

/// How often a tab is sent on.
const REDIRECTS: usize = 10;

/// What a tab gets at `target` of the server of `url`: where it is sent on to the same server, it goes there.
pub(super) fn navigate(
    url: &Uri,
    target: &str,
    deadline: Duration,
) -> io::Result<Response<Vec<u8>>> {
    let (address, mut target) = (address(url)?, target.to_owned());
    for _ in 0..REDIRECTS {
        let mut client = Client::connect(address, deadline)?;
        client.send(&navigation(url, &target))?;
        let response = client.response()?;
        match next(&response, url) {
            Some(next) => target = next,
            None => return Ok(response),
        }
    }
    Err(io::Error::other("it redirects without end"))
}

/// Where a redirect leads, on the same server.
fn next(response: &Response<Vec<u8>>, from: &Uri) -> Option<String> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let base = Url::parse(&from.to_string()).ok()?;
    let target = base.join(location).ok()?;
    let is_here = response.status().is_redirection() && target.origin() == base.origin();
    is_here.then(|| target[Position::BeforePath..Position::AfterQuery].to_owned())
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
            let is_whole = !self.read(&mut bytes)?;
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
                match is_whole {
                    true => return Err(early()),
                    false => continue,
                }
            };
            let (head, rest) = bytes.split_at(end + 4);
            let head = parsed(head)?;
            match body(&head, rest) {
                Framed::Whole(body) => return Ok(head.map(|()| body)),
                Framed::ToTheEnd if is_whole => return Ok(head.map(|()| rest.to_vec())),
                Framed::More if is_whole => return Err(early()),
                Framed::ToTheEnd | Framed::More => {}
            }
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

fn early() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the response is not whole")
}

/// How far a body has come (RFC 9112, section 6.3).
enum Framed {
    Whole(Vec<u8>),
    More,
    ToTheEnd,
}

fn body(head: &Response<()>, rest: &[u8]) -> Framed {
    let field = |name| head.headers().get(name).and_then(|value| value.to_str().ok());
    if matches!(head.status().as_u16(), 100..=199 | 204 | 304) {
        return Framed::Whole(Vec::new());
    }
    if field(TRANSFER_ENCODING).is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return unchunked(rest).map_or(Framed::More, Framed::Whole);
    }
    match field(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => {
            rest.get(..length).map_or(Framed::More, |body| Framed::Whole(body.to_vec()))
        }
        None => Framed::ToTheEnd,
    }
}

/// The content of chunks (RFC 9112, section 7.1), once the last one is there.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        let chunk = rest.get(end + 2..)?;
        if size == 0 {
            return Some(content);
        }
        content.extend(chunk.get(..size)?);
        rest = chunk.get(size.checked_add(2)?..)?;
    }
}

fn parsed(head: &[u8]) -> io::Result<Response<()>> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "this is no HTTP response");
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.get(2..5));
    let status: StatusCode = status.and_then(|status| status.parse().ok()).ok_or_else(invalid)?;
    let mut response = Response::new(());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_put_together_once_the_last_one_is_there() {
        let whole = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(unchunked(whole).as_deref(), Some(&b"abc0123456789"[..]));
        for length in 0..whole.len() - 4 {
            assert_eq!(unchunked(&whole[..length]), None, "{length}");
        }
        for broken in [&b"x\r\n"[..], b"ffffffffffffffff\r\nabc\r\n"] {
            assert_eq!(unchunked(broken), None);
        }
    }
}
