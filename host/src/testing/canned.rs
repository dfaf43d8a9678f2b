//! Canned answers to the guest's requests to other hosts.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use tokio::time::sleep;

use crate::outgoing::{Fault, Sending, Upstream};

/// A canned answer to a guest's requests to another host.
///
/// It matches requests that have the same method and URL, and the given header fields, body and form values, if any. If
/// several answers match, each is used once, in order. After that, the last one is used again.
#[derive(Debug, Clone)]
pub struct CannedAnswer {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Option<Bytes>,
    form: Vec<(String, String)>,
    response: Response<Bytes>,
    delay: Duration,
    fault: Option<Fault>,
    used: bool,
    /// The line in the case file, from 1.
    line: usize,
}

impl CannedAnswer {
    /// Creates an answer to requests for `method` and `url`, with status 200 and an empty body.
    pub fn new(method: Method, url: &Uri) -> Self {
        Self {
            method,
            url: normalized(url),
            headers: HeaderMap::new(),
            body: None,
            form: Vec::new(),
            response: Response::new(Bytes::new()),
            delay: Duration::ZERO,
            fault: None,
            used: false,
            line: 1,
        }
    }

    /// Sets the line in the case file.
    pub(super) fn at(mut self, line: usize) -> Self {
        self.line = line;
        self
    }

    /// Matches only requests that have this header field.
    #[must_use]
    pub fn if_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Matches only requests whose form has this value. The form may have more values.
    #[must_use]
    pub fn if_form(mut self, name: &str, value: &str) -> Self {
        self.form.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Matches only requests with exactly this body.
    #[must_use]
    pub fn if_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the status of the answer.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }

    /// Adds a header field to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.response.headers_mut().append(name, value);
        self
    }

    /// Sets the body of the answer.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.response.body_mut() = body.into();
        self
    }

    /// Delays the answer, measured on the guest's clock.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Makes the request fail, instead of answering it.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    fn matches(&self, request: &Request<Bytes>) -> bool {
        let fields = request.headers();
        let form: Vec<_> = form_urlencoded::parse(request.body()).collect();
        self.method == *request.method()
            && self.url == normalized(request.uri())
            && self
                .headers
                .iter()
                .all(|(name, value)| fields.get_all(name).iter().any(|given| given == value))
            && self
                .form
                .iter()
                .all(|(name, value)| form.iter().any(|(n, v)| n == name && v == value))
            && self.body.as_ref().is_none_or(|body| body == request.body())
    }
}

impl fmt::Display for CannedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// The canned answers of a test, and the requests that the guest sent. Clones share both.
#[derive(Debug, Clone, Default)]
pub(super) struct CannedAnswers(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    canned: Vec<CannedAnswer>,
    asked: Vec<Request<Bytes>>,
    unanswered: Vec<String>,
}

impl CannedAnswers {
    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a copy with the same answers, all unused, and without requests.
    pub(super) fn fresh(&self) -> Self {
        let mut canned = self.lock().canned.clone();
        canned.iter_mut().for_each(|answer| answer.used = false);
        Self(Arc::new(Mutex::new(Record { canned, ..Record::default() })))
    }

    pub(super) fn add(&self, answer: CannedAnswer) {
        self.lock().canned.push(answer);
    }

    /// Returns the requests sent so far.
    pub(super) fn asked(&self) -> Vec<Request<Bytes>> {
        self.lock().asked.clone()
    }

    /// Takes the requests that no answer matched, each as the beginning of an `[Answer]` section.
    pub(super) fn take_unanswered(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().unanswered)
    }

    /// Returns the answers that were never used, with their lines.
    pub(super) fn unused(&self) -> Vec<(usize, String)> {
        let record = self.lock();
        let unused = record.canned.iter().filter(|answer| !answer.used);
        unused.map(|answer| (answer.line, answer.to_string())).collect()
    }

    pub(super) fn upstream(&self) -> Arc<dyn Upstream> {
        Arc::new(self.clone())
    }
}

impl Upstream for CannedAnswers {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        let Chosen { delay, result } = self.lock().choose(request);
        Box::pin(async move {
            sleep(delay).await;
            result
        })
    }
}

/// The result of one request.
struct Chosen {
    /// The time until the result arrives, on the guest's clock.
    delay: Duration,
    result: Result<Response<Bytes>, Fault>,
}

impl Record {
    fn choose(&mut self, request: Request<Bytes>) -> Chosen {
        let matching = || (0..self.canned.len()).filter(|&at| self.canned[at].matches(&request));
        let chosen = matching().find(|&at| !self.canned[at].used).or_else(|| matching().last());
        let answer = chosen.map(|at| &mut self.canned[at]);
        let answer = answer.map(|answer| {
            answer.used = true;
            let result = answer.fault.map_or_else(|| Ok(answer.response.clone()), Err);
            Chosen { delay: answer.delay, result }
        });
        if answer.is_none() {
            self.unanswered.push(shown(&request));
        }
        self.asked.push(request);
        answer.unwrap_or(Chosen { delay: Duration::ZERO, result: Err(Fault::Denied) })
    }
}

/// Normalizes a URL as the URL standard does, so that for example the case of the host does not matter.
fn normalized(url: &Uri) -> String {
    let url = url.to_string();
    url::Url::parse(&url).map(String::from).unwrap_or(url)
}

/// Formats a request as the beginning of an `[Answer]` section.
fn shown(request: &Request<Bytes>) -> String {
    let mut text = format!("{} {}", request.method(), request.uri());
    for (name, value) in request.headers().iter().filter(|(name, _)| **name != HOST) {
        let _ = write!(text, "\n{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    match std::str::from_utf8(request.body()) {
        Ok("") => {}
        // Fenced lines always end with a line feed, so only a body on one line is shown as text.
        Ok(body) if !body.contains(['\n', '`']) => {
            let _ = write!(text, "\n`{body}`");
        }
        _ => {
            let _ = write!(text, "\nbase64,{};", STANDARD.encode(request.body()));
        }
    }
    text
}
