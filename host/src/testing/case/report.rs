//! What came of a case.

use super::{End, Exchange, Mode};
use crate::sandbox::Remedy;
use crate::variables::Variables;
use crate::visible::visible;

/// What came of a case.
#[derive(Debug, Default)]
pub struct Report {
    /// What is not as expected, in the order of the case; empty where it passed.
    pub failures: Vec<Mismatch>,
    /// What the author may want to know all the same.
    pub warnings: Vec<String>,
    /// Whether a snapshot was written.
    pub blessed: bool,
}

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Of the case, from 1.
    pub line: usize,
    /// What is wrong, in a sentence.
    pub message: String,
    /// More lines, e.g. what was expected and what came.
    pub detail: Option<String>,
    /// Whether running the case with [`Mode::bless`] accepts it.
    pub can_bless: bool,
}

impl Mismatch {
    pub(super) fn new(line: usize, message: String, detail: Option<String>) -> Self {
        Self { line, message, detail, can_bless: false }
    }
}

impl Report {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// Something that is a failure only where the author is strict.
    pub(super) fn warn(&mut self, mode: Mode, line: usize, message: String) {
        if mode.strict {
            self.failures.push(Mismatch::new(line, message, None));
        } else {
            self.warnings.push(format!("line {line}: {message}"));
        }
    }

    /// What helps to understand the last failure: why the guest failed, and what it logged.
    pub(super) fn context(&mut self, exchange: &Exchange, log: &[String]) {
        let Some(failure) = self.failures.last_mut() else { return };
        let mut lines: Vec<String> = failure.detail.take().into_iter().collect();
        match &exchange.end {
            End::Failed(error) => {
                lines.push(match error.remedy() {
                    Some(Remedy::Raise(limit)) => {
                        format!("{error}; raise it with the option `{}`", limit.flag())
                    }
                    Some(Remedy::Grant(grant)) => {
                        format!("{error}; the option `allow-page: {grant}` allows it")
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

    /// What comes from the guest or the case is shown, secrets not, and nothing moves the cursor.
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
