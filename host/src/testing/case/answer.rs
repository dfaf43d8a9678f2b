//! A canned answer in a case: a request, and what answers it.

use std::time::Duration;

use http::{Method, Uri};

use super::body;
use super::lines::ParseError;
use super::parse::Parser;
use crate::outgoing::Fault;
use crate::testing::CannedAnswer;

impl Parser<'_> {
    /// A request, and what answers it: `HTTP STATUS` or `FAULT NAME`.
    pub(super) fn answer(&mut self) -> Result<CannedAnswer, ParseError> {
        let asked = self.asked()?;
        let at = &asked.line;
        let method = Method::from_bytes(asked.method.as_bytes());
        let method = method.map_err(|_| at.error(asked.method, "this is no method"))?;
        let url = asked.target.parse::<Uri>().ok().filter(|url| url.authority().is_some());
        let message = "an answer is for an absolute URL, e.g. `https://idp.example/token`";
        let mut answer =
            CannedAnswer::new(method, &url.ok_or_else(|| at.error(asked.target, message))?);
        for (line, name, value) in &asked.fields {
            let (name, value) = line.field(name, value)?;
            answer = answer.if_header(name, value);
        }
        if let Some((line, name, _)) = asked.query.first() {
            return Err(line.error(name, "the URL of an answer has its query in it"));
        }
        answer = asked.form.iter().fold(answer, |a, (_, name, value)| a.if_form(name, value));
        answer = asked.body.into_iter().fold(answer, CannedAnswer::if_body);
        match self.lines.peek() {
            Some(line) if line.is_response() => self.response(answer),
            Some(line) if line.is_fault() => {
                self.lines.next();
                let name = line.text["FAULT ".len()..].trim();
                let fault = Fault::ALL.iter().find(|fault| fault.name().eq_ignore_ascii_case(name));
                let fault = fault.ok_or_else(|| {
                    let known: Vec<_> =
                        Fault::ALL.iter().map(|f| format!("`{}`", f.name())).collect();
                    let message =
                        format!("there is no fault `{name}`; there are {}", known.join(", "));
                    line.error(name, message)
                })?;
                Ok(answer.fault(*fault))
            }
            _ => Err(at.error(at.text, "this answer has no `HTTP STATUS` and no `FAULT NAME`")),
        }
    }

    fn response(&mut self, answer: CannedAnswer) -> Result<CannedAnswer, ParseError> {
        let mut answer = answer.status(self.status()?.unwrap_or_default());
        for (line, name, value) in self.fields()? {
            let (name, value) = line.field(name, value)?;
            answer = answer.header(name, value);
        }
        let mut body = None;
        while let Some(line) = self.lines.peek() {
            if body::begins(&line) {
                self.body(&mut body, line, "an answer")?;
            } else if line.section() == Some("Delay") {
                self.lines.next();
                let line = self.section_line().unwrap_or(line);
                let delay: Result<Duration, _> = humantime::parse_duration(line.text.trim());
                let message = "expected a time, e.g. `50ms`";
                answer = answer.delay(delay.map_err(|_| line.error(line.text, message))?);
            } else {
                break;
            }
        }
        Ok(body.into_iter().fold(answer, CannedAnswer::body))
    }
}
