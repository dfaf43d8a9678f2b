//! Parses the text of a case.

use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::assert::{Assert, Subject};
use super::body;
use super::folder::CaseFolder;
use super::head::{MISPLACED_SETUP, SETUP_SECTIONS};
use super::lines::{Line, Lines, ParseError};
use super::start::AUTHORIZE;
use super::{EndSection, Entry, Expectation, Expected, Step};
use crate::request::REFUSALS;
use crate::testing::Setup;
use crate::testing::raw::{RawRequest, form_body};
use crate::testing::section::EndKind;

const FORM_AND_BODY: &str = "a request cannot have both a form and a body";

/// Parses a case into its setup and its requests with their expectations.
pub(super) fn parse(text: &str, folder: &CaseFolder) -> Result<(Setup, Vec<Entry>), ParseError> {
    let mut parser = Parser { lines: Lines::of(text), folder };
    let setup = parser.setup()?;
    let mut entries = Vec::new();
    while let Some(line) = parser.lines.peek() {
        entries.push(parser.entry(line)?);
    }
    if entries.is_empty() {
        Err(parser.lines.end().error("", "the case has no request"))
    } else {
        Ok((setup, entries))
    }
}

/// Checks that a line of `[Refused]` names a reason that exists. Otherwise, a typo would look like another refusal.
fn check_refusal((line, name, value): &Pair<'_>) -> Result<(), ParseError> {
    let known = |reason: &str| REFUSALS.iter().any(|refusal| refusal.reason() == reason);
    if *name != "reason" || known(value) {
        return Ok(());
    }
    let names: Vec<_> = REFUSALS.iter().map(|refusal| format!("`{}`", refusal.reason())).collect();
    let message = format!("unknown reason `{value}`: expected one of {}", names.join(", "));
    Err(line.error(value, message))
}

pub(super) struct Parser<'a> {
    pub(super) lines: Lines<'a>,
    pub(super) folder: &'a CaseFolder,
}

pub(super) type Pair<'a> = (Line<'a>, &'a str, &'a str);

/// A request to the guest, or the request of a canned answer.
pub(super) struct ParsedRequest<'a> {
    pub(super) line: Line<'a>,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) fields: Vec<Pair<'a>>,
    pub(super) query: Vec<Pair<'a>>,
    pub(super) form: Vec<Pair<'a>>,
    pub(super) body: Option<Vec<u8>>,
}

impl<'a> Parser<'a> {
    fn entry(&mut self, line: Line<'a>) -> Result<Entry, ParseError> {
        if line.text.split_whitespace().next() == Some(AUTHORIZE) {
            return self.start(line);
        }
        let parsed = self.request()?;
        let mut target = parsed.target.to_owned();
        for (_, name, value) in &parsed.query {
            let [name, value] =
                [name, value].map(|text| utf8_percent_encode(text, NON_ALPHANUMERIC));
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&format!("{name}={value}"));
        }
        let mut fields: Vec<_> = parsed
            .fields
            .iter()
            .map(|(_, name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let body = if parsed.form.is_empty() {
            parsed.body.unwrap_or_default()
        } else {
            let pairs = parsed.form.iter().map(|(_, name, value)| (*name, *value));
            form_body(pairs, &mut fields)
        };
        let request = RawRequest::new(parsed.method, &target, &fields, &body)
            .map_err(|error| parsed.line.error(parsed.target, error))?;
        let expectation = match self.lines.peek() {
            Some(line) if line.is_response() => Expectation::Here(Box::new(self.expected()?)),
            _ => Expectation::Snapshot,
        };
        let title = format!("{} {target}", parsed.method);
        Ok(Entry { line: line.number, title, step: Step::Request(request), expectation })
    }

    /// Parses `METHOD TARGET`, header fields, `[Query]`, `[Form]`, and a body.
    pub(super) fn request(&mut self) -> Result<ParsedRequest<'a>, ParseError> {
        let line = self.lines.peek().unwrap_or_else(|| self.lines.end());
        if !line.is_request() {
            let message = match line.section() {
                Some(section) if SETUP_SECTIONS.contains(&section) => MISPLACED_SETUP.to_owned(),
                Some("Asserts" | "Pending" | "Success" | "Failure" | "Refused" | "Failed") => {
                    "expected `HTTP STATUS` or `HTTP *` before this section".to_owned()
                }
                Some(other) => {
                    format!("unknown request section `[{other}]`: expected `[Query]` or `[Form]`")
                }
                None => "expected a request such as `GET /callback?code=abc` (method in capitals)"
                    .to_owned(),
            };
            return Err(line.error(line.text, message));
        }
        self.lines.next();
        let text = line.text.trim();
        let text = text.strip_suffix(" HTTP/1.1").unwrap_or(text);
        let (method, target) = text.split_once(' ').unwrap_or((text, ""));
        let target = target.trim();
        if let Some(space) = target.find(' ') {
            let message = "expected `METHOD TARGET`: write a space in the target as `%20`";
            return Err(line.error(&target[space..], message));
        }
        let fields = self.fields()?;
        let mut parsed =
            ParsedRequest { line, method, target, fields, query: vec![], form: vec![], body: None };
        while let Some(line) = self.lines.peek() {
            if body::begins(&line) {
                self.body(&mut parsed.body, line, "a request")?;
                if !parsed.form.is_empty() {
                    return Err(line.error(line.text, FORM_AND_BODY));
                }
                continue;
            }
            match line.section() {
                Some("Query" | "QueryStringParams") => {
                    self.lines.next();
                    parsed.query.extend(self.pairs()?);
                }
                Some("Form" | "FormParams") => {
                    self.lines.next();
                    parsed.form.extend(self.pairs()?);
                    if parsed.body.is_some() {
                        return Err(line.error(line.text, FORM_AND_BODY));
                    }
                }
                _ => break,
            }
        }
        Ok(parsed)
    }

