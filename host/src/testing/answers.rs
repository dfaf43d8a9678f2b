//! Canned answers: what the other hosts say that a guest asks.

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

/// What one request of a guest's looks like, and what answers it.
///
/// It answers each request that has its method, its URL, its header fields, and its body or form where it
/// has one. Of several that do, each answers once, in their order, and the last one from then on.
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
    /// Of the case that it is in, from 1.
    line: usize,
}

impl CannedAnswer {
    /// Answers `method url` with an empty 200.
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

    /// Say where in a case it is.
    pub(super) fn at(mut self, line: usize) -> Self {
        self.line = line;
        self
    }

    /// Only a request with this header field.
    #[must_use]
    pub fn if_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Only a request with this value in its form, and perhaps others.
    #[must_use]
    pub fn if_form(mut self, name: &str, value: &str) -> Self {
        self.form.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Only a request with this whole body.
    #[must_use]
    pub fn if_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Answer with this status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }

    /// Answer with this header field, among others.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.response.headers_mut().append(name, value);
        self
    }

    /// Answer with this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.response.body_mut() = body.into();
        self
    }

    /// Answer after this long, in the guest's time.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Do not answer: fail.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    fn answers(&self, request: &Request<Bytes>) -> bool {
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

/// The answers of one test, and what was asked. Clones share both.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    canned: Vec<CannedAnswer>,
    asked: Vec<Request<Bytes>>,
    unanswered: Vec<String>,
}

impl Answers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same answers, of which none was asked for yet.
    pub(super) fn anew(&self) -> Self {
        let mut canned = self.lock().canned.clone();
        canned.iter_mut().for_each(|answer| answer.used = false);
        Self(Arc::new(Mutex::new(State { canned, ..State::default() })))
    }

    pub(super) fn add(&self, answer: CannedAnswer) {
        self.lock().canned.push(answer);
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Request<Bytes>> {
        self.lock().asked.clone()
    }

    /// What was asked since the last time, and no answer covered; as a case would have it.
    pub(super) fn take_unanswered(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().unanswered)
    }

    /// The answers that nobody asked for, with their lines.
    pub(super) fn unused(&self) -> Vec<(usize, String)> {
        let state = self.lock();
        let unused = state.canned.iter().filter(|answer| !answer.used);
        unused.map(|answer| (answer.line, answer.to_string())).collect()
    }

    pub(super) fn upstream(&self) -> Arc<dyn Upstream> {
        Arc::new(self.clone())
    }
}

impl Upstream for Answers {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        let Chosen { delay, result } = self.lock().answer(request);
        Box::pin(async move {
            sleep(delay).await;
            result
        })
    }
}

/// What answers one request.
struct Chosen {
    /// How long it takes, in the guest's time.
    delay: Duration,
    result: Result<Response<Bytes>, Fault>,
}

impl State {
    fn answer(&mut self, request: Request<Bytes>) -> Chosen {
        let fitting = || (0..self.canned.len()).filter(|&at| self.canned[at].answers(&request));
        let chosen = fitting().find(|&at| !self.canned[at].used).or_else(|| fitting().last());
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

/// The URL as the URL standard writes it: two that differ in the case of the host only are one.
fn normalized(url: &Uri) -> String {
    let url = url.to_string();
    url::Url::parse(&url).map(String::from).unwrap_or(url)
}

/// A request as an `[Answer]` of a case begins.
fn shown(request: &Request<Bytes>) -> String {
    let mut text = format!("{} {}", request.method(), request.uri());
    for (name, value) in request.headers().iter().filter(|(name, _)| **name != HOST) {
        let _ = write!(text, "\n{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    match std::str::from_utf8(request.body()) {
        Ok("") => {}
        // A fence ends with a line feed, and such a body does not.
        Ok(body) if !body.contains(['\n', '`']) => {
            let _ = write!(text, "\n`{body}`");
        }
        _ => {
            let _ = write!(text, "\nbase64,{};", STANDARD.encode(request.body()));
        }
    }
    text
}
