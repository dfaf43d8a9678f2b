//! A small correct callback server, and variants with one mistake.

#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses only some of this")]
#![expect(unreachable_pub, reason = "a test binary exports nothing")]

pub mod tls;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use callback_torture::{End, Receiver};
use rustls::{ServerConfig, ServerConnection, Stream};

/// How long each wait of a test may take.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// The `state` that the servers expect.
pub const STATE: &str = "ours";

/// A mistake of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Announces more of the page than it sends.
    CutsThePage,
    /// Resets the connection instead of closing it.
    Resets,
    /// Closes the connection without a page.
    SendsNoPage,
    /// Answers the callback with an error page.
    RefusesTheCallback,
    /// Ends without the code.
    LosesTheCode,
    TakesAnyPath,
    TakesAnyError,
    TakesAnyState,
    TakesAnyMethod,
    TakesNoParameters,
    TakesAnyHost,
    /// Reads one connection to its end before the next.
    OneConnectionAtATime,
    /// Announces no length, so the page ends with the connection. This is valid HTTP.
    OmitsTheLength,
    /// The same, and closes a TLS connection without a `close_notify`.
    OmitsTheCloseNotify,
    /// Completes the TLS handshake of one connection before it accepts the next.
    HandshakesOneAtATime,
}

/// A server on its own thread, which ends with the first callback.
#[derive(Debug)]
pub struct Server {
    redirect_uri: String,
    code: mpsc::Receiver<String>,
}

struct Rules {
    host: String,
    tls: Option<Arc<ServerConfig>>,
    mistake: Option<Mistake>,
    /// Set before the page of the request that ends the server. Later requests get no answer.
    is_over: AtomicBool,
}

struct Head {
    method: String,
    path: String,
    host: String,
    parameters: HashMap<String, String>,
}

impl Server {
    pub fn start(mistake: Option<Mistake>) -> io::Result<Self> {
        Self::start_with(mistake, None)
    }

    pub fn start_with(
        mistake: Option<Mistake>,
        tls: Option<Arc<ServerConfig>>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let host = listener.local_addr()?.to_string();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let redirect_uri = format!("{scheme}://{host}/callback");
        let rules = Arc::new(Rules { host, tls, mistake, is_over: AtomicBool::new(false) });
        let (sender, code) = mpsc::channel();
        thread::spawn(move || accept(&listener, &rules, &sender));
        Ok(Self { redirect_uri, code })
    }
}

/// Serve until a callback ends it. The listener closes before the receiver learns of the code.
fn accept(listener: &TcpListener, rules: &Arc<Rules>, sender: &mpsc::Sender<String>) {
    let address = listener.local_addr().unwrap();
    let (ended, code) = mpsc::channel();
    while let Ok((stream, _)) = listener.accept() {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut tls = rules.tls.clone().map(|config| ServerConnection::new(config).unwrap());
        if rules.mistake == Some(Mistake::HandshakesOneAtATime)
            && let Some(tls) = &mut tls
        {
            // If it fails, so does the request below.
            let _ = tls.complete_io(&mut &stream);
        }
        let (ended, served) = (ended.clone(), Arc::clone(rules));
        let serving = thread::spawn(move || {
            if let Some(code) = connection(&stream, tls, &served) {
                drop(stream);
                ended.send(code).unwrap();
                // There is no other way to interrupt `accept`.
                drop(TcpStream::connect(address));
            }
        });
        if rules.mistake == Some(Mistake::OneConnectionAtATime) {
            serving.join().unwrap();
        }
        if let Ok(code) = code.try_recv() {
            drop(sender.send(code));
            return;
        }
    }
}

/// Answer one request, and close the connection. Returns the code if the request ends the server.
fn connection(stream: &TcpStream, tls: Option<ServerConnection>, rules: &Rules) -> Option<String> {
    let mut socket = stream;
    let (ends, code) = match tls {
        None => serve(socket, rules)?,
        Some(mut tls) => {
            let served = serve(Stream::new(&mut tls, &mut socket), rules)?;
            let omits_the_end = matches!(
                rules.mistake,
                Some(Mistake::Resets | Mistake::SendsNoPage | Mistake::OmitsTheCloseNotify)
            );
            if !(served.0 && omits_the_end) {
                tls.send_close_notify();
                let _ = tls.write_tls(&mut socket);
            }
            served
        }
    };
    if ends && rules.mistake == Some(Mistake::Resets) {
        socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
    } else {
        // A client that keeps the connection open must not block the server.
        let _ = stream.shutdown(Shutdown::Both);
    }
    ends.then_some(code)
}

/// Answer one request. Returns whether it ends the server, and the code that the server then has.
fn serve(mut stream: impl Read + Write, rules: &Rules) -> Option<(bool, String)> {
    let head = head(&mut stream)?;
    let ends = rules.ends(&head);
    let was_over = if ends {
        rules.is_over.swap(true, Ordering::SeqCst)
    } else {
        rules.is_over.load(Ordering::SeqCst)
    };
    if was_over {
        return None;
    }
    let mistake = rules.mistake.filter(|_| ends);
    let status = match mistake {
        _ if !ends => "404 Not Found",
        Some(Mistake::RefusesTheCallback) => "500 Internal Server Error",
        _ => "200 OK",
    };
    let length = match mistake {
        Some(Mistake::CutsThePage) => "Content-Length: 10\r\n",
        Some(Mistake::OmitsTheLength | Mistake::OmitsTheCloseNotify) => "",
        _ => "Content-Length: 2\r\n",
    };
    if !matches!(mistake, Some(Mistake::Resets | Mistake::SendsNoPage)) {
        let page = format!("HTTP/1.1 {status}\r\n{length}\r\nok");
        let _ = stream.write_all(page.as_bytes()).and_then(|()| stream.flush());
    }
    let code = head.parameters.get("code").cloned().unwrap_or_default();
    let is_lost = mistake == Some(Mistake::LosesTheCode);
    Some((ends, if is_lost { String::new() } else { code }))
}

impl Rules {
    /// Whether this is the callback.
    fn ends(&self, head: &Head) -> bool {
        let allows = |mistake| self.mistake == Some(mistake);
        let parameter = |name: &str| head.parameters.get(name).map(String::as_str);
        if allows(Mistake::TakesAnyPath) && head.path != "/callback" {
            return true;
        }
        if head.path != "/callback" {
            return false;
        }
        if allows(Mistake::TakesNoParameters) && head.parameters.is_empty() {
            return true;
        }
        if allows(Mistake::TakesAnyError) && parameter("error").is_some() {
            return true;
        }
        (allows(Mistake::TakesAnyHost) || head.host == self.host)
            && (allows(Mistake::TakesAnyMethod) || head.method == "GET")
            && (allows(Mistake::TakesAnyState) || parameter("state") == Some(STATE))
            && (parameter("code").is_some() || parameter("error").is_some())
    }
}

/// Read the head of a request. Returns `None` if the client disconnects first.
fn head(stream: &mut impl Read) -> Option<Head> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let host = head.lines().find_map(|line| line.strip_prefix("Host: "))?;
    Some(Head {
        method: method.to_owned(),
        path: path.to_owned(),
        host: host.to_owned(),
        parameters: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    })
}

impl Receiver for Server {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    fn state(&self) -> Option<&str> {
        Some(STATE)
    }

    fn finish(self, deadline: Duration) -> io::Result<End> {
        self.code.recv_timeout(deadline).map(End::now).map_err(io::Error::other)
    }
}