    pub(super) fn body(
        &mut self,
        body: &mut Option<Vec<u8>>,
        line: Line<'a>,
        of: &str,
    ) -> Result<(), ParseError> {
        match body.replace(body::read(&mut self.lines, self.folder)?) {
            Some(_) => Err(line.error(line.text, format!("{of} cannot have two bodies"))),
            None => Ok(()),
        }
    }

    /// Parses `HTTP STATUS`, with an optional reason phrase. Returns `None` for `HTTP *`.
    pub(super) fn status(&mut self) -> Result<Option<StatusCode>, ParseError> {
        let Some(line) = self.lines.next() else { return Ok(None) };
        let (_, text) = line.text.trim().split_once(' ').unwrap_or_default();
        let (number, reason) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let status = match number {
            "*" => None,
            number => Some(number.parse::<StatusCode>().map_err(|_| {
                let message = format!(
                    "invalid status code `{number}`: expected a line such as `HTTP 200` or `HTTP *`"
                );
                line.error(text, message)
            })?),
        };
        let known = status.and_then(|status| status.canonical_reason()).unwrap_or_default();
        match reason.trim() {
            "" => Ok(status),
            reason if reason.eq_ignore_ascii_case(known) => Ok(status),
            reason => Err(line.error(
                reason,
                "unexpected text after the status: write other expectations below it",
            )),
        }
    }

    fn expected(&mut self) -> Result<Expected, ParseError> {
        let line = self.lines.peek().map_or(1, |line| line.number);
        let mut expected = Expected { line, status: self.status()?, ..Expected::default() };
        for (line, name, value) in self.fields()? {
            expected.fields.push((line.number, name.to_ascii_lowercase(), value.to_owned()));
        }
        while let Some(line) = self.lines.peek() {
            if body::begins(&line) {
                let mut body = expected.body.take().map(|(_, body)| body);
                self.body(&mut body, line, "a response")?;
                expected.body = body.map(|body| (line.number, body));
                continue;
            }
            if let Some(kind) = line.section().and_then(EndKind::named) {
                self.lines.next();
                let pairs = self.pairs()?;
                if kind == EndKind::Refused {
                    pairs.iter().try_for_each(check_refusal)?;
                }
                let pairs = pairs.into_iter();
                let owned = |(_, name, value): Pair<'_>| (name.to_owned(), value.to_owned());
                let end = EndSection { kind, pairs: pairs.map(owned).collect() };
                if expected.end.replace((line.number, end)).is_some() {
                    return Err(line.error(line.text, "a request cannot have two end sections"));
                }
                continue;
            }
            match line.section() {
                Some("Asserts") => {
                    self.lines.next();
                    self.asserts(Subject::Reply, &mut expected.asserts)?;
                }
                Some(section) if SETUP_SECTIONS.contains(&section) => {
                    return Err(line.error(line.text, MISPLACED_SETUP));
                }
                Some(other) => {
                    let sections = "`[Asserts]`, `[Pending]`, `[Success]`, `[Failure]`, `[Refused]` or `[Failed]`";
                    let message =
                        format!("unknown response section `[{other}]`: expected {sections}");
                    return Err(line.error(other, message));
                }
                None => break,
            }
        }
        Ok(expected)
    }

    /// Parses asserts until another part of the case begins.
    pub(super) fn asserts(
        &mut self,
        subject: Subject,
        asserts: &mut Vec<(usize, Assert)>,
    ) -> Result<(), ParseError> {
        while let Some(line) = self.section_line() {
            asserts.push((line.number, Assert::parse(&line, subject)?));
        }
        Ok(())
    }

    /// Parses header fields until another part of the case begins.
    pub(super) fn fields(&mut self) -> Result<Vec<Pair<'a>>, ParseError> {
        let mut fields = Vec::new();
        while let Some(line) = self.section_line() {
            let (name, value) = line.pair()?;
            line.field(name, value)?;
            fields.push((line, name, value));
        }
        Ok(fields)
    }

    /// Parses `name: value` lines until another part of the case begins.
    pub(super) fn pairs(&mut self) -> Result<Vec<Pair<'a>>, ParseError> {
        let mut pairs = Vec::new();
        while let Some(line) = self.section_line() {
            let (name, value) = line.pair()?;
            pairs.push((line, name, value));
        }
        Ok(pairs)
    }

    /// Reads the next line, unless another part of the case begins there.
    pub(super) fn section_line(&mut self) -> Option<Line<'a>> {
        let line = self.lines.peek()?;
        let begins_part =
            line.section().is_some() || line.is_request() || line.is_response() || line.is_fault();
        if begins_part || body::begins(&line) { None } else { self.lines.next() }
    }
}
