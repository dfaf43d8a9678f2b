//! The result of a case.

use super::{End, Exchange, Mode};
use crate::sandbox::Remedy;
use crate::testing::setup::limit_option;
use crate::variables::Variables;
use crate::visible::visible;

/// The result of a case.
#[derive(Debug, Default)]
pub struct Report {
    /// The mismatches, in the order of the case. Empty if the case passed.
    pub failures: Vec<Mismatch>,
    /// Problems that do not fail the case.
    pub warnings: Vec<String>,
    /// Whether a snapshot was written.
    pub blessed: bool,
}

/// A difference from what the case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The line in the case file, from 1.
    pub line: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// More lines, such as the difference between the expected and the actual text.
    pub detail: Option<String>,
    /// Whether running the case with [`Mode::bless`] accepts the difference.
    pub can_bless: bool,
}

impl Mismatch {
    pub(super) fn new(line: usize, message: String, detail: Option<String>) -> Self {
        Self { line, message, detail, can_bless: false }
    }
}

impl Report {
    /// Whether the case passed.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// Adds a warning, or a failure if `mode` is strict.
    pub(super) fn warn(&mut self, mode: Mode, line: usize, message: String) {
        if mode.strict {
            self.failures.push(Mismatch::new(line, message, None));
        } else {
            self.warnings.push(format!("line {line}: {message}"));
        }
    }

    /// Adds details to the last failure: why the guest failed, and what it logged.
    pub(super) fn context(&mut self, exchange: &Exchange, log: &[String]) {
        let Some(failure) = self.failures.last_mut() else { return };
        let mut lines: Vec<String> = failure.detail.take().into_iter().collect();
        match &exchange.end {
            End::Failed(error) => {
                lines.push(match error.remedy() {
                    Some(Remedy::Raise(limit)) => {
                        format!("{error}; raise it with the option `{}`", limit_option(limit))
                    }
                    Some(Remedy::Grant(grant)) => {
                        format!("{error}; allow it with the option `allow-page: {grant}`")
                    }
                    None => error.to_string(),
                });
                lines.extend(error.backtrace().lines().map(str::to_owned));
            }
            End::Refused(refusal) => {
                let (reason, sentence) = (refusal.reason(), refusal.sentence());
                lines.push(format!("the host refused the request ({reason}): {sentence}"));
            }
            End::Pending | End::Done(_) => {}
        }
        lines.extend(log.iter().map(|line| format!("[guest] {line}")));
        failure.detail = (!lines.is_empty()).then(|| lines.join("\n"));
    }

    /// Redacts the values of the case that are secrets, and escapes control characters.
    pub(super) fn redact(&mut self, variables: &Variables) {
        let shown = |text: &str| {
            let text = variables.redact(text);
            text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
        };
        for failure in &mut self.failures {
            failure.message = shown(&failure.message);
            failure.detail = failure.detail.as_deref().map(shown);
        }
        self.warnings.iter_mut().for_each(|warning| *warning = shown(warning));
    }
}
