//! A receiver that is a program.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http::Uri;

use crate::browser::{self, Inbox};
use crate::client;
use crate::endpoint;
use crate::events::{Event, read};
use crate::process::Group;
use crate::provider::Provider;
use crate::torture::{End, Receiver};
use crate::trust::{Trust, Untrusted};

/// How a program reports the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// It opens the authorization URL in `$BROWSER`, which is set to this executable. The executable must call
    /// [`browser::Call`].
    Browser(PathBuf),
    /// It prints the authorization URL, which contains `redirect_uri`.
    Output,
    /// It prints only the URL of the callback, such as `http://127.0.0.1:8080/callback`.
    Callback,
}

/// A program that waits for a callback. It and the processes that it started are killed when dropped.
///
/// The program has received a code if it prints the code on its standard output, or sends it to the token endpoint
/// of its [`Provider`].
#[derive(Debug)]
pub struct Program {
    group: Group,
    waiter: Option<JoinHandle<()>>,
    events: mpsc::Receiver<Event>,
    _inbox: Option<Inbox>,
    source: Source,
    provider: Option<Arc<Provider>>,
    trust: Trust,
    authorization_url: String,
    redirect_uri: String,
    state: Option<String>,
    /// How many outputs are still open.
    open: usize,
    exited: Option<Instant>,
    output: String,
    last_words: Option<String>,
}

impl Program {
    /// Start a program that prints the authorization URL, and wait for the URL, for at most `deadline`.
    ///
    /// # Errors
    /// When it does not start, or prints no such URL in time.
    pub fn start(command: &mut Command, deadline: Duration) -> io::Result<Self> {
        Self::spawn(command, Source::Output, None)?.opened(deadline)
    }

