//! A provider's endpoint on loopback, a sign-in of the probe with it, and the scan for secrets in everything that the
//! host wrote.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use form_urlencoded::{Serializer, byte_serialize, parse};

use super::host::{Finished, Host, Running};
use super::{DEADLINE, guest};

/// A client secret. Each part of four characters has one that no other value of a run contains.
pub const SECRET: &str = "pW~7!kQ$2~xV!9d$Lm~4";
/// An authorization code, with the same property.
pub const CODE: &str = "~c0d!V7b$3nH~q8t!Zr$";

/// An HTTP server on loopback. It answers each request on a new connection.
pub struct Endpoint {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    accepted: Arc<AtomicUsize>,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub head: String,
    pub body: String,
}

impl Endpoint {
    /// Answer each request with the bytes that `answer` returns.
    pub fn answering(answer: impl Fn(&Asked) -> Vec<u8> + Send + 'static) -> Self {
        Self::serving(move |asked, stream| {
            // The host may close the connection before the end of the answer.
            let _ = stream.write_all(&answer(asked));
        })
    }

    /// Answer each request with this JSON.
    pub fn json(body: &'static str) -> Self {
        Self::answering(move |_| answer("200 OK", "application/json", body))
    }

    /// Let `serve` answer each request.
    pub fn serving(serve: impl Fn(&Asked, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let accepted = Arc::<AtomicUsize>::default();
        let (sink, count) = (Arc::clone(&asked), Arc::clone(&accepted));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                if let Some(request) = read(&mut stream) {
                    sink.lock().unwrap().push(request.clone());
                    serve(&request, &mut stream);
                }
            }
        });
        Self { addr, asked, accepted }
    }

    /// The URL of `path` on this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections there were so far, with and without a request.
    ///
    /// The server handles them in order, so it has seen all others once it closes one of our own.
    #[track_caller]
    pub fn connections(&self) -> usize {
        let mut last = TcpStream::connect(self.addr).unwrap();
        last.set_read_timeout(Some(DEADLINE)).unwrap();
        last.shutdown(Shutdown::Write).unwrap();
        assert_eq!(last.read(&mut [0]).unwrap(), 0);
        self.accepted.fetch_sub(1, Ordering::Relaxed) - 1
    }

    /// A flow of the probe with the secret `key`, which may send requests to `/token` of this server.
    #[track_caller]
    pub fn flow(&self) -> Flow {
        Flow::start(provider().args(["--allow-net", &self.url("/token")]))
    }
}

impl Asked {
    /// The value of a field of the form.
    pub fn field(&self, name: &str) -> Option<String> {
        let mut fields = parse(self.body.as_bytes());
        fields.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    }
}

/// A response with a body of a known length.
pub fn answer(status: &str, content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Read one request, or nothing if the client closes the connection early.
fn read(stream: &mut TcpStream) -> Option<Asked> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    stream.set_write_timeout(Some(DEADLINE)).ok()?;
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut chunk).ok()? {
            0 => return None,
            count => bytes.extend_from_slice(&chunk[..count]),
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some(Asked { head: head.to_owned(), body: body.to_owned() });
        }
    }
}

/// `host run` of the probe, with the secret `key`.
pub fn provider() -> Host {
    Host::run().arg(guest::built("probe")).env("PROBE_SECRET", SECRET).args([
        "-v",
        "--secret",
        "key=env:PROBE_SECRET",
    ])
}

/// A running flow of the probe. [`Flow::complete`] scans everything that the host wrote.
pub struct Flow {
    pub host: Running,
    events: PathBuf,
    pages: String,
}

impl Flow {
    #[track_caller]
    pub fn start(host: Host) -> Self {
        let name = format!("provider-{:?}.jsonl", thread::current().id());
        let events = guest::private(&name, b"");
        let host = host.arg("--events").arg(&events).start();
        Self { host, events, pages: String::new() }
    }

    /// Let the probe take these steps in one callback with [`CODE`]. Returns the lines that they print.
    #[track_caller]
    pub fn steps<S: AsRef<str>>(&mut self, steps: &[S]) -> Vec<String> {
        self.navigate(&query(steps))
    }

    /// Let the probe take these steps and complete the flow. Expects that no secret of this test is in any output of
    /// the host but the outcome.
    #[track_caller]
    pub fn complete<S: AsRef<str>>(mut self, steps: &[S]) -> (Vec<String>, Finished) {
        let lines = self.navigate(&format!("{}&done=yes", query(steps)));
        let finished = self.host.finish().code(0);
        let events = std::fs::read_to_string(&self.events).unwrap();
        for (what, text) in
            [("page", &self.pages), ("standard error", &finished.stderr), ("event", &events)]
        {
            assert_clean(what, text, SECRET);
            // A guest may read the code.
            if what != "page" {
                assert_clean(what, text, CODE);
            }
        }
        (lines, finished)
    }

    #[track_caller]
    fn navigate(&mut self, query: &str) -> Vec<String> {
        let page = self.host.navigate(&format!("/callback?{query}"));
        assert_eq!(page.status(), 200, "{}\n{}", page.text(), self.host.stderr());
        self.pages += page.text();
        let lines = page.text().lines().take_while(|line| !line.starts_with("time: "));
        lines.map(str::to_owned).collect()
    }
}

/// A query with [`CODE`] and these steps.
pub fn query<S: AsRef<str>>(steps: &[S]) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("code", CODE);
    query.extend_pairs(steps.iter().map(|step| ("do", step.as_ref())));
    query.finish()
}

/// Expect that `text` contains no four characters of `secret`, forwards or backwards, and no eight characters of an
/// encoding of it.
#[track_caller]
pub fn assert_clean(what: &str, text: &str, secret: &str) {
    let reversed: String = secret.chars().rev().collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (form, part) in [
        (secret.to_owned(), 4),
        (reversed, 4),
        (byte_serialize(secret.as_bytes()).collect(), 8),
        (STANDARD_NO_PAD.encode(secret), 8),
        (URL_SAFE_NO_PAD.encode(secret), 8),
        (hex, 8),
    ] {
        for window in form.as_bytes().windows(part.min(form.len())) {
            let window = std::str::from_utf8(window).unwrap();
            assert!(!text.contains(window), "a {what} contains `{window}`: {text}");
        }
    }
}
