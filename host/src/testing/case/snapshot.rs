//! The snapshot of a case: the exchanges that the author accepted.

use std::io;

use super::check::diff;
use super::folder::CaseFolder;
use super::reaction::Reaction;
use super::report::{CaseFailure, CaseReport};
use super::{Entry, Mode, Step};
use crate::variables::{Variables, redact};

/// Collects the exchanges of a case, and compares them with the snapshot file.
pub(super) struct Snapshot<'a> {
    folder: &'a CaseFolder,
    text: String,
    /// The line of the first step in the snapshot, and the expectation that it could have instead.
    first: Option<(usize, &'static str)>,
}

impl<'a> Snapshot<'a> {
    pub(super) fn of(folder: &'a CaseFolder) -> Self {
        Self { folder, text: String::new(), first: None }
    }

    /// Adds what the guest did in one step.
    pub(super) fn push(&mut self, entry: &Entry, reaction: &Reaction, variables: &Variables) {
        let instead = match &entry.step {
            Step::Authorize => "`[Asserts]` below `AUTHORIZE`",
            Step::Request(_) => "`HTTP 200` below the request",
        };
        self.first.get_or_insert((entry.line, instead));
        let separator = if self.text.is_empty() { "" } else { "\n" };
        let reaction = reaction.to_string();
        let reaction = redact(variables, &reaction);
        self.text.push_str(&format!("{separator}{}\n\n{reaction}", entry.title));
    }

    /// Compares the snapshot with the file, or writes the file.
    pub(super) fn settle(self, mode: Mode, report: &mut CaseReport) {
        let name = self.folder.snapshot_name();
        let file = self.folder.file.with_file_name(&name);
        let file = file.display();
        let Some((line, instead)) = self.first else {
            if self.folder.has(&name) {
                let message = format!(
                    "unused snapshot `{file}`: no request of this case is compared with it"
                );
                report.warn(mode, 1, message);
            }
            return;
        };
        let known = match self.folder.read(&name) {
            Ok(known) => Some(String::from_utf8_lossy(&known).replace("\r\n", "\n")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let message = format!("cannot read the snapshot `{file}`: {error}");
                return report.failures.push(CaseFailure::new(line, message, None));
            }
        };
        match (known, mode.bless) {
            (Some(known), _) if known == self.text => {}
            // A case with other failures is not accepted.
            (_, true) if report.passed() => {
                match self.folder.write(name.as_os_str(), self.text.as_bytes()) {
                    Ok(()) => report.blessed = true,
                    Err(error) => {
                        let message = format!("cannot write the snapshot `{file}`: {error}");
                        report.failures.push(CaseFailure::new(line, message, None));
                    }
                }
            }
            (Some(known), _) => {
                let message = format!("the reply differs from the snapshot `{file}`");
                let detail = Some(diff(&known, &self.text));
                let failure = CaseFailure::new(line, message, detail);
                report.failures.push(CaseFailure { can_bless: true, ..failure });
            }
            (None, _) => {
                let message =
                    format!("missing expectation: add {instead}, or create the snapshot `{file}`");
                let failure = CaseFailure::new(line, message, Some(self.text));
                report.failures.push(CaseFailure { can_bless: true, ..failure });
            }
        }
    }
}
