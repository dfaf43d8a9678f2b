//! A receiver that is a program: it prints the authorization URL, and later the code.

use std::io::{self, BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver as Lines, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::Receiver;

/// How often to look whether it has ended.
const PAUSE: Duration = Duration::from_millis(2);

/// A program that prints an authorization URL with a `redirect_uri` in it on its standard output or error,
/// waits for the callback, and prints what it got on its standard output. Ended when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    lines: Lines<Line>,
    redirect_uri: String,
    state: Option<String>,
}

#[derive(Debug)]
struct Line {
    text: String,
    is_output: bool,
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
            (child.stdout.take().map(|output| Box::new(output) as Box<dyn Read + Send>), true),
            (child.stderr.take().map(|output| Box::new(output) as Box<dyn Read + Send>), false),
        ];
        for (output, is_output) in outputs {
            let (Some(output), sender) = (output, sender.clone()) else { continue };
            thread::spawn(move || {
                let lines = BufReader::new(output).lines().map_while(Result::ok);
                // Who does not listen any more has seen enough.
                lines.map(|text| Line { text, is_output }).try_for_each(|line| sender.send(line))
            });
        }
        drop(sender);
        let mut program = Self { child, lines, redirect_uri: String::new(), state: None };
        let until = Instant::now() + deadline;
        loop {
            let line = program.line(until)?.ok_or_else(|| {
                io::Error::other("it ended before it printed an authorization URL")
            })?;
            if program.take_url(&line.text) {
                return Ok(program);
            }
        }
    }

    /// The next line, or nothing once both outputs are closed.
    fn line(&self, until: Instant) -> io::Result<Option<Line>> {
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
        let mut output = String::new();
        while let Some(line) = self.line(until)? {
            if line.is_output {
                output += &line.text;
                output.push('\n');
            }
        }
        // It may close its outputs and live on.
        while self.child.try_wait()?.is_none() {
            if Instant::now() > until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(PAUSE);
        }
        Ok(Some(output))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
