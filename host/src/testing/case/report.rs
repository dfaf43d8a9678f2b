//! The result of a case.

use super::Mode;
use super::reaction::Reaction;
use crate::sandbox::Remedy;
use crate::variables::{Variables, redact};
use crate::visible::visible;

/// The result of a case.
#[derive(Debug, Default)]
pub struct CaseReport {
    /// The failures, in the order of their lines. Empty if the case passed.
    pub failures: Vec<CaseFailure>,
    /// Problems that do not fail the case, in the order of their lines.
    pub warnings: Vec<CaseWarning>,
    /// Whether a snapshot was written.
    pub blessed: bool,
}

/// A problem that does not fail a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseWarning {
    /// The line in the case file, from 1.
    pub line: usize,
    /// What is wrong, in one line.
    pub message: String,
}

/// A reason why a case failed, such as a difference from what it expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFailure {
    /// The line in the case file, from 1.
    pub line: usize,
    /// The column in characters, from 1, if the failure is about one place in the line.
    pub column: Option<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// More lines, such as the difference between the expected and the actual text.
    pub detail: Option<String>,
    /// What the host knows about the exchange. Only the last failure of an exchange has it.
    pub context: FailureContext,
    /// Whether running the case with [`Mode::bless`] accepts the difference.
    pub can_bless: bool,
}

/// What the host knows about an exchange that a case did not expect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureContext {
    /// Why the guest failed, or why the host refused the request.
    pub reason: Option<String>,
    /// The change that would let the guest's call succeed, if known.
    pub remedy: Option<Remedy>,
    /// The guest's stack frames, then its log.
    pub lines: Vec<String>,
}

impl CaseFailure {
    /// Creates a failure without context.
    pub fn new(line: usize, message: String, detail: Option<String>) -> Self {
        let context = FailureContext::default();
        Self { line, column: None, message, detail, context, can_bless: false }
    }

    /// Returns whether nothing but `detail` is printed below the message.
    pub(super) fn shows_only(&self, detail: Option<&String>) -> bool {
        self.detail.as_ref() == detail && self.context == FailureContext::default()
    }
}

impl CaseReport {
    /// Returns whether the case passed.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// Adds a warning, or a failure if `mode` is strict.
    pub(super) fn warn(&mut self, mode: Mode, line: usize, message: String) {
        if mode.strict {
            self.failures.push(CaseFailure::new(line, message, None));
        } else {
            self.warnings.push(CaseWarning { line, message });
        }
    }

    /// Adds to the last failure why the guest failed, and what it logged.
    pub(super) fn explain(&mut self, reaction: &Reaction, log: &[String]) {
        if let Some(failure) = self.failures.last_mut() {
            failure.context = reaction.context(log);
        }
    }

    /// Redacts the values of the case that are secrets, and escapes control characters.
    pub(super) fn redact(&mut self, variables: &Variables) {
        let shown = |text: &str| {
            let text = redact(variables, text);
            text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
        };
        for failure in &mut self.failures {
            failure.message = shown(&failure.message);
            failure.detail = failure.detail.as_deref().map(shown);
            let context = &mut failure.context;
            context.reason = context.reason.as_deref().map(shown);
            context.lines.iter_mut().for_each(|line| *line = shown(line));
        }
        for CaseWarning { message, .. } in &mut self.warnings {
            *message = shown(message);
        }
    }
}
