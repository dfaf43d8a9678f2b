//! Test cases: files with requests to a guest and the reply that each expects.

mod assert;
mod body;
mod canned;
mod check;
mod folder;
mod head;
mod lines;
mod parse;
mod reaction;
mod report;
mod snapshot;
mod start;

use std::io;
use std::path::{Path, PathBuf};

use http::StatusCode;

pub use lines::ParseError;
pub use report::{CaseFailure, CaseReport, CaseWarning, FailureContext};

use super::exchange::{End, Exchange};
use super::raw::RawRequest;
use super::section::EndSection;
use super::{Setup, TestGuest};
use crate::sandbox::Sandbox;
use assert::Assert;
use folder::CaseFolder;
use reaction::Reaction;
use snapshot::Snapshot;

/// A parsed test case. `guest/TESTING.md` describes the format, which is based on Hurl.
#[derive(Debug)]
pub struct Case {
    folder: CaseFolder,
    setup: Setup,
    entries: Vec<Entry>,
}

/// Why a case cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The file cannot be read.
    #[error("{}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is not a valid case.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

/// A step and its expectation.
#[derive(Debug)]
struct Entry {
    /// The first line of the step, from 1.
    line: usize,
    title: String,
    step: Step,
    expectation: Expectation,
}

/// What the host does with the guest.
#[derive(Debug)]
enum Step {
    /// It asks for the authorization URL.
    Authorize,
    /// It passes on a request.
    Request(RawRequest),
}

#[derive(Debug)]
enum Expectation {
    Here(Box<Expected>),
    /// Everything that the guest did must equal the snapshot.
    Snapshot,
}

/// What a case expects of a step, each part with its line.
#[derive(Debug, Default)]
struct Expected {
    line: usize,
    /// The status, or `None` if any status is accepted.
    status: Option<StatusCode>,
    fields: Vec<(usize, String, String)>,
    asserts: Vec<(usize, Assert)>,
    end: Option<(usize, EndSection)>,
    body: Option<(usize, Vec<u8>)>,
}

/// How to run a case.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mode {
    /// Whether to write the snapshots instead of comparing with them.
    pub bless: bool,
    /// Whether to treat warnings, such as an unused canned answer, as failures.
    pub strict: bool,
}

impl Case {
    /// The largest case file, in bytes.
    pub const SIZE_LIMIT: u64 = 4 << 20;

    /// Reads a case from a regular file or from `/dev/stdin`.
    ///
    /// # Errors
    /// Fails if the file cannot be read or is not a valid case.
    pub fn load(file: &Path) -> Result<Self, CaseError> {
        let (root, path) = split(file);
        Self::load_below(root, path)
    }

    /// Reads the case at `path` below the folder `root`. Links in `root` are followed, because the user named it. Links
    /// below `root` are not followed, neither for the case nor for the files beside it.
    ///
    /// # Errors
    /// Fails as [`Case::load`] does.
    pub fn load_below(root: &Path, path: &Path) -> Result<Self, CaseError> {
        let folder = CaseFolder::of(root, path);
        let unreadable = |source| CaseError::Read { file: root.join(path), source };
        let content = folder.case(Self::SIZE_LIMIT).map_err(unreadable)?;
        Ok(Self::of(folder, &content)?)
    }

    /// Parses `content` as the content of `file`. Bodies in other files are read from the folder of `file`.
    ///
    /// # Errors
    /// Fails if the content is not a valid case.
    pub fn parse(file: &Path, content: &[u8]) -> Result<Self, ParseError> {
        let (root, path) = split(file);
        Self::of(CaseFolder::of(root, path), content)
    }

    fn of(folder: CaseFolder, content: &[u8]) -> Result<Self, ParseError> {
        let placed = |error| ParseError { file: folder.file.clone(), ..error };
        let text = text(content).map_err(placed)?;
        let (setup, entries) = parse::parse(text, &folder).map_err(placed)?;
        Ok(Self { folder, setup, entries })
    }

    /// Runs the case: calls the guest for each of its steps. Must not be called inside an async runtime.
    ///
    /// # Errors
    /// Fails if the operating system does not provide an async runtime.
    pub fn run(&self, sandbox: &Sandbox, mode: Mode) -> io::Result<CaseReport> {
        let mut guest = TestGuest::of(sandbox.clone(), self.setup.fresh(sandbox.limits()))?;
        let mut report = CaseReport::default();
        let mut snapshot = Snapshot::of(&self.folder);
        for entry in &self.entries {
            let reaction = match &entry.step {
                Step::Authorize => Reaction::Start(guest.authorize_here()),
                Step::Request(request) => Reaction::Reply(Box::new(guest.call_here(request))),
            };
            let log = guest.setup.take_log();
            let unanswered = guest.setup.answers.take_unanswered();
            let failures_before = report.failures.len();
            for request in &unanswered {
                let message = "no canned answer matches the guest's request".to_owned();
                report.failures.push(CaseFailure::new(entry.line, message, Some(request.clone())));
            }
            match &entry.expectation {
                Expectation::Here(expected) => {
                    check::check(expected, &reaction, &log, &mut report.failures);
                }
                Expectation::Snapshot => {
                    if reaction.failed().is_some() {
                        let expectation = match &entry.step {
                            Step::Authorize => "`[Failed]` below `AUTHORIZE`",
                            Step::Request(_) => "`HTTP 500` below the request",
                        };
                        let message =
                            format!("the guest failed: if it should fail, add {expectation}");
                        report.failures.push(CaseFailure::new(entry.line, message, None));
                    }
                    snapshot.push(entry, &reaction, &self.setup.variables);
                }
            }
            for slip in reaction.slips() {
                let message = format!(
                    "invalid HTML in line {} of the page ({}): the host sends it as browsers repair it",
                    slip.line, slip.message
                );
                report.warn(mode, entry.line, message);
            }
            if report.failures.len() > failures_before {
                report.failures[failures_before..].sort_by_key(|failure| failure.line);
                report.explain(&reaction, &log);
            }
        }
        for (line, unused) in guest.setup.answers.unused() {
            let message = format!("unused canned answer for `{unused}`");
            report.warn(mode, line, message);
        }
        snapshot.settle(mode, &mut report);
        // Unused answers and the snapshot are known only at the end, but their lines come first.
        report.failures.sort_by_key(|failure| failure.line);
        report.warnings.sort_by_key(|warning| warning.line);
        report.redact(&self.setup.variables);
        Ok(report)
    }
}

/// Splits a path into the folder and the file name.
fn split(file: &Path) -> (&Path, &Path) {
    let folder = file.parent().unwrap_or(Path::new(""));
    (folder, Path::new(file.file_name().unwrap_or_default()))
}

/// Decodes a case file as text, or returns where it is not text.
fn text(bytes: &[u8]) -> Result<&str, ParseError> {
    let error = match std::str::from_utf8(bytes) {
        // Some editors write a byte order mark at the start of a file.
        Ok(text) if !text.contains('\0') => return Ok(text.trim_start_matches('\u{feff}')),
        Ok(text) => text.find('\0').unwrap_or_default(),
        Err(error) => error.valid_up_to(),
    };
    let before = String::from_utf8_lossy(&bytes[..error]);
    Err(ParseError {
        file: PathBuf::new(),
        line: before.matches('\n').count() + 1,
        column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
        message: "expected UTF-8 text".to_owned(),
        setup: None,
    })
}
