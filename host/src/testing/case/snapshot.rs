//! The snapshot of a case: its exchanges as they were when somebody looked at them and found them good.

use std::io;

use super::beside::Beside;
use super::check::diff;
use super::report::{Mismatch, Report};
use super::{Entry, Exchange, Mode};
use crate::variables::Variables;

/// What the snapshot beside a case would have to be.
pub(super) struct Snapshot<'a> {
    beside: &'a Beside,
    text: String,
    /// The line of the first request that is in it.
    line: Option<usize>,
}

impl<'a> Snapshot<'a> {
    pub(super) fn of(beside: &'a Beside) -> Self {
        Self { beside, text: String::new(), line: None }
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
        let name = self.beside.snapshot();
        let file = self.beside.file.with_file_name(&name);
        let file = file.display();
        let Some(line) = self.line else {
            if self.beside.has(&name) {
                let message = format!("no request of this case is in the snapshot `{file}`");
                report.warn(mode, 1, message);
            }
            return;
        };
        let known = match self.beside.read(&name) {
            Ok(known) => Some(String::from_utf8_lossy(&known).replace("\r\n", "\n")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let message = format!("cannot read the snapshot `{file}`: {error}");
                return report.failures.push(Mismatch::new(line, message, None));
            }
        };
        match (known, mode.bless) {
            (Some(known), _) if known == self.text => {}
            // What failed otherwise is not what somebody finds good.
            (_, true) if report.passed() => {
                match self.beside.write(name.as_os_str(), self.text.as_bytes()) {
                    Ok(()) => report.blessed = true,
                    Err(error) => {
                        let message = format!("cannot write the snapshot `{file}`: {error}");
                        report.failures.push(Mismatch::new(line, message, None));
                    }
                }
            }
            (Some(known), _) => {
                let message = format!("the snapshot `{file}` is another");
                let detail = Some(diff(&known, &self.text));
                let mismatch = Mismatch::new(line, message, detail);
                report.failures.push(Mismatch { can_bless: true, ..mismatch });
            }
            (None, _) => {
                let message = format!(
                    "nothing is expected of this request: write `HTTP 200` below it, or the snapshot `{file}`"
                );
                let mismatch = Mismatch::new(line, message, Some(self.text));
                report.failures.push(Mismatch { can_bless: true, ..mismatch });
            }
        }
    }
}
