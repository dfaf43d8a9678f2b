//! Messages on standard error, for the person at the terminal.
//!
//! A message may contain untrusted text, from a guest or from the network. Control characters are therefore
//! escaped, and the text is truncated and wrapped, just before it is printed. Colours are added after that.

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anstyle::{AnsiColor, Style};
use curtaincall::Event;
use curtaincall::error::{Refusal, Remedy};
use curtaincall::internals::request::is_suspicious;
use curtaincall::internals::sandbox::cut_here;
use curtaincall::internals::visible::{LIST, beginning, visible};

use crate::cli::Color;
use crate::error::CommandError;
use crate::hint;
use crate::link;
use crate::repeats::{Decision, LogBudget, Repeated, Repeats};
use crate::screen::{self, MARGIN};
use crate::sink::Sink;

/// Prints messages to standard error, and limits how often it prints an event that repeats.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    stderr: Arc<Sink>,
    color: bool,
    verbose: bool,
    /// Whether URLs are links that a person can click.
    links: bool,
    repeats: Arc<Mutex<(Repeats, LogBudget)>>,
    /// The status and the length of the last reply, if it was only counted.
    counted_reply: Arc<Mutex<Option<(u16, usize)>>>,
}

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// The length to which a message is truncated, in bytes. The parts of a message have their own, smaller limits.
const MESSAGE: usize = 8 << 10;

impl Console {
    /// Creates a console. With `verbose`, it also prints each refused request and each reply.
    pub(crate) fn new(stderr: Arc<Sink>, color: Color, verbose: bool) -> Self {
        let color = color.applies(io::stderr().is_terminal());
        let repeats = Arc::new(Mutex::new((Repeats::after(1), LogBudget::new())));
        let links =
            io::stderr().is_terminal() && link::is_supported(|name| std::env::var(name).ok());
        Self { stderr, color, verbose, links, repeats, counted_reply: Arc::default() }
    }

    /// Prints an event, or counts it if it happens too often. Some events are printed only with `verbose`, and some
    /// never.
    pub(crate) fn event(&self, event: &Event) {
        let Some(repeated) = Repeated::of(event) else { return self.print_event(event) };
        let decision = self.with_repeats(|repeats, _| repeats.count(repeated, Instant::now()));
        if let Event::Replied { status, bytes, .. } = event {
            let is_counted = !matches!(decision, Decision::Print { .. });
            let mut reply = self.counted_reply.lock().unwrap_or_else(PoisonError::into_inner);
            *reply = is_counted.then_some((*status, *bytes));
        }
        match decision {
            Decision::Print { skipped } => {
                self.print_count(repeated, skipped);
                self.print_event(event);
            }
            Decision::PrintCount(count) => self.print_count(repeated, count),
            Decision::Skip => {}
        }
    }

