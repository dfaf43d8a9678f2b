//! Standard error, for the person at the terminal.

use std::error::Error as _;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use curtaincall::outcome::visible;
use curtaincall::request::Refusal;
use curtaincall::{Error, Event, GuestError};

use crate::cli::Color;
use crate::sink::Sink;

/// What is said to a person, and how loudly.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    stderr: Arc<Sink>,
    color: bool,
    verbose: bool,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "1;31";
const YELLOW: &str = "1;33";

impl Console {
    /// `verbose` tells of each request.
    pub(crate) fn new(stderr: Arc<Sink>, color: Color, verbose: bool) -> Self {
        let color = color.applies(io::stderr().is_terminal());
        Self { stderr, color, verbose }
    }

    /// Tell of an event, if a person would want to know.
    pub(crate) fn event(&self, event: &Event) {
        match event {
            Event::Listening { redirect_uri } => {
                self.line(&format!("Waiting for the callback at {}", self.paint(BOLD, redirect_uri)));
            }
            Event::Authorize { url, opening: true } => {
                self.line(&format!("Opening the browser at {url}"));
            }
            Event::Authorize { url, opening: false } => {
                self.line(&format!("Open this URL in a browser: {url}"));
            }
            Event::BrowserFailed { reason, url } => {
                self.warning(&format!("no browser could be started: {reason}"));
                self.line(&format!("Open this URL in a browser: {url}"));
            }
            Event::Unprotected => self.warning(
                "`--open` has no `state={state}`, so any web page can forge the callback (RFC 6749, section 10.12)",
            ),
            Event::CacheUnused { reason } => {
                self.warning(&format!("compiled guests are not cached: {reason}"));
            }
            Event::PeersUnchecked { reason } => self.detail(&format!(
                "connections of other users of this machine are not refused: {reason}"
            )),
            Event::Refused(Refusal::OtherUser) => self.warning(
                "closed a connection of another user of this machine; `--allow-other-users` lets them in: still waiting",
            ),
            Event::Refused(refusal) if refusal.is_suspicious() => {
                self.warning(&format!("refused a request ({}): still waiting", refusal.reason()));
            }
            Event::Refused(refusal) => self.detail(&format!("refused a request ({})", refusal.reason())),
            Event::GuestLog { line } => self.line(&format!("{} {line}", self.paint(DIM, "[guest]"))),
            Event::OutgoingRefused { to } => self.warning(&format!(
                "the guest wanted to reach `{}`, which was refused: no network is granted to guests",
                visible(to)
            )),
            Event::GuestFailed(error) => {
                self.warning(&format!("{error}: still waiting"));
                self.backtrace(error);
            }
            Event::Replied { status, bytes } => self.detail(&format!("replied {status}, {bytes} bytes")),
            Event::Done { .. } => self.detail("done"),
            Event::Closed { delivered: Some(false) } => {
                self.warning("the last page may not have reached the browser whole");
            }
            _ => {}
        }
    }

    pub(crate) fn backtrace(&self, error: &GuestError) {
        error.backtrace().lines().for_each(|frame| self.line(frame));
    }

    /// The one fatal error of a run.
    pub(crate) fn error(&self, error: &Error) {
        self.fatal(&error.to_string());
        let mut causes =
            std::iter::successors(error.source(), |cause| (*cause).source()).peekable();
        if causes.peek().is_some() {
            self.line("Caused by:");
            // The words may be the guest's: what they would do to a terminal is shown instead.
            causes.for_each(|cause| {
                cause
                    .to_string()
                    .lines()
                    .for_each(|line| self.line(&format!("    {}", visible(line))));
            });
        }
        if let Error::Authorize(guest) = error {
            self.backtrace(guest);
        }
        if let Some(hint) = error.hint() {
            self.line(&format!("{} {hint}", self.paint(BOLD, "hint:")));
        }
    }

    /// An error that is one sentence.
    pub(crate) fn fatal(&self, message: &str) {
        self.line(&format!("{} {message}", self.paint(RED, "error:")));
    }

    /// Something that is neither wrong nor what was asked for.
    pub(crate) fn note(&self, message: &str) {
        self.line(&self.paint(DIM, message));
    }

    pub(crate) fn warning(&self, message: &str) {
        self.line(&format!("{} {message}", self.paint(YELLOW, "warning:")));
    }

    fn detail(&self, message: &str) {
        if self.verbose {
            self.line(&self.paint(DIM, message));
        }
    }

    fn paint(&self, style: &str, text: &str) -> String {
        match self.color {
            true => format!("\u{1b}[{style}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    fn line(&self, text: &str) {
        self.stderr.line(text);
    }
}
