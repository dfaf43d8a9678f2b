//! Standard error, for the person at the terminal. Whatever is said here may have a stranger's words in it: it
//! is made visible, cut and broken into rows at the last moment, and only the colours are the host's.

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use curtaincall::Event;
use curtaincall::error::Refusal;
use curtaincall::internals::visible::{LIST, beginning, visible};

use crate::cli::Color;
use crate::fatal::Fatal;
use crate::hint;
use crate::repeats::{self, Kind, Lines, Repeats, Tell};
use crate::screen::{self, MARGIN};
use crate::sink::Sink;

/// What is said to a person, and how loudly.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    stderr: Arc<Sink>,
    color: bool,
    verbose: bool,
    repeats: Arc<Mutex<(Repeats, Lines)>>,
}

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// The longest message, in bytes: its parts are shorter, each by its own limit.
const MESSAGE: usize = 8 << 10;

impl Console {
    /// `verbose` tells of each request.
    pub(crate) fn new(stderr: Arc<Sink>, color: Color, verbose: bool) -> Self {
        let color = color.applies(io::stderr().is_terminal());
        let repeats = Arc::new(Mutex::new((Repeats::after(1), Lines::new())));
        Self { stderr, color, verbose, repeats }
    }

    /// Tell of an event, if a person would want to know, and was not told again and again.
    pub(crate) fn event(&self, event: &Event) {
        let Some(kind) = repeats::kind(event) else { return self.whole(event) };
        match self.with_repeats(|repeats, _| repeats.count(kind, Instant::now())) {
            Tell::Whole { missed } => {
                self.missed(kind, missed);
                self.whole(event);
            }
            Tell::Sum(count) => self.missed(kind, count),
            Tell::Nothing => {}
        }
    }

    fn whole(&self, event: &Event) {
        match event {
            Event::Listening { redirect_uri } => {
                self.url("Waiting for the callback at", redirect_uri, BOLD);
            }
            Event::Authorize { url, opening: true } => {
                self.url("Opening the browser at", url, PLAIN);
            }
            Event::Authorize { url, opening: false } => {
                self.url("Open this URL in a browser:", url, PLAIN);
            }
            Event::BrowserFailed { reason, url } => {
                self.warning(&format!("no browser could be started: {reason}"));
                self.url("Open this URL in a browser:", url, PLAIN);
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
                "closed a connection of another user of this machine: still waiting; if it was your browser, as with WSL's mirrored network or a port forward, use `--allow-other-users`",
            ),
            Event::Refused(Refusal::PeerGone) => self.detail(
                "closed a connection that nobody was at the other end of any more",
            ),
            Event::Refused(refusal) if refusal.is_suspicious() => {
                self.warning(&format!("refused a request ({}): still waiting", refusal.reason()));
            }
            Event::Refused(refusal) => {
                self.detail(&format!("refused a request ({})", refusal.reason()));
            }
            Event::GuestLog { line } => self.log(line),
            Event::OutgoingRefused { to } => self.warning(&format!(
                "the guest wanted to reach `{to}`, which was refused: no network is granted to guests"
            )),
            Event::GuestFailed(error) => {
                self.warning(&format!("{}: still waiting", hint::guest_message(error)));
                self.backtrace(error.backtrace());
            }
            Event::Replied { status, bytes } => {
                self.detail(&format!("replied {status}, {bytes} bytes"));
            }
            Event::Done { .. } => self.detail("done"),
            Event::Closed { delivered } => {
                self.settle();
                if *delivered == Some(false) {
                    self.warning("the last page may not have reached the browser whole");
                }
            }
            _ => {}
        }
    }

    fn missed(&self, kind: Kind, count: u64) {
        let s = if count == 1 { "" } else { "s" };
        let Kind { name, reason, .. } = kind;
        let message = match name {
            _ if count == 0 => return,
            "refused" if reason == "other-user" => {
                format!(
                    "closed {count} more connection{s} of another user; `--allow-other-users` lets them in"
                )
            }
            "refused" if reason == "peer-gone" => {
                format!("closed {count} more connection{s} that nobody was at the other end of")
            }
            "refused" => format!("refused {count} more request{s} ({reason})"),
            "guest-failed" => format!("the guest failed {count} more time{s} ({reason})"),
            "outgoing-refused" => {
                format!("refused {count} more request{s} of the guest to other hosts")
            }
            _ => format!("{name} {count} more time{s}"),
        };
        if kind.is_detail { self.detail(&message) } else { self.warning(&message) }
    }

    fn log(&self, line: &str) {
        if let Some(missed) = self.with_repeats(|_, lines| lines.count(line.len(), Instant::now()))
        {
            self.left_out(missed);
            self.say(("[guest]", DIM), (line, PLAIN));
        }
    }

    fn left_out(&self, lines: u64) {
        if lines > 0 {
            self.warning(&format!("left out {lines} lines of the guest's log"));
        }
    }

    /// Tell what was only counted so far: it is over.
    pub(crate) fn settle(&self) {
        let (rest, lines) = self.with_repeats(|repeats, lines| (repeats.rest(), lines.rest()));
        self.left_out(lines);
        rest.into_iter().for_each(|(kind, count)| self.missed(kind, count));
    }

    fn with_repeats<T>(&self, look: impl FnOnce(&mut Repeats, &mut Lines) -> T) -> T {
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let (repeats, lines) = &mut *repeats;
        look(repeats, lines)
    }

    fn backtrace(&self, frames: &str) {
        frames.lines().for_each(|frame| self.say(("", PLAIN), (frame, PLAIN)));
    }

    /// Print the error that ends the program, after everything that was only counted so far.
    pub(crate) fn fatal(&self, fatal: &Fatal) {
        let Fatal { message, causes, backtrace, hint, .. } = fatal;
        self.settle();
        self.say(("error:", RED), (message.as_str(), PLAIN));
        if !causes.is_empty() {
            self.say(("", PLAIN), ("Caused by:", PLAIN));
        }
        for line in causes.iter().flat_map(|cause| cause.lines().take(LIST)) {
            self.say(("   ", PLAIN), (line, PLAIN));
        }
        self.backtrace(backtrace);
        if let Some(hint) = *hint {
            self.say(("hint:", BOLD), (hint, PLAIN));
        }
    }

    /// Something that is neither wrong nor what was asked for.
    pub(crate) fn note(&self, message: &str) {
        self.say(("", PLAIN), (message, DIM));
    }

    pub(crate) fn warning(&self, message: &str) {
        self.say(("warning:", YELLOW), (message, PLAIN));
    }

    fn detail(&self, message: &str) {
        if self.verbose {
            self.note(message);
        }
    }

    /// A URL is there to be copied: it stays in one piece. It has no spaces, with which words could be pushed to
    /// the next row.
    fn url(&self, label: &str, url: &str, style: Style) {
        self.stderr.line(&format!("{label} {}", self.paint(style, &visible(url))));
    }

    /// A label of the host's own, and a text that may be anybody's.
    fn say(&self, (label, label_style): (&str, Style), (text, style): (&str, Style)) {
        let text = beginning(&visible(text), MESSAGE);
        let (mut line, taken) = match label {
            "" => (String::new(), 0),
            _ => (self.paint(label_style, label) + " ", label.len() + 1),
        };
        for (number, row) in screen::rows(&text, taken, screen::columns()).into_iter().enumerate() {
            if number > 0 {
                line += "\n";
                line += &self.paint(DIM, MARGIN);
            }
            line += &self.paint(style, row);
        }
        self.stderr.line(&line);
    }

    fn paint(&self, style: Style, text: &str) -> String {
        screen::paint(self.color, style, text)
    }
}