    fn print_event(&self, event: &Event) {
        match event {
            Event::Contacts { name, hosts, .. } => {
                let message = contacts(name, hosts);
                self.print(("", PLAIN), (message.as_str(), PLAIN));
            }
            Event::Listening { redirect_uri, address, .. } => {
                self.url("Waiting for the callback at", redirect_uri, BOLD);
                if !redirect_uri.contains(address) {
                    self.note(&format!("Listening on {address}."));
                }
            }
            Event::Authorize { url, opening: true, .. } => {
                self.link("Opening the browser at", url);
            }
            Event::Authorize { url, opening: false, .. } => {
                self.link("Open this URL in a browser:", url);
            }
            Event::BrowserFailed { reason, url, .. } => {
                self.warning(&format!("cannot start a browser: {reason}"));
                self.link("Open this URL in a browser:", url);
            }
            Event::Unprotected => self.warning(hint::UNPROTECTED),
            Event::StateMisplaced => self.warning(hint::STATE_MISPLACED),
            Event::CacheUnused { reason, .. } => self.cache_unused(reason),
            Event::PeersUnchecked { reason, .. } => self.detail(&format!(
                "cannot refuse connections from other users of this machine: {reason}"
            )),
            Event::Refused(Refusal::OtherUser) => self.warning(&format!(
                "closed a connection from another user of this machine: still waiting; {}",
                hint::OTHER_USER
            )),
            Event::Refused(Refusal::PeerGone) => {
                self.detail("closed a connection that its client had already closed")
            }
            Event::Refused(Refusal::UntrustedCertificate) => self.warning(&format!(
                "the browser does not trust the certificate: still waiting; {}",
                hint::UNTRUSTED_CERTIFICATE
            )),
            Event::Refused(refusal) if is_suspicious(*refusal) => {
                self.warning(&format!("refused a request ({}): still waiting", refusal.reason()));
            }
            Event::Refused(refusal) => {
                self.detail(&format!("refused a request ({})", refusal.reason()));
            }
            Event::GuestLog { line, .. } => self.log(line),
            Event::GuestLogTruncated(limit) => {
                let remedy = Remedy::Raise(limit.limit());
                self.log(&cut_here(&hint::message(limit, Some(remedy))));
            }
            Event::OutgoingRefused { urls, .. } => self.warning(&format!(
                "refused the guest's request to `{}`: it is not granted; {}",
                urls.join("`, `"),
                hint::allow_net(urls)
            )),
            Event::RequestFailed { url, reason, .. } => {
                self.warning(&format!("problem with the guest's request to `{url}`: {reason}"));
            }
            Event::Unreachable { host, reason, remedy, .. } => {
                let hint = remedy.and_then(hint::net_hint);
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                self.warning(&format!("cannot reach `{host}`: {reason}{hint}"));
            }
            Event::GuestFailed(error) => {
                let problem = format!("{error}: still waiting");
                self.warning(&hint::message(&problem, error.remedy()));
                self.backtrace(error.backtrace());
            }
            Event::Replied { status, bytes, .. } => self.reply(*status, *bytes),
            Event::Done { .. } => {
                self.print_counted_reply();
                self.detail("done");
            }
            Event::Closed { delivered, .. } => {
                self.settle();
                if *delivered == Some(false) {
                    self.warning("the browser may not have received the whole last page");
                }
            }
            _ => {}
        }
    }

    fn print_count(&self, repeated: Repeated, count: u64) {
        let s = match count {
            0 => return,
            1 => "",
            _ => "s",
        };
        let message = match repeated {
            Repeated::GuestFailed { reason } => {
                format!("the guest failed {count} more time{s} ({reason})")
            }
            Repeated::OutgoingRefused => {
                format!("refused {count} more request{s} from the guest to other hosts")
            }
            Repeated::RequestFailed => format!("{count} more request{s} from the guest failed"),
            Repeated::Refused(Refusal::OtherUser) => format!(
                "closed {count} more connection{s} from other users; {}",
                hint::MORE_OTHER_USERS
            ),
            Repeated::Refused(Refusal::PeerGone) => {
                format!("closed {count} more connection{s} that the client had already closed")
            }
            Repeated::Refused(refusal) => {
                format!("refused {count} more request{s} ({})", refusal.reason())
            }
            Repeated::Replied => format!("replied {count} more time{s}"),
        };
        if repeated.is_detail() { self.detail(&message) } else { self.warning(&message) }
    }

    fn reply(&self, status: u16, bytes: usize) {
        self.detail(&format!("replied {status}, {bytes} bytes"));
    }

    /// Prints the reply that completed the flow, if it was only counted.
    fn print_counted_reply(&self) {
        let mut reply = self.counted_reply.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((status, bytes)) = reply.take() else { return };
        let counted = self.with_repeats(|repeats, _| repeats.take(Repeated::Replied));
        self.print_count(Repeated::Replied, counted.saturating_sub(1));
        self.reply(status, bytes);
    }

    fn log(&self, line: &str) {
        if let Some(skipped) = self.with_repeats(|_, log| log.count(line.len(), Instant::now())) {
            self.print_skipped_lines(skipped);
            self.print(("[guest]", DIM), (line, PLAIN));
        }
    }

    fn print_skipped_lines(&self, lines: u64) {
        if lines > 0 {
            self.warning(&format!("skipped {lines} lines of the guest's log"));
        }
    }

