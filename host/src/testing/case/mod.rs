//! A test of a guest as a file: requests, and what is expected of each.

mod answer;
mod assert;
mod body;
mod check;
mod lines;
mod parse;
mod report;
mod snapshot;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use http::StatusCode;

pub use lines::ParseError;
pub use report::{Failure, Report};

use super::exchange::{End, Exchange};
use super::{RawRequest, Setup, TestGuest};
use crate::sandbox::Sandbox;
use assert::Assert;
use snapshot::Snapshot;

/// The longest case, in bytes.
const SIZE_LIMIT: u64 = 4 << 20;

/// A test of a guest as a file. README, "Testing your guest", has the format: Hurl's, where that fits.
#[derive(Debug)]
pub struct Case {
    file: PathBuf,
    setup: Setup,
    entries: Vec<Entry>,
}

/// Why there is no such case.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The file cannot be read.
    #[error("{}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It can, but makes no sense.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

/// One request, and what is expected.
#[derive(Debug)]
struct Entry {
    /// From 1.
    line: usize,
    title: String,
    request: RawRequest,
    expectation: Expectation,
}

#[derive(Debug)]
enum Expectation {
    Here(Box<Expected>),
    /// In the file beside the case: the whole exchange.
    Snapshot,
}

/// What a case says of an exchange; each with its line.
#[derive(Debug, Default)]
struct Expected {
    line: usize,
    /// Any, where there is none.
    status: Option<StatusCode>,
    fields: Vec<(usize, String, String)>,
    asserts: Vec<(usize, Assert)>,
    /// As [`End`] is written.
    end: Option<(usize, String)>,
    body: Option<(usize, Vec<u8>)>,
}

/// How to run a case.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mode {
    /// Write the snapshots, instead of comparing with them.
    pub bless: bool,
    /// A warning is a failure, e.g. a canned answer that nobody asked for.
    pub strict: bool,
}

impl Case {
    /// Read a case.
    ///
    /// # Errors
    /// When it cannot be read, or does not parse: says where.
    pub fn load(file: &Path) -> Result<Self, CaseError> {
        let unreadable = |source| CaseError::Read { file: file.to_owned(), source };
        let mut bytes = Vec::new();
        let opened = File::open(file).map_err(unreadable)?;
        opened.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(unreadable(io::Error::other("it is larger than 4 MiB")));
        }
        Ok(Self::parse(file, &bytes)?)
    }

    /// What `content` says as the content of `file`; bodies in files of their own are beside it.
    ///
    /// # Errors
    /// When it does not parse: says where.
    pub fn parse(file: &Path, content: &[u8]) -> Result<Self, ParseError> {
        let placed = |error| ParseError { file: file.to_owned(), ..error };
        let text = text(content).map_err(placed)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let (setup, entries) = parse::script(text, folder).map_err(placed)?;
        Ok(Self { file: file.to_owned(), setup, entries })
    }

    /// Put all its requests to the guest. Must not be called in an async runtime.
    ///
    /// # Errors
    /// When the operating system gives no runtime.
    pub fn run(&self, sandbox: &Sandbox, mode: Mode) -> io::Result<Report> {
        let mut guest = TestGuest::of(sandbox.clone(), self.setup.anew(sandbox.limits()))?;
        let mut report = Report::default();
        let mut snapshot = Snapshot::beside(&self.file);
        for entry in &self.entries {
            let exchange = guest.exchange(&entry.request);
            let log = guest.setup.take_log();
            let unanswered = guest.setup.answers.take_unanswered();
            let told = report.failures.len();
            for asked in &unanswered {
                let message = "no canned answer covers what the guest asked".to_owned();
                report.failures.push(Failure::new(entry.line, message, Some(asked.clone())));
            }
            match &entry.expectation {
                Expectation::Here(expected) => {
                    check::check(expected, &exchange, &log, &mut report.failures);
                }
                Expectation::Snapshot => {
                    if matches!(exchange.end, End::Failed(_)) {
                        let message = "the guest failed: write `HTTP 500` below it if it has to";
                        report.failures.push(Failure::new(entry.line, message.to_owned(), None));
                    }
                    snapshot.push(entry, &exchange, &self.setup.variables);
                }
            }
            for slip in &exchange.slips {
                let message = format!(
                    "line {} of the page is not valid HTML ({}); it is sent as browsers repair it",
                    slip.line, slip.message
                );
                report.warn(mode, entry.line, message);
            }
            if report.failures.len() > told {
                report.context(&exchange, &log);
            }
        }
        for (line, unused) in guest.setup.answers.unused() {
            let message = format!("the canned answer for `{unused}` was never asked for");
            report.warn(mode, line, message);
        }
        snapshot.settle(mode, &mut report);
        report.redact(&self.setup.variables);
        Ok(report)
    }
}

/// Text that a person wrote, or where it is none.
fn text(bytes: &[u8]) -> Result<&str, ParseError> {
    let error = match std::str::from_utf8(bytes) {
        // Some editors begin a file with a byte order mark.
        Ok(text) if !text.contains('\0') => return Ok(text.trim_start_matches('\u{feff}')),
        Ok(text) => text.find('\0').unwrap_or_default(),
        Err(error) => error.valid_up_to(),
    };
    let before = String::from_utf8_lossy(&bytes[..error]);
    Err(ParseError {
        file: PathBuf::new(),
        line: before.matches('\n').count() + 1,
        column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
        message: "this is no UTF-8 text".to_owned(),
    })
}
