//! A client that sends given bytes and reads one response.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, LOCATION, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri};
use url::{Position, Url};

use crate::endpoint::{Endpoint, Transport};
use crate::trust::Trust;

/// The longest response, in bytes.
const LIMIT: usize = 16 << 20;

/// How many redirects a tab follows.
pub(crate) const REDIRECTS: usize = 10;

pub(crate) fn invalid(problem: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, problem.into())
}

/// Request `target` from the server of `url` as a tab does, and follow redirects within that server. Returns the page
/// and its connection, on which the client has ended what it sends.
pub(crate) fn navigate(
    url: &Uri,
    target: &str,
    trust: &Trust,
    deadline: Duration,
) -> io::Result<(Response<Vec<u8>>, Client)> {
    let mut target = target.to_owned();
    for _ in 0..REDIRECTS {
        let (response, client) = get(url, &target, trust, deadline)?;
        match next(&response, url) {
            Some(next) => target = next,
            None => return Ok((response, client)),
        }
    }
    Err(io::Error::other(format!("more than {REDIRECTS} redirects")))
}

/// Request `target` from the server of `url` as a tab does. Returns the response and its connection, as [`navigate`].
pub(crate) fn get(
    url: &Uri,
    target: &str,
    trust: &Trust,
    deadline: Duration,
) -> io::Result<(Response<Vec<u8>>, Client)> {
    let mut client = Endpoint::of(url, trust)?.connect(deadline)?;
    client.send(navigation(url, target))?;
    let response = client.response()?;
    // The server may have closed the connection already.
    let _ = client.stream.close();
    Ok((response, client))
}

/// The absolute URL of a redirect.
pub(crate) fn location(response: &Response<Vec<u8>>, from: &Uri) -> Option<Url> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let target = Url::parse(&from.to_string()).ok()?.join(location).ok()?;
    response.status().is_redirection().then_some(target)
}

/// The target of a redirect within the same server.
fn next(response: &Response<Vec<u8>>, from: &Uri) -> Option<String> {
    let target = location(response, from)?;
    let is_here = target.origin() == Url::parse(&from.to_string()).ok()?.origin();
    is_here.then(|| target[Position::BeforePath..Position::AfterQuery].to_owned())
}

/// One connection.
pub(crate) struct Client {
    stream: Box<dyn Transport>,
}

impl Client {
    pub(crate) fn over(stream: impl Transport + 'static) -> Self {
        Self { stream: Box::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// The response to a request other than `HEAD`.
    pub(crate) fn response(&mut self) -> io::Result<Response<Vec<u8>>> {
        self.receive(false)
    }

    /// The response to a `HEAD` request, which has no body.
    pub(crate) fn head(&mut self) -> io::Result<Response<Vec<u8>>> {
        self.receive(true)
    }

    /// The next final response, complete by its own framing.
    fn receive(&mut self, is_head: bool) -> io::Result<Response<Vec<u8>>> {
        let mut bytes = Vec::new();
        let mut is_over = false;
        loop {
            match parse(&bytes, is_head)? {
                Framed::Whole(response) => return Ok(response),
                Framed::Interim(length) => {
                    bytes.drain(..length);
                    continue;
                }
                Framed::ToTheEnd(response) if is_over => return Ok(response),
                Framed::ToTheEnd(_) | Framed::More if !is_over => {}
                Framed::ToTheEnd(_) | Framed::More => return Err(early(&bytes)),
            }
            is_over = !self.read(&mut bytes)?;
        }
    }

    /// Read some bytes. Returns false at the end of the stream.
    fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        if bytes.len() > LIMIT {
            return Err(io::Error::other(format!("the response has more than {LIMIT} bytes")));
        }
        let mut chunk = [0; 8 << 10];
        let count = self.stream.read(&mut chunk).map_err(|error| match error.kind() {
            ErrorKind::TimedOut => {
                io::Error::new(ErrorKind::TimedOut, "no complete response within the deadline")
            }
            // Over TLS, an attacker or a fault can end the connection, but cannot send a `close_notify`
            // (RFC 8446, section 6.1).
            ErrorKind::UnexpectedEof if !bytes.is_empty() => io::Error::new(
                ErrorKind::UnexpectedEof,
                "the connection closed without a `close_notify` before the response was complete",
            ),
            ErrorKind::UnexpectedEof => early(bytes),
            _ => error,
        })?;
        bytes.extend(&chunk[..count]);
        Ok(count > 0)
    }
}

fn early(bytes: &[u8]) -> io::Error {
    let problem = match bytes {
        [] => "the connection closed without a response",
        _ => "the connection closed before the response was complete",
    };
    io::Error::new(ErrorKind::UnexpectedEof, problem)
}

/// How far a response has come (RFC 9112, section 6.3).
enum Framed {
    Whole(Response<Vec<u8>>),
    /// Complete once the connection closes.
    ToTheEnd(Response<Vec<u8>>),
    /// A response such as 103, of this many bytes, which another one follows.
    Interim(usize),
    More,
}

fn parse(bytes: &[u8], is_head: bool) -> io::Result<Framed> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(Framed::More);
    };
    let (head, rest) = bytes.split_at(end + 4);
    let response = parsed(head)?;
    let field = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    if response.status().is_informational() {
        return Ok(Framed::Interim(head.len()));
    }
    let body = if is_head || matches!(response.status().as_u16(), 204 | 304) {
        Some(Vec::new())
    } else if field(TRANSFER_ENCODING).is_some_and(|c| c.eq_ignore_ascii_case("chunked")) {
        unchunked(rest)
    } else if let Some(length) = field(CONTENT_LENGTH).and_then(|length| length.parse().ok()) {
        rest.get(..length).map(<[u8]>::to_vec)
    } else {
        return Ok(Framed::ToTheEnd(response.map(|()| rest.to_vec())));
    };
    Ok(body.map_or(Framed::More, |body| Framed::Whole(response.map(|()| body))))
}

/// The content of a chunked body (RFC 9112, section 7.1), or `None` until its last chunk is there.
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
    let invalid = || io::Error::new(ErrorKind::InvalidData, "invalid HTTP response");
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

/// The head of a top-level navigation to `target` of `url`, as a browser sends it.
pub(crate) fn navigation(url: &Uri, target: &str) -> String {
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
    fn chunks_are_joined_after_the_last_one_arrives() {
        let whole = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(unchunked(whole).as_deref(), Some(&b"abc0123456789"[..]));
        for length in 0..whole.len() - 4 {
            assert_eq!(unchunked(&whole[..length]), None, "{length}");
        }
        for broken in [&b"x\r\n"[..], b"ffffffffffffffff\r\nabc\r\n"] {
            assert_eq!(unchunked(broken), None);
        }
    }

    #[test]
    fn an_interim_response_is_skipped_and_a_head_response_has_no_body() {
        let early = b"HTTP/1.1 103 Early Hints\r\n\r\n";
        assert!(matches!(parse(early, false).unwrap(), Framed::Interim(28)));
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert!(matches!(parse(head, true).unwrap(), Framed::Whole(_)));
        assert!(matches!(parse(head, false).unwrap(), Framed::More));
    }
}
