//! The results, as a table or as JSON.

use std::io::{self, Write as _};

use callback_torture::{Problem, Verdict};
use serde_json::json;

use crate::cli::{Args, Exit, Format};

/// The maximum length of printed text of the command, in characters.
const LONGEST: usize = 200;

/// Prints a table row by row, or JSON at the end.
pub(crate) struct Report<'a> {
    args: &'a Args,
    verdicts: Vec<Verdict>,
}

impl<'a> Report<'a> {
    pub(crate) fn of(args: &'a Args) -> Self {
        Self { args, verdicts: Vec::new() }
    }

    pub(crate) fn add(&mut self, verdict: Verdict) -> io::Result<()> {
        if self.args.format == Format::Text {
            if self.verdicts.is_empty() {
                line(&format!("{:<17}  {:<6}  SEEN", "SHAPE", "RESULT"))?;
            }
            let result = if verdict.passed() { "ok" } else { "FAILED" };
            line(&format!("{:<17}  {result:<6}  {}", verdict.shape, self.seen(&verdict)))?;
        }
        self.verdicts.push(verdict);
        Ok(())
    }

    pub(crate) fn end(self) -> io::Result<Exit> {
        let passed = self.verdicts.iter().filter(|verdict| verdict.passed()).count();
        let failed = self.verdicts.len() - passed;
        match self.args.format {
            Format::Text => line(&format!("\n{passed} passed, {failed} failed"))?,
            Format::Json => line(&self.json(passed, failed))?,
        }
        Ok(if failed == 0 { Exit::Passed } else { Exit::Failed })
    }

    fn json(&self, passed: usize, failed: usize) -> String {
        let row = |verdict: &Verdict| {
            let end = verdict.end.as_ref();
            json!({
                "shape": verdict.shape.name(),
                "result": if verdict.passed() { "ok" } else { "failed" },
                "problem": verdict.problem.as_ref().map(Problem::name),
                "seen": self.seen(verdict),
                "page_status": verdict.page,
                "exit": end.and_then(|end| Some(end.status?.to_string())),
                "seconds": end.map(|_| verdict.took.as_secs_f64()),
            })
        };
        let rows: Vec<_> = self.verdicts.iter().map(row).collect();
        let command: Vec<_> =
            self.args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let report =
            json!({ "command": command, "passed": passed, "failed": failed, "rows": rows });
        format!("{report:#}")
    }

    /// What was seen, on one line.
    fn seen(&self, verdict: &Verdict) -> String {
        let status = verdict.end.as_ref().and_then(|end| end.status);
        let Some(problem) = &verdict.problem else {
            let page = verdict.page.map(|page| format!("HTTP {page}"));
            let exit = status.map(|exit| format!("{exit} after {} ms", verdict.took.as_millis()));
            return page.into_iter().chain(exit).collect::<Vec<_>>().join(", ");
        };
        let mut seen = problem.to_string();
        if matches!(problem, Problem::Untrusted(_)) && self.args.ca_cert.is_none() {
            seen += "; trust its authority, or the certificate itself, with `--ca-cert FILE`";
        }
        if let Some(status) = status {
            seen += &format!("; {status}");
        }
        let last_words = verdict.end.as_ref().and_then(|end| end.last_words.as_deref());
        if let Some(last_words) =
            last_words.filter(|_| status.is_none_or(|status| !status.success()))
        {
            seen += &format!("; stderr: {last_words}");
        }
        visible(&seen)
    }
}

/// Escape characters that could move the cursor or reorder the line, and truncate long text.
fn visible(text: &str) -> String {
    let mut visible = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            visible += "...";
            break;
        }
        let is_format = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
        if c.is_control() || is_format {
            visible.extend(c.escape_unicode());
        } else {
            visible.push(c);
        }
    }
    visible
}

/// Write and flush a line, because the next row may take long.
fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .map_err(|error| io::Error::other(format!("cannot write to standard output: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_program_is_escaped_and_truncated() {
        assert_eq!(visible("a\u{1b}[2Jb\u{202e}c"), "a\\u{1b}[2Jb\\u{202e}c");
        assert_eq!(visible(&"x".repeat(500)), format!("{}...", "x".repeat(LONGEST)));
    }
}
