//! The typical small server, and programs that print the authorization URL.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use callback_torture::{End, Problem, Program, Receiver, Report, Shape, Torture};

/// How long each wait of a test may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// The typical small callback server.
struct SmallServer {
    redirect_uri: String,
    outcome: mpsc::Receiver<Option<String>>,
}

impl SmallServer {
    /// Start a server that handles one connection at a time, and takes the first request for the callback.
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let redirect_uri = format!("http://{}/callback", listener.local_addr()?);
        let (sender, outcome) = mpsc::channel();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let code = head(&mut stream).and_then(|head| parameters(&head).remove("code"));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            drop(listener);
            let _ = sender.send(code);
        });
        Ok(Self { redirect_uri, outcome })
    }
}

fn head(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

fn parameters(head: &str) -> HashMap<String, String> {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Receiver for SmallServer {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    fn state(&self) -> Option<&str> {
        Some("ours")
    }

    fn finish(self, deadline: Duration) -> io::Result<End> {
        let code = self.outcome.recv_timeout(deadline).map_err(io::Error::other)?;
        Ok(End::now(code.unwrap_or_default()))
    }
}

fn plain() -> Torture {
    Torture::new([Shape::Plain], DEADLINE)
}

fn problem(report: &Report, shape: Shape) -> Option<&Problem> {
    report.verdicts.iter().find(|verdict| verdict.shape == shape).unwrap().problem.as_ref()
}

#[test]
fn the_typical_small_server_fails() {
    let torture = Torture::new(Shape::ALL, Duration::from_millis(500));
    let report = torture.run(SmallServer::start);
    for &shape in Shape::ALL {
        let told = problem(&report, shape);
        let as_measured = match shape {
            Shape::Plain => told.is_none(),
            Shape::ForgedState | Shape::ForeignHost => matches!(told, Some(Problem::Forged)),
            _ => matches!(told, Some(Problem::Lost(_))),
        };
        assert!(as_measured, "{shape}: {told:?}");
    }
    let text = report.to_string();
    assert!(text.starts_with("ok      plain (+0.0"), "{text}");
    assert!(
        text.contains("FAILED  forged state: the program used the code of a forged callback\n"),
        "{text}"
    );
}

/// Start a shell script that prints the authorization URL, runs `then`, and exits.
#[cfg(unix)]
fn shell(listener: &TcpListener, then: &str) -> io::Result<Program> {
    let url = format!(
        "https://idp.example/?redirect_uri=http://{}/callback&state=ours",
        listener.local_addr()?
    );
    Program::start(Command::new("sh").args(["-c", &format!("echo '{url}'; {then}")]), DEADLINE)
}

/// Only the random code of this row counts, and only on standard output.
#[cfg(unix)]
#[test]
fn a_code_that_is_only_logged_does_not_count() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let serving = listener.try_clone().unwrap();
    let (sender, seen) = mpsc::channel();
    let server = thread::spawn(move || {
        let (mut stream, _) = serving.accept().unwrap();
        sender.send(head(&mut stream).unwrap()).unwrap();
        // A chunked page, as a server with a persistent connection sends it.
        let page = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        stream.write_all(page).unwrap();
        stream
    });
    let report = plain().run(|| shell(&listener, "echo code=good is all good; echo evil >&2"));
    assert!(matches!(problem(&report, Shape::Plain), Some(Problem::NoCode)), "{report}");
    assert!(seen.recv().unwrap().contains("code=good"));
    server.join().unwrap();
}

#[test]
fn a_program_that_never_listens_is_reported_as_not_started() {
    let report = plain().run(|| Program::start(&mut Command::new("true"), DEADLINE));
    let told = problem(&report, Shape::Plain).unwrap().to_string();
    assert_eq!(told, "the program did not start: it exited before it printed an authorization URL");
}
