//! Parses the step `AUTHORIZE` of a case: the guest's authorization URL, and what the case expects of it.

use super::assert::Subject;
use super::head::{MISPLACED_SETUP, SETUP_SECTIONS};
use super::lines::{Line, ParseError};
use super::parse::Parser;
use super::{EndSection, Entry, Expectation, Expected, Step};
use crate::testing::section::EndKind;

/// The line that begins the step.
pub(super) const AUTHORIZE: &str = "AUTHORIZE";

const SECTIONS: &str = "`[Asserts]`, `[Failure]` or `[Failed]`";

impl<'a> Parser<'a> {
    /// Parses the step that begins on `line`, and the sections that follow. Without sections, the URL is compared with
    /// the snapshot.
    pub(super) fn start(&mut self, line: Line<'a>) -> Result<Entry, ParseError> {
        self.lines.next();
        let text = line.text.trim();
        if text != AUTHORIZE {
            let rest = text.trim_start_matches(AUTHORIZE).trim_start();
            return Err(line.error(rest, "unexpected text after `AUTHORIZE`"));
        }
        let mut expected = Expected { line: line.number, ..Expected::default() };
        let mut is_here = false;
        while let Some(heading) = self.lines.peek() {
            if heading.is_response() {
                let message = format!("`AUTHORIZE` has no reply: expected {SECTIONS}");
                return Err(heading.error(heading.text, message));
            }
            let Some(name) = heading.section() else { break };
            if SETUP_SECTIONS.contains(&name) {
                return Err(heading.error(heading.text, MISPLACED_SETUP));
            }
            is_here = true;
            self.lines.next();
            match EndKind::named(name) {
                _ if name == "Asserts" => {
                    self.asserts(Subject::Start, &mut expected.asserts)?;
                }
                Some(kind @ (EndKind::Failure | EndKind::Failed)) => {
                    let pairs = self.pairs()?.into_iter();
                    let pairs = pairs.map(|(_, name, value)| (name.to_owned(), value.to_owned()));
                    let end = EndSection { kind, pairs: pairs.collect() };
                    if expected.end.replace((heading.number, end)).is_some() {
                        let message = "`AUTHORIZE` cannot have two end sections";
                        return Err(heading.error(heading.text, message));
                    }
                }
                _ => {
                    let message = format!(
                        "unknown section `[{name}]` after `AUTHORIZE`: expected {SECTIONS}"
                    );
                    return Err(heading.error(name, message));
                }
            }
        }
        let expectation =
            if is_here { Expectation::Here(Box::new(expected)) } else { Expectation::Snapshot };
        let title = AUTHORIZE.to_owned();
        Ok(Entry { line: line.number, title, step: Step::Authorize, expectation })
    }
}
