//! Formats the results of the cases, as text or JSON, and counts them.

use std::io::{self, IsTerminal as _};

use anstyle::{AnsiColor, Style};
use curtaincall::internals::case::{CaseFailure, CaseWarning};
use curtaincall::internals::outcome;
use serde_json::json;

use super::{TimedCase, place};
use crate::cli::{Color, ReportFormat};
use crate::screen;

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Formats each result, and counts how many cases passed and failed.
pub(super) struct Tally {
    format: ReportFormat,
    color: bool,
    passed: usize,
    failed: usize,
}

impl Tally {
    pub(super) fn new(format: ReportFormat, color: Color) -> Self {
        let color = color.applies(io::stdout().is_terminal());
        Self { format, color, passed: 0, failed: 0 }
    }

    /// Returns whether every case passed.
    pub(super) fn passed(&self) -> bool {
        self.failed == 0
    }

    /// Counts a result, and returns what to print for it.
    pub(super) fn line(&mut self, result: &TimedCase) -> String {
        if result.report.passed() {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        match self.format {
            ReportFormat::Text => self.text(result),
            ReportFormat::Json => outcome::json(&json(result)) + "\n",
        }
    }

    /// Returns what to print after the last case.
    pub(super) fn total(&self) -> String {
        let Self { passed, failed, .. } = self;
        match self.format {
            ReportFormat::Text => format!("\n{passed} passed, {failed} failed\n"),
            ReportFormat::Json => {
                outcome::json(&json!({ "passed": passed, "failed": failed })) + "\n"
            }
        }
    }

    fn text(&self, result: &TimedCase) -> String {
        let TimedCase { name, report, .. } = result;
        let verdict = if !report.passed() {
            self.paint(RED, "FAILED ")
        } else if report.blessed {
            self.paint(YELLOW, "blessed")
        } else {
            self.paint(GREEN, "ok     ")
        };
        let mut text = format!("{verdict} {name}\n");
        for CaseWarning { line, message } in &report.warnings {
            text += &format!("    {name}:{line}: {} {message}\n", self.paint(YELLOW, "warning:"));
        }
        for failure in &report.failures {
            let CaseFailure { message, detail, .. } = failure;
            text += &format!("    {}: {message}\n", place(name, failure));
            for line in detail.iter().flat_map(|detail| detail.lines()) {
                let line = match line.chars().next() {
                    Some('-') => self.paint(RED, line),
                    Some('+') => self.paint(GREEN, line),
                    _ => line.to_owned(),
                };
                let indented = format!("        {line}");
                text += indented.trim_end();
                text.push('\n');
            }
        }
        text
    }

    fn paint(&self, style: Style, text: &str) -> String {
        screen::paint(self.color, style, text)
    }
}

fn json(result: &TimedCase) -> serde_json::Value {
    let TimedCase { name, report, took } = result;
    let failures: Vec<_> = report
        .failures
        .iter()
        .map(|failure| {
            let CaseFailure { line, column, message, detail, .. } = failure;
            json!({ "line": line, "column": column, "message": message, "detail": detail })
        })
        .collect();
    let warnings: Vec<_> = report
        .warnings
        .iter()
        .map(|CaseWarning { line, message }| json!({ "line": line, "message": message }))
        .collect();
    json!({
        "case": name,
        "passed": report.passed(),
        "blessed": report.blessed,
        "seconds": took.as_secs_f64(),
        "failures": failures,
        "warnings": warnings,
    })
}
