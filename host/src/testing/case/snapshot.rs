//! The snapshot of a case: its exchanges as they were when somebody looked at them and found them good.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::check::diff;
use super::report::{Failure, Report};
use super::{Entry, Exchange, Mode};
use crate::variables::Variables;

/// What the snapshot beside a case would have to be.
pub(super) struct Snapshot {
    file: PathBuf,
    text: String,
    /// The line of the first request that is in it.
    line: Option<usize>,
}

impl Snapshot {
    /// Of `case.case` it is `case.snap`.
    pub(super) fn beside(case: &Path) -> Self {
        Self { file: case.with_extension("snap"), text: String::new(), line: None }
    }

    pub(super) fn push(&mut self, entry: &Entry, exchange: &Exchange, variables: &Variables) {
        self.line.get_or_insert(entry.line);
        let separator = if self.text.is_empty() { "" } else { "\n" };
        let exchange = exchange.to_string();
        let exchange = variables.redact(&exchange);
        self.text.push_str(&format!("{separator}{}\n\n{exchange}", entry.title));
    }

    /// Compare it with the file, or write the file.
    pub(super) fn settle(self, mode: Mode, report: &mut Report) {
        let file = self.file.display();
        let Some(line) = self.line else {
            if self.file.exists() {
                let message = format!("no request of this case is in the snapshot `{file}`");
                report.warn(mode, 1, message);
            }
            return;
        };
        let known = match fs::read(&self.file) {
            Ok(known) => Some(String::from_utf8_lossy(&known).replace("\r\n", "\n")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let message = format!("cannot read the snapshot `{file}`: {error}");
                return report.failures.push(Failure::new(line, message, None));
            }
        };
        match (known, mode.bless) {
            (Some(known), _) if known == self.text => {}
            // What failed otherwise is not what somebody finds good.
            (_, true) if report.passed() => match fs::write(&self.file, &self.text) {
                Ok(()) => report.blessed = true,
                Err(error) => {
                    let message = format!("cannot write the snapshot `{file}`: {error}");
                    report.failures.push(Failure::new(line, message, None));
                }
            },
            (Some(known), _) => {
                let message =
                    format!("the snapshot `{file}` is another; `--bless` accepts this one");
                let detail = Some(diff(&known, &self.text));
                report.failures.push(Failure::new(line, message, detail));
            }
            (None, _) => {
                let message = format!(
                    "nothing is expected of this request: write `HTTP 200` below it, or accept what comes with `--bless`, as `{file}`"
                );
                report.failures.push(Failure::new(line, message, Some(self.text)));
            }
        }
    }
}
