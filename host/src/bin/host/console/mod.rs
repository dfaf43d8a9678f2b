//! Messages on standard error, for the person at the terminal.
//!
//! A message may contain untrusted text, from a guest or from the network. Control characters are therefore
//! escaped, and the text is truncated and wrapped, just before it is printed. Colours are added after that.

mod counted;
mod event;

use std::io::{self, IsTerminal as _};
use std::sync::{Arc, Mutex};

use anstyle::{AnsiColor, Style};
use curtaincall::internals::visible::{LIST, beginning, visible};

use crate::cli::Color;
use crate::error::CommandError;
use crate::link;
use crate::place::Advice;
use crate::repeats::{LogBudget, Repeats};
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

    /// Prints what the person can do, with the command on a line of its own.
    pub(crate) fn advice(&self, Advice { text, command }: &Advice) {
        self.print(("", PLAIN), (text, PLAIN));
        if let Some(command) = command {
            self.url("   ", command, BOLD);
        }
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
