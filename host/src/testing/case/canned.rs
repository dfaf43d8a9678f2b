//! Parses a canned answer in a case: a request and its answer.

use std::time::Duration;

use http::{Method, Uri};

use super::body;
use super::lines::ParseError;
use super::parse::Parser;
use crate::limits;
use crate::outgoing::Fault;
use crate::testing::CannedAnswer;
use crate::testing::raw::RawRequestError;

impl Parser<'_> {
    /// Parses a request and its answer: `HTTP STATUS` or `FAULT NAME`.
    pub(super) fn canned_answer(&mut self) -> Result<CannedAnswer, ParseError> {
        let request = self.request()?;
        let at = &request.line;
        let method = Method::from_bytes(request.method.as_bytes());
        let method = method.map_err(|_| {
            at.error(request.method, RawRequestError::Method(request.method.to_owned()))
        })?;
        let url = request.target.parse::<Uri>().ok().filter(|url| url.authority().is_some());
        let message = "expected an absolute URL such as `https://idp.example/token`";
        let mut answer =
            CannedAnswer::new(method, &url.ok_or_else(|| at.error(request.target, message))?);
        for (line, name, value) in &request.fields {
            let (name, value) = line.field(name, value)?;
            answer = answer.if_header(name, value);
        }
        if let Some((line, name, _)) = request.query.first() {
            return Err(line.error(
                name,
                "unsupported section `[Query]` in an answer: write the query in the URL",
            ));
        }
        for (_, name, value) in &request.form {
            answer = answer.if_form(name, value);
        }
        if let Some(body) = request.body {
            answer = answer.if_body(body);
        }
        let mut delay = self.delay(None)?;
        let answer = match self.lines.peek() {
            Some(line) if line.is_response() => self.response(answer, &mut delay)?,
            Some(line) if line.is_fault() => {
                self.lines.next();
                let name = line.text.trim().trim_start_matches("FAULT").trim();
                let fault = Fault::ALL.iter().find(|fault| fault.name().eq_ignore_ascii_case(name));
                let fault = fault.ok_or_else(|| {
                    let known: Vec<_> =
                        Fault::ALL.iter().map(|f| format!("`{}`", f.name())).collect();
                    let message =
                        format!("unknown fault `{name}`: expected one of {}", known.join(", "));
                    line.error(name, message)
                })?;
                delay = self.delay(delay)?;
                answer.fault(*fault)
            }
            _ => {
                let message = "incomplete answer: expected `HTTP STATUS` or `FAULT NAME`";
                return Err(at.error(at.text, message));
            }
        };
        Ok(answer.delay(delay.unwrap_or_default()).at(at.number))
    }

    fn response(
        &mut self,
        answer: CannedAnswer,
        delay: &mut Option<Duration>,
    ) -> Result<CannedAnswer, ParseError> {
        let line = self.lines.peek().unwrap_or_else(|| self.lines.end());
        let status = self.status()?;
        let status =
            status.ok_or_else(|| line.error(line.text, "an answer needs a status code"))?;
        let mut answer = answer.status(status);
        for (line, name, value) in self.fields()? {
            let (name, value) = line.field(name, value)?;
            answer = answer.header(name, value);
        }
        let mut body = None;
        loop {
            *delay = self.delay(*delay)?;
            match self.lines.peek() {
                Some(line) if body::begins(&line) => self.body(&mut body, line, "an answer")?,
                _ => break,
            }
        }
        Ok(match body {
            Some(body) => answer.body(body),
            None => answer,
        })
    }

    /// Parses an optional `[Delay]` section. `known` is the delay that was parsed before.
    fn delay(&mut self, known: Option<Duration>) -> Result<Option<Duration>, ParseError> {
        let section = self.lines.peek().filter(|line| line.section() == Some("Delay"));
        let Some(section) = section else { return Ok(known) };
        if known.is_some() {
            return Err(section.error(section.text, "duplicate `[Delay]` in an answer"));
        }
        self.lines.next();
        let line = self.section_line().unwrap_or(section);
        let delay = limits::duration(line.text.trim())
            .ok_or_else(|| line.error(line.text, "expected a duration such as `50ms`"))?;
        self.delay(Some(delay))
    }
}
