//! A receiver that is a program: it prints the authorization URL, and later the code.

use std::io::{self, BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver as Lines, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::{EVIL, GOOD, Receiver};

/// A program that prints an authorization URL with a `redirect_uri` in it on its standard output or error,
/// waits for the callback, and prints the code. Ended when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Lines<String>,
    redirect_uri: String,
    state: Option<String>,
}

impl Program {
    /// Start it, and wait for the URL, at most until `deadline`.
    ///
    /// # Errors
    /// When it does not start, or prints no such URL in time.
    pub fn start(command: &mut Command, deadline: Duration) -> io::Result<Self> {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (sender, lines) = mpsc::channel();
        let outputs = [
            child.stdout.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
            child.stderr.take().map(|output| Box::new(output) as Box<dyn Read + Send>),
        ];
        for output in outputs.into_iter().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                // Who does not listen any more has seen enough.
                BufReader::new(output)
                    .lines()
                    .map_while(Result::ok)
                    .try_for_each(|line| sender.send(line))
            });
        }
        drop(sender);
        let mut program = Self { child, lines, redirect_uri: String::new(), state: None };
        let until = Instant::now() + deadline;
        loop {
            let line = program.line(until)?.ok_or_else(|| {
                io::Error::other("it ended before it printed an authorization URL")
            })?;
            if program.take_url(&line) {
                return Ok(program);
            }
        }
    }

    /// The next line, or nothing once both outputs are closed.
    fn line(&self, until: Instant) -> io::Result<Option<String>> {
        match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn take_url(&mut self, line: &str) -> bool {
        let urls = line.split([' ', '"', '\'', '<', '>']).filter_map(|word| word.split_once('?'));
        for (_, query) in urls {
            let find = |name: &str| {
                let mut pairs = form_urlencoded::parse(query.as_bytes());
                pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
            };
            if let Some(redirect_uri) = find("redirect_uri") {
                (self.redirect_uri, self.state) = (redirect_uri, find("state"));
                return true;
            }
        }
        false
    }
}

impl Receiver for Program {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    fn finish(mut self, deadline: Duration) -> io::Result<Option<String>> {
        let until = Instant::now() + deadline;
        let mut code = None;
        while let Some(line) = self.line(until)? {
            let mut words = line.split(|c: char| !c.is_ascii_alphanumeric());
            let found = words.find(|word| [GOOD, EVIL].contains(word));
            code = code.or_else(|| found.map(str::to_owned));
        }
        self.child.wait()?;
        Ok(code)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
