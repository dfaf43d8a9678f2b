//! What came of the cases, for people and for programs.

use std::io::{self, IsTerminal as _};

use anstyle::{AnsiColor, Style};
use curtaincall::internals::case::Mismatch;
use curtaincall::internals::outcome;
use serde_json::json;

use super::Tested;
use crate::cli::{Color, ReportFormat};
use crate::screen;

const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Counts, and says it.
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

    /// Whether every case did.
    pub(super) fn passed(&self) -> bool {
        self.failed == 0
    }

    /// What is printed for one case.
    pub(super) fn line(&mut self, tested: &Tested) -> String {
        *if tested.report.passed() { &mut self.passed } else { &mut self.failed } += 1;
        match self.format {
            ReportFormat::Text => self.text(tested),
            ReportFormat::Json => outcome::json(&json(tested)) + "\n",
        }
    }

    /// What is printed after the last one.
    pub(super) fn sum(&self) -> String {
        let Self { passed, failed, .. } = self;
        match self.format {
            ReportFormat::Text => format!("\n{passed} passed, {failed} failed\n"),
            ReportFormat::Json => {
                outcome::json(&json!({ "passed": passed, "failed": failed })) + "\n"
            }
        }
    }

    fn text(&self, tested: &Tested) -> String {
        let Tested { name, report, .. } = tested;
        let verdict = match (report.passed(), report.blessed) {
            (false, _) => self.paint(RED, "FAILED "),
            (true, true) => self.paint(YELLOW, "blessed"),
            (true, false) => self.paint(GREEN, "ok     "),
        };
        let mut text = format!("{verdict} {name}\n");
        for warning in &report.warnings {
            text += &format!("    {} {warning}\n", self.paint(YELLOW, "warning:"));
        }
        for Mismatch { line, message, detail, .. } in &report.failures {
            text += &format!("    {name}:{line}: {message}\n");
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

fn json(tested: &Tested) -> serde_json::Value {
    let Tested { name, report, took } = tested;
    let failures: Vec<_> = report
        .failures
        .iter()
        .map(|failure| {
            json!({ "line": failure.line, "message": failure.message, "detail": failure.detail })
        })
        .collect();
    json!({
        "case": name,
        "passed": report.passed(),
        "blessed": report.blessed,
        "seconds": took.as_secs_f64(),
        "failures": failures,
        "warnings": report.warnings,
    })
}
