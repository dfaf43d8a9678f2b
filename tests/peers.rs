//! The eleven request shapes that 14 measured programs were put to, none of which passed all:
//! whatever comes first, the legitimate callback then still wins.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use curtaincall::testing::torture::{Problem, Program, Receiver, Report, Shape, Torture};

use crate::support::DEADLINE;
use crate::support::client::Client;
use crate::support::host::Host;

const OPEN: &str = "https://idp.example/authorize?redirect_uri={redirect_uri}&state={state}";

#[test]
fn the_legitimate_callback_wins_after_each_shape() {
    let torture = Torture { deadline: DEADLINE, ..Torture::default() };
    let report = torture.run(|| {
        let mut host = Command::new(env!("CARGO_BIN_EXE_host"));
        host.args(["run", "--no-browser", "--open", OPEN]).env_remove("BROWSER");
        Program::start(host.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")), DEADLINE)
    });
    assert!(report.passed(), "{report}");
    assert_eq!(report.verdicts.len(), 11);
}

#[test]
fn it_wins_after_all_of_them_at_once() {
    let host = Host::run().args(["--open", OPEN]).start();
    let _silent: Vec<Client> = (0..20).map(|_| host.client()).collect();
    let authority = host.addr.to_string();
    for (target, status) in [("/callback?error=x", 400), ("/robots.txt", 404)] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        assert_eq!(host.client().send(request).response().status(), status);
    }
    let mut half = host.client();
    half.send("POST /callback HTTP/1.1\r\nHost: x\r\nContent-Le");
    let page = host.navigate(&format!("/callback?code=good&state={}", host.state()));
    assert_eq!(page.status(), 200, "{}", page.head);
    host.finish().code(0).stdout("{\"code\":\"good\"}\n");
}

/// The counter-check: the little server that everybody writes.
struct Everybody {
    redirect_uri: String,
    outcome: mpsc::Receiver<Option<String>>,
}

impl Everybody {
    /// One connection at a time, and the first request is the callback. `answers`: whether the page is sent
    /// before the program goes on.
    fn start(answers: bool) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let redirect_uri = format!("http://{}/callback", listener.local_addr()?);
        let (sender, outcome) = mpsc::channel();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let code = head(&mut stream).and_then(|head| parameters(&head).remove("code"));
            if answers {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
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

impl Receiver for Everybody {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    fn state(&self) -> Option<&str> {
        Some("ours")
    }

    fn finish(self, deadline: Duration) -> io::Result<Option<String>> {
        self.outcome.recv_timeout(deadline).map_err(io::Error::other)
    }
}

fn plain() -> Torture {
    Torture { shapes: vec![Shape::Plain], deadline: DEADLINE }
}

fn problem(report: &Report, shape: Shape) -> Option<&Problem> {
    report.verdicts.iter().find(|verdict| verdict.shape == shape).unwrap().problem.as_ref()
}

#[test]
fn the_little_server_that_everybody_writes_fails() {
    let torture = Torture { deadline: Duration::from_secs(2), ..Torture::default() };
    let report = torture.run(|| Everybody::start(true));
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
        text.contains("FAILED  forged state: it takes the code of a forged callback\n"),
        "{text}"
    );
}

/// A program of a line of shell: `$0` is what it prints first, and it ends after `$1`.
#[cfg(unix)]
fn shell(listener: &TcpListener, then: &str) -> io::Result<Program> {
    let url = format!(
        "https://idp.example/?redirect_uri=http://{}/callback&state=ours",
        listener.local_addr()?
    );
    Program::start(Command::new("sh").args(["-c", &format!("echo '{url}'; {then}")]), DEADLINE)
}

/// What it logs is not what it got, and what it got by chance is not the code.
#[cfg(unix)]
#[test]
fn a_program_that_only_logs_the_code_has_not_got_it() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let serving = listener.try_clone().unwrap();
    let (sender, seen) = mpsc::channel();
    let server = thread::spawn(move || {
        let (mut stream, _) = serving.accept().unwrap();
        sender.send(head(&mut stream).unwrap()).unwrap();
        // A chunked page, as a server may send it that keeps the connection.
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
fn a_page_that_is_never_sent_is_missed() {
    let report = plain().run(|| Everybody::start(false));
    assert!(matches!(problem(&report, Shape::Plain), Some(Problem::Lost(_))), "{report}");
}

#[test]
fn a_program_that_never_listens_is_told_apart() {
    let report = plain().run(|| Program::start(&mut Command::new("true"), DEADLINE));
    let told = problem(&report, Shape::Plain).unwrap().to_string();
    assert_eq!(told, "it does not start: it ended before it printed an authorization URL");
}

#[test]
fn a_program_that_does_not_end_is_told_apart() {
    struct Endless(Everybody);
    impl Receiver for Endless {
        fn redirect_uri(&self) -> &str {
            self.0.redirect_uri()
        }
        fn state(&self) -> Option<&str> {
            None
        }
        fn finish(self, _: Duration) -> io::Result<Option<String>> {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    let report = plain().run(|| Everybody::start(true).map(Endless));
    assert!(matches!(problem(&report, Shape::Plain), Some(Problem::Hangs(_))), "{report}");
}