    /// Start a program. With a `provider`, its authorization URL may lead there.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(
        command: &mut Command,
        source: Source,
        provider: Option<Arc<Provider>>,
    ) -> io::Result<Self> {
        let (sender, events) = mpsc::channel();
        let mut inbox = None;
        if let Source::Browser(executable) = &source {
            let sender = sender.clone();
            // Only the first URL has a receiver.
            let opened = Inbox::open(move |url| drop(sender.send(Event::Opened(url))))?;
            command.env("BROWSER", executable).env(browser::VARIABLE, opened.place());
            inbox = Some(opened);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (group, pipes) = Group::spawn(command)?;
        let mut open = 0;
        open += usize::from(read(pipes.stdout, &sender, Event::Output));
        open += usize::from(read(pipes.stderr, &sender, Event::Error));
        let waiting = group.clone();
        let waiter = thread::spawn(move || {
            waiting.exited();
            drop(sender.send(Event::Exited(Instant::now())));
        });
        Ok(Self {
            group,
            waiter: Some(waiter),
            events,
            _inbox: inbox,
            source,
            provider,
            trust: Trust::default(),
            authorization_url: String::new(),
            redirect_uri: String::new(),
            state: None,
            open,
            exited: None,
            output: String::new(),
            last_words: None,
        })
    }

    /// Trust these certificates, if the browser opens an `https` link of the program's own.
    #[must_use]
    pub fn trusting(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Wait until the program has reported the URL, for at most `deadline`.
    ///
    /// # Errors
    /// When it does not in time, or exits before.
    pub fn opened(mut self, deadline: Duration) -> io::Result<Self> {
        let until = Instant::now() + deadline;
        let what = match self.source {
            Source::Browser(_) => "opened a browser",
            Source::Output => "printed an authorization URL",
            Source::Callback => "printed the URL of the callback",
        };
        while self.exited.is_none() || self.open > 0 {
            let Some(event) = self.next(until) else {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("it has not {what} within {deadline:?}"),
                ));
            };
            match event {
                Event::Opened(url) => return self.with_browser_at(url, until),
                Event::Output(line) | Event::Error(line) if self.takes(&line) => return Ok(self),
                _ => {}
            }
        }
        let said = self.last_words.as_ref().map(|words| format!(": {words}"));
        Err(io::Error::other(format!("it exited before it {what}{}", said.unwrap_or_default())))
    }

    /// The processes of the program.
    pub fn group(&self) -> Group {
        self.group.clone()
    }

    /// Record and return the next event, or `None` at the deadline.
    fn next(&mut self, until: Instant) -> Option<Event> {
        let left = until.saturating_duration_since(Instant::now());
        let event = self.events.recv_timeout(left).ok()?;
        match &event {
            Event::Output(line) => {
                self.output += line;
                self.output.push('\n');
            }
            Event::Error(line) if !line.trim().is_empty() => self.last_words = Some(line.clone()),
            Event::Error(_) | Event::Opened(_) => {}
            Event::Closed => self.open -= 1,
            Event::Exited(at) => self.exited = Some(*at),
        }
        Some(event)
    }

    /// Follow the URL to the authorization request, as a browser does. A program may open its own link, which redirects
    /// there.
    fn with_browser_at(mut self, mut url: String, until: Instant) -> io::Result<Self> {
        for _ in 0..client::REDIRECTS {
            if self.take_authorization(&url) {
                return Ok(self);
            }
            let no_request = |problem: String| {
                let place = url.split(['?', '#']).next().unwrap_or_default();
                client::invalid(format!("no `redirect_uri` in the URL `{place}`, and {problem}"))
            };
            let uri: Uri = url.parse().map_err(|_| no_request("it is invalid".to_owned()))?;
            let target = uri.path_and_query().map_or("/", |target| target.as_str());
            let left = until.saturating_duration_since(Instant::now());
            let left = left.max(Duration::from_millis(1));
            let (response, _) = client::get(&uri, target, &self.trust, left).map_err(|error| {
                if Untrusted::is(&error) { error } else { no_request(error.to_string()) }
            })?;
            let location = client::location(&response, &uri).ok_or_else(|| {
                no_request(format!("it answers with status {}", response.status().as_u16()))
            })?;
            url = location.into();
        }
        Err(io::Error::other(format!("more than {} redirects", client::REDIRECTS)))
    }

    /// Take the URL from this line of output. Returns whether the line contains it.
    fn takes(&mut self, line: &str) -> bool {
        let words = || line.split([' ', '"', '\'', '<', '>', '`']);
        match self.source {
            Source::Browser(_) => false,
            Source::Output => words().any(|word| self.take_authorization(word)),
            Source::Callback => {
                let is_callback = |word: &&str| {
                    word.parse::<Uri>().is_ok_and(|url| endpoint::addresses(&url).is_ok())
                };
                let Some(url) = words().find(is_callback) else { return false };
                self.redirect_uri = url.trim_end_matches(['.', ',']).to_owned();
                true
            }
        }
    }

    fn take_authorization(&mut self, url: &str) -> bool {
        let Some((_, query)) = url.split_once('?') else { return false };
        let query = query.split('#').next().unwrap_or_default();
        let find = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
        };
        let Some(redirect_uri) = find("redirect_uri") else { return false };
        (self.redirect_uri, self.state) = (redirect_uri, find("state"));
        self.authorization_url = url.to_owned();
        true
    }

    fn provider(&self) -> Option<&Arc<Provider>> {
        self.provider.as_ref().filter(|provider| provider.owns(&self.authorization_url))
    }
}

impl Receiver for Program {
    fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    fn issuer(&self) -> Option<&str> {
        self.provider().map(|provider| provider.issuer())
    }

    fn authorize(&self, code: &str) -> io::Result<()> {
        self.provider().map_or(Ok(()), |provider| provider.grant(&self.authorization_url, code))
    }

    fn finish(mut self, deadline: Duration) -> io::Result<End> {
        let until = Instant::now() + deadline;
        while self.exited.is_none() || self.open > 0 {
            if self.exited.is_some() {
                // The processes that it leaves behind may keep its outputs open.
                self.group.kill();
            }
            if self.next(until).is_none() {
                break;
            }
        }
        let Some(at) = self.exited else {
            let problem = format!("still running after {deadline:?}");
            return Err(io::Error::new(io::ErrorKind::TimedOut, problem));
        };
        let status = self.group.reap();
        let mut received = std::mem::take(&mut self.output);
        for code in self.provider.iter().flat_map(|provider| provider.codes_presented()) {
            received += &code;
            received.push('\n');
        }
        Ok(End { received, at, status, last_words: self.last_words.take() })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.group.kill();
        // The process identifier must stay reserved while the thread waits for it.
        if let Some(waiter) = self.waiter.take() {
            let _ = waiter.join();
        }
        self.group.reap();
    }
}
