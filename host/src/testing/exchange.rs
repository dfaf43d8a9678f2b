//! One request without a socket: the same parser, checks, sandbox, limits and validation as in a run.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

use super::section::EndSection;
use crate::outcome::Outcome;
use crate::reply::{self, Disposition, Page, Slip};
use crate::request::{self, Refusal, Rules};
use crate::sandbox::{Cost, GuestError, Sandbox, Surroundings};
use crate::server::answer::{Answer, answer};
use crate::server::queue::Queue;
use crate::visible::visible;

/// How much is on its way between the two ends at a time, in bytes.
const PIPE: usize = 64 << 10;

/// What came of one request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// What a browser would have got.
    pub response: Response<Bytes>,
    /// What it means for the flow.
    pub end: End,
    /// What the guest's call took.
    pub cost: Cost,
    /// Where the guest's page is not valid HTML; `response` has it as browsers repair it.
    pub slips: Vec<Slip>,
}

/// What one request means for the flow.
#[derive(Debug)]
pub enum End {
    /// The guest waits for more.
    Pending,
    /// The guest completed the flow.
    Done(Outcome),
    /// The host answered by itself, and the guest never saw it.
    Refused(Refusal),
    /// The guest failed, and the browser got the host's page that says so.
    Failed(GuestError),
}

impl Exchange {
    /// How the flow ended, if it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.end {
            End::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// The body as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.response.body()).into_owned()
    }
}

/// As a person reads it: the response as HTTP has it, and then the end as a case expects it.
impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.response.status();
        writeln!(f, "HTTP {} {}", status.as_u16(), status.canonical_reason().unwrap_or_default())?;
        for (name, value) in self.response.headers() {
            writeln!(f, "{name}: {}", shown(&String::from_utf8_lossy(value.as_bytes())))?;
        }
        let text = self.text();
        if !text.is_empty() {
            writeln!(f)?;
            text.split_terminator('\n').try_for_each(|line| writeln!(f, "{}", shown(line)))?;
        }
        writeln!(f, "\n{}", self.end)
    }
}

/// What cannot be seen is escaped, and so is the backslash: no two texts look alike.
pub(super) fn shown(text: &str) -> String {
    visible(&text.replace('\\', r"\\"))
}

/// As the section of a case, without a line feed at its end.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", EndSection::of(self))
    }
}

/// Put `raw`, an HTTP/1.1 request, to the guest. If the flow `is_done`, a callback is refused.
pub async fn exchange(
    raw: &[u8],
    rules: &Rules,
    sandbox: &Sandbox,
    surroundings: &Surroundings,
    is_done: bool,
) -> Exchange {
    let made = Mutex::new(None);
    let serve = async |request: Request<Incoming>| {
        let exchange = respond(request, rules, sandbox, surroundings, is_done).await;
        let page = exchange.page.clone();
        *made.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
        Ok::<Page, Infallible>(page)
    };
    let (client, server) = tokio::io::duplex(PIPE);
    let (mut answers, mut requests) = tokio::io::split(client);
    let service = service_fn(serve);
    let connection = request::protocol().serve_connection(TokioIo::new(server), service);
    let ask = async {
        // A client that is refused early may not be read to the end, and its answer says so.
        let _ = requests.write_all(raw).await;
        let _ = requests.shutdown().await;
    };
    let hear = async {
        let _ = tokio::io::copy(&mut answers, &mut tokio::io::sink()).await;
    };
    // What is sent beyond the request is never read, so this does not wait until all of it is sent.
    let client = async {
        tokio::join!(ask, hear);
        std::future::pending::<Infallible>().await
    };
    let served = tokio::select! {
        served = connection => served,
        never = client => match never {},
    };
    let made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    let made = made.unwrap_or_else(|| {
        let refusal = served.as_ref().err().and_then(Refusal::of);
        Made::refused(refusal.unwrap_or(Refusal::HeadBroken))
    });
    let Made { page, end, cost, slips } = made;
    let (head, body) = page.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Exchange { response: Response::from_parts(head, body), end, cost, slips }
}

/// An exchange whose page is still hyper's.
struct Made {
    page: Page,
    end: End,
    cost: Cost,
    slips: Vec<Slip>,
}

impl Made {
    fn refused(refusal: Refusal) -> Self {
        let (page, end) = (refusal.page(), End::Refused(refusal));
        Self { page, end, cost: Cost::default(), slips: Vec::new() }
    }
}

async fn respond(
    request: Request<Incoming>,
    rules: &Rules,
    sandbox: &Sandbox,
    surroundings: &Surroundings,
    is_done: bool,
) -> Made {
    let queue = Queue::new();
    if is_done {
        queue.close(Refusal::AlreadyDone);
    }
    let cost = Cell::new(Cost::default());
    let spent = &cost;
    let call = move |request| async move {
        let (reply, cost) = sandbox.handle_here(surroundings, request).await;
        spent.set(cost);
        reply
    };
    match answer(request, rules, &queue, |_| {}, call).await {
        Answer::Replied { reply, .. } => {
            let end = match reply.disposition {
                Disposition::Pending => End::Pending,
                Disposition::Done(outcome) => End::Done(outcome),
            };
            Made { page: reply.page, end, cost: cost.take(), slips: reply.slips }
        }
        Answer::Failed(error) => {
            let (page, end) = (reply::failure(), End::Failed(error));
            Made { page, end, cost: cost.take(), slips: Vec::new() }
        }
        Answer::Refused(refusal) => Made::refused(refusal),
        // A test has neither of these paths.
        Answer::Link | Answer::LastPage => Made::refused(Refusal::Path),
    }
}