    /// Prints the counts of the events and log lines that were skipped. Called at the end of the program.
    pub(crate) fn settle(&self) {
        let (rest, lines) = self.with_repeats(|repeats, log| (repeats.rest(), log.rest()));
        self.print_skipped_lines(lines);
        rest.into_iter().for_each(|(repeated, count)| self.print_count(repeated, count));
    }

    fn with_repeats<T>(&self, f: impl FnOnce(&mut Repeats, &mut LogBudget) -> T) -> T {
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let (repeats, log) = &mut *repeats;
        f(repeats, log)
    }

    fn backtrace(&self, frames: &str) {
        frames.lines().for_each(|frame| self.print(("", PLAIN), (frame, PLAIN)));
    }

    /// Prints the error of a command, after the counts of skipped events.
    pub(crate) fn error(&self, error: &CommandError) {
        let CommandError { message, details, causes, backtrace, hint, .. } = error;
        self.settle();
        self.print(("error:", RED), (message.as_str(), PLAIN));
        for line in details.iter() {
            self.print(("   ", PLAIN), (line.as_str(), PLAIN));
        }
        if !causes.is_empty() {
            self.print(("", PLAIN), ("Caused by:", PLAIN));
        }
        for line in causes.iter().flat_map(|cause| cause.lines().take(LIST)) {
            self.print(("   ", PLAIN), (line, PLAIN));
        }
        self.backtrace(backtrace);
        if let Some(hint) = hint.as_deref() {
            self.print(("hint:", BOLD), (hint, PLAIN));
        }
    }

    /// Prints extra information, dimmed.
    pub(crate) fn note(&self, message: &str) {
        self.print(("", PLAIN), (message, DIM));
    }

    /// Prints the warning that the cache for compiled guests is not used.
    pub(crate) fn cache_unused(&self, reason: &str) {
        self.warning(&format!("compiled guests are not cached: {reason}"));
    }

    pub(crate) fn warning(&self, message: &str) {
        self.print(("warning:", YELLOW), (message, PLAIN));
    }

    /// Shows a status in the last row of the terminal, dimmed and cut to its width. An empty one removes the row.
    pub(crate) fn status(&self, text: &str) {
        let row = screen::rows(text, 0, screen::columns()).first().map_or("", |row| row.trim_end());
        self.stderr.status(&if row.is_empty() { String::new() } else { self.paint(DIM, row) });
    }

    /// Sends the terminal a sequence that sets a mode.
    pub(crate) fn control(&self, sequence: &str) {
        self.stderr.control(sequence);
    }

    fn detail(&self, message: &str) {
        if self.verbose {
            self.note(message);
        }
    }

    /// Prints a URL on one line, so that it can be copied. Wrapping is not needed for safety, because a URL has no
    /// spaces that could push text to the start of the next row.
    fn url(&self, label: &str, url: &str, style: Style) {
        self.stderr.line(&format!("{label} {}", self.paint(style, &visible(url))));
    }

    /// Prints a URL like [`url`](Self::url), as a link where the terminal supports links.
    fn link(&self, label: &str, url: &str) {
        let text = visible(url);
        let text = if self.links { link::clickable(&text) } else { text };
        self.stderr.line(&format!("{label} {text}"));
    }

    /// Prints a label of the host, followed by text that may be untrusted.
    fn print(&self, (label, label_style): (&str, Style), (text, style): (&str, Style)) {
        let text = beginning(&visible(text), MESSAGE);
        let (mut line, indent) = match label {
            "" => (String::new(), 0),
            _ => (self.paint(label_style, label) + " ", label.len() + 1),
        };
        for (number, row) in screen::rows(&text, indent, screen::columns()).into_iter().enumerate()
        {
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

/// Returns what the person should know before the browser opens.
fn contacts(name: &str, hosts: &[String]) -> String {
    let hosts = match hosts {
        [] => "no host".to_owned(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    };
    format!("Signing in with {name}. The guest can reach {hosts}, and cannot read your secrets.")
}
