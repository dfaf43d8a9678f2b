//! A test of a guest as a file: requests, and what is expected of each.

mod answer;
mod assert;
mod beside;
mod body;
mod check;
mod lines;
mod parse;
mod report;
mod snapshot;

use std::io;
use std::path::{Path, PathBuf};

use http::StatusCode;

pub use lines::ParseError;
pub use report::{Failure, Report};

use super::exchange::{End, Exchange};
use super::{RawRequest, Setup, TestGuest};
use crate::sandbox::Sandbox;
use assert::Assert;
use beside::Beside;
use snapshot::Snapshot;

/// A test of a guest as a file. `guest/TESTING.md` describes the format, which is Hurl's where that fits.
#[derive(Debug)]
pub struct Case {
    beside: Beside,
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
    /// The longest case, in bytes.
    pub const SIZE_LIMIT: u64 = 4 << 20;

    /// Read a case: a regular file, or `/dev/stdin`.
    ///
    /// # Errors
    /// When it cannot be read, or does not parse: says where.
    pub fn load(file: &Path) -> Result<Self, CaseError> {
        let (root, path) = split(file);
        Self::load_below(root, path)
    }

    /// Read the case at `path` below the folder `root`. Links in `root` are followed, since somebody named it;
    /// those below are not, and what is beside the case is reached in the same way.
    ///
    /// # Errors
    /// As [`Case::load`].
    pub fn load_below(root: &Path, path: &Path) -> Result<Self, CaseError> {
        let beside = Beside::of(root, path);
        let unreadable = |source| CaseError::Read { file: root.join(path), source };
        let content = beside.case(Self::SIZE_LIMIT).map_err(unreadable)?;
        Ok(Self::of(beside, &content)?)
    }

    /// What `content` says as the content of `file`; bodies in files of their own are beside it.
    ///
    /// # Errors
    /// When it does not parse: says where.
    pub fn parse(file: &Path, content: &[u8]) -> Result<Self, ParseError> {
        let (root, path) = split(file);
        Self::of(Beside::of(root, path), content)
    }

    fn of(beside: Beside, content: &[u8]) -> Result<Self, ParseError> {
        let placed = |error| ParseError { file: beside.file.clone(), ..error };
        let text = text(content).map_err(placed)?;
        let (setup, entries) = parse::script(text, &beside).map_err(placed)?;
        Ok(Self { beside, setup, entries })
    }

    /// Put all its requests to the guest. Must not be called in an async runtime.
    ///
    /// # Errors
    /// When the operating system gives no runtime.
    pub fn run(&self, sandbox: &Sandbox, mode: Mode) -> io::Result<Report> {
        let mut guest = TestGuest::of(sandbox.clone(), self.setup.anew(sandbox.limits()))?;
        let mut report = Report::default();
        let mut snapshot = Snapshot::of(&self.beside);
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

/// The folder of a file, and the file in it.
fn split(file: &Path) -> (&Path, &Path) {
    let folder = file.parent().unwrap_or(Path::new(""));
    (folder, Path::new(file.file_name().unwrap_or_default()))
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
