//! The time from the last byte of the page to the exit of the process, and whether the page and the outcome arrive.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use crate::figures::{Figures, Verdict};
use crate::program;
use crate::support::tls::{loopback_client, loopback_flags};

const SPEED_RUNS: usize = 60;
const LOSS_RUNS: usize = 1_000;
const MEDIAN_MOST: Duration = Duration::from_millis(5);
const EVER_MOST: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(20);

pub fn run(verdict: &mut Verdict) {
    for (name, client) in [
        ("a client that closes as browsers do", Client::Plain),
        ("a client that keeps its socket open", Client::KeepsOpen),
    ] {
        for (who, visitor) in [("a tab", Visitor::Tab), ("a program", Visitor::Program)] {
            let leave = || Run::start(false).leave_crowded(visitor, client);
            let figures = Figures::measure(SPEED_RUNS, leave);
            figures.print(&format!("last byte to exit, crowded, {who}, {name}"));
            verdict.compare("the median is at most 5 ms", figures.median() <= MEDIAN_MOST);
            verdict.compare("it is never above 50 ms", figures.max() <= EVER_MOST);

            let leave = || Run::start(true).leave_crowded(visitor, client);
            let figures = Figures::measure(SPEED_RUNS, leave);
            figures.print(&format!("last byte to exit, crowded, TLS, {who}, {name}"));
            let holds = figures.median() <= MEDIAN_MOST;
            verdict.compare("over TLS, with 100 stalled handshakes, the same median", holds);
            verdict.compare("it is never above 50 ms", figures.max() <= EVER_MOST);
        }
    }

    let (mut pages, mut outcomes, mut times, mut lost) = (0, 0, Vec::new(), Vec::new());
    for run in 0..LOSS_RUNS {
        let client = match run % 4 {
            0 | 1 => Client::Plain,
            2 => Client::ReadsSlowly,
            _ => Client::StillSends,
        };
        let visitor = if run % 8 < 4 { Visitor::Tab } else { Visitor::Program };
        let is_secure = run % 16 < 8;
        let ended = Run::start(is_secure).leave(visitor, client);
        if !ended.page_is_whole {
            lost.push(format!("{client:?}, {visitor:?}, TLS: {is_secure}"));
        }
        pages += usize::from(ended.page_is_whole);
        outcomes += usize::from(ended.outcome_is_whole);
        times.push(ended.time);
    }
    Figures::of(times).print("last byte to exit, every kind of client");
    println!("{pages} pages and {outcomes} outcomes in {LOSS_RUNS} runs");
    lost.iter().for_each(|client| println!("  lost: {client}"));
    verdict.require("no page is lost", pages == LOSS_RUNS);
    verdict.require("no outcome is lost", outcomes == LOSS_RUNS);
}

#[derive(Debug, Clone, Copy)]
enum Visitor {
    /// A browser tab, which follows the redirect to the last page.
    Tab,
    /// A program, which gets the last page at once.
    Program,
}

/// How the client uses the connection of the last page.
#[derive(Debug, Clone, Copy)]
enum Client {
    /// Reads until the server closes the connection.
    Plain,
    /// Reads the announced length of the page, and keeps the socket open.
    KeepsOpen,
    /// Reads a few bytes at a time.
    ReadsSlowly,
    /// Sends more bytes after its request.
    StillSends,
}

/// A `host run` that listens.
struct Run {
    child: Child,
    stdout: ChildStdout,
    addr: SocketAddr,
    is_secure: bool,
}

/// A connection, over TLS or without it.
trait Stream: Read + Write {
    /// Read until the server closes the connection.
    fn read_rest(&mut self) -> Vec<u8>;
}

impl Stream for TcpStream {
    fn read_rest(&mut self) -> Vec<u8> {
        let mut page = Vec::new();
        let _ = self.read_to_end(&mut page);
        page
    }
}

/// The reader of rustls first sends what is left to send, and fails if the server has closed the connection. The page is
/// there nevertheless, and other TLS libraries return it.
impl Stream for StreamOwned<ClientConnection, TcpStream> {
    fn read_rest(&mut self) -> Vec<u8> {
        let mut page = Vec::new();
        while matches!(self.conn.read_tls(&mut self.sock), Ok(1..))
            && self.conn.process_new_packets().is_ok()
        {
            // It returns an error where no more is there yet.
            let _ = self.conn.reader().read_to_end(&mut page);
        }
        page
    }
}

struct Ended {
    time: Duration,
    page_is_whole: bool,
    outcome_is_whole: bool,
}

impl Run {
    fn start(is_secure: bool) -> Self {
        let mut host = program::host();
        if is_secure {
            host.arg("run").args(loopback_flags()).arg("--no-browser");
        } else {
            host.args(["run", "--no-browser"]);
        }
        let mut child = host.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.split('/').nth(2).unwrap().parse().unwrap();
        Self { stdout: child.stdout.take().unwrap(), child, addr, is_secure }
    }

    /// Complete the flow with 100 silent, 100 idle and 10 half-sent connections open. Over TLS, the silent ones have sent
    /// half of a `ClientHello`.
    fn leave_crowded(self, visitor: Visitor, client: Client) -> Duration {
        let connect = |bytes: &str| {
            let mut stream = self.connect();
            stream.write_all(bytes.as_bytes()).unwrap();
            stream
        };
        let silent: Vec<_> = (0..100).map(|_| self.connect_silent()).collect();
        let other = request(self.addr, "/favicon.ico")
            .replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n");
        let mut idle: Vec<_> = (0..100).map(|_| connect(&other)).collect();
        for stream in &mut idle {
            assert!(read_page(stream.as_mut(), usize::MAX).starts_with(b"HTTP/1.1 404 "));
        }
        let half: Vec<_> =
            (0..10).map(|_| connect("GET /callback?code=x HTTP/1.1\r\nHo")).collect();
        let ended = self.leave(visitor, client);
        assert!(ended.page_is_whole && ended.outcome_is_whole);
        drop((silent, idle, half));
        ended.time
    }

    fn leave(mut self, visitor: Visitor, client: Client) -> Ended {
        let callback = "/callback?code=abc";
        let mut stream = self.connect();
        match visitor {
            Visitor::Program => stream.write_all(request(self.addr, callback).as_bytes()).unwrap(),
            Visitor::Tab => {
                stream.write_all(navigation(self.addr, callback).as_bytes()).unwrap();
                let sent_on = String::from_utf8(read_page(stream.as_mut(), usize::MAX)).unwrap();
                let (_, path) = sent_on.split_once("location: ").unwrap();
                let path = path.lines().next().unwrap();
                stream = self.connect();
                stream.write_all(navigation(self.addr, path).as_bytes()).unwrap();
            }
        }
        let page = match client {
            Client::Plain => stream.read_rest(),
            Client::KeepsOpen => read_page(stream.as_mut(), usize::MAX),
            Client::ReadsSlowly => read_page(stream.as_mut(), 64),
            Client::StillSends => {
                // This is more than all buffers hold. The server may close at any time.
                let _ = stream.write_all(&vec![b'x'; 300_000]);
                stream.read_rest()
            }
        };
        let last_byte = Instant::now();
        let held = matches!(client, Client::KeepsOpen).then_some(stream);
        // Standard output closes when the process exits, slightly before `wait` returns.
        let mut outcome = String::new();
        self.stdout.read_to_string(&mut outcome).unwrap();
        let status = self.child.wait().unwrap();
        let time = last_byte.elapsed();
        drop(held);
        Ended {
            time,
            page_is_whole: is_whole(&page),
            outcome_is_whole: status.success() && outcome == "{\"code\":\"abc\"}\n",
        }
    }

    fn connect(&self) -> Box<dyn Stream> {
        let stream = self.connect_tcp();
        if self.is_secure {
            Box::new(StreamOwned::new(self.session(), stream))
        } else {
            Box::new(stream)
        }
    }

    fn connect_silent(&self) -> TcpStream {
        let mut stream = self.connect_tcp();
        if self.is_secure {
            let mut hello = Vec::new();
            self.session().write_tls(&mut hello).unwrap();
            stream.write_all(&hello[..hello.len() / 2]).unwrap();
        }
        stream
    }

    fn connect_tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn session(&self) -> ClientConnection {
        ClientConnection::new(loopback_client(), self.addr.ip().into()).unwrap()
    }
}

fn request(addr: SocketAddr, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n")
}

fn navigation(addr: SocketAddr, path: &str) -> String {
    let fields = "\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n";
    request(addr, path).replace("\r\n\r\n", fields)
}

/// Read until the page is whole, `most` bytes at a time.
fn read_page(stream: &mut dyn Stream, most: usize) -> Vec<u8> {
    let (mut page, mut buffer) = (Vec::new(), vec![0; most.min(16 << 10)]);
    while !is_whole(&page) {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => page.extend(&buffer[..count]),
        }
    }
    page
}

/// Whether the page has a head and the body length that it announces.
fn is_whole(page: &[u8]) -> bool {
    let Some(end) = page.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&page[..end]).to_lowercase();
    let announced = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    announced.and_then(|length| length.parse().ok()) == Some(page.len() - end - 4)
}
