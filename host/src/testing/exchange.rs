//! One exchange with a guest, without a socket: with the same parser, checks, sandbox, limits and validation as in a
//! run.

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

/// The buffer size of the in-memory connection, in bytes.
const PIPE: usize = 64 << 10;

/// The result of one request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The response that a browser would receive.
    pub response: Response<Bytes>,
    /// What the request means for the flow.
    pub end: End,
    /// The time, memory and fuel of the guest call.
    pub cost: Cost,
    /// The places where the guest's page is not valid HTML. `response` contains the page as browsers repair it.
    pub slips: Vec<Slip>,
}

/// What one request means for the flow.
#[derive(Debug)]
#[non_exhaustive]
pub enum End {
    /// The guest waits for another request.
    Pending,
    /// The guest completed the flow.
    Done(Outcome),
    /// The host refused the request, and the guest never saw it.
    Refused(Refusal),
    /// The guest failed, and the host sent its error page.
    Failed(GuestError),
}

impl Exchange {
    /// Returns the outcome of the flow, if the request completed it.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.end {
            End::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Returns the body as text. Invalid UTF-8 is replaced by U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.response.body()).into_owned()
    }
}

/// Formats the response as HTTP text, followed by the section that a case would expect.
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

/// Escapes invisible characters and the backslash, so that different texts always look different.
pub(super) fn shown(text: &str) -> String {
    visible(&text.replace('\\', r"\\"))
}

/// Returns the message for a request that the host refused.
pub fn refusal_message(refusal: Refusal) -> String {
    let (reason, sentence) = (refusal.reason(), request::sentence(refusal));
    format!("the host refused the request before the guest saw it ({reason}): {sentence}")
}

/// Formats the end as the section of a case, without a final line feed.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", EndSection::of(self))
    }
}

/// Sends `raw`, an HTTP/1.1 request, over one connection in memory, and collects the response. If `is_done`, the flow
/// is already complete, and callbacks are refused.
pub async fn exchange(
    raw: &[u8],
    rules: &Rules,
    sandbox: &Sandbox,
    surroundings: &Surroundings,
    is_done: bool,
) -> Exchange {
    let parts = Mutex::new(None);
    let page_for = async |request: Request<Incoming>| {
        let made = Parts::of(request, rules, sandbox, surroundings, is_done).await;
        let page = made.page.clone();
        *parts.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok::<Page, Infallible>(page)
    };
    let (client, server) = tokio::io::duplex(PIPE);
    let (mut reader, mut writer) = tokio::io::split(client);
    let service = service_fn(page_for);
    let connection = request::protocol().serve_connection(TokioIo::new(server), service);
    let write = async {
        // The host may refuse the request before it has read all of it. The response then says so.
        let _ = writer.write_all(raw).await;
        let _ = writer.shutdown().await;
    };
    let read = async {
        let _ = tokio::io::copy(&mut reader, &mut tokio::io::sink()).await;
    };
    // The server never reads bytes after the request, so writing may never finish. Only the server ends the select.
    let client = async {
        tokio::join!(write, read);
        std::future::pending::<Infallible>().await
    };
    let served = tokio::select! {
        served = connection => served,
        never = client => match never {},
    };
    let parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
    let parts = parts.unwrap_or_else(|| {
        let refusal = served.as_ref().err().and_then(Refusal::of);
        Parts::refused(refusal.unwrap_or(Refusal::HeadBroken))
    });
    let Parts { page, end, cost, slips } = parts;
    let (head, body) = page.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Exchange { response: Response::from_parts(head, body), end, cost, slips }
}

/// An exchange whose body is not collected yet.
struct Parts {
    page: Page,
    end: End,
    cost: Cost,
    slips: Vec<Slip>,
}

impl Parts {
    /// Answers a request, and measures the cost of the guest call.
    async fn of(
        request: Request<Incoming>,
        rules: &Rules,
        sandbox: &Sandbox,
        surroundings: &Surroundings,
        is_done: bool,
    ) -> Self {
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
                Self { page: reply.page, end, cost: cost.take(), slips: reply.slips }
            }
            Answer::Failed(error) => {
                let (page, end) = (reply::guest_failed_page(), End::Failed(error));
                Self { page, end, cost: cost.take(), slips: Vec::new() }
            }
            Answer::Refused(refusal) => Self::refused(refusal),
            // The rules of a test define neither of these paths.
            Answer::Link | Answer::LastPage => Self::refused(Refusal::Path),
        }
    }

    fn refused(refusal: Refusal) -> Self {
        let (page, end) = (refusal.page(), End::Refused(refusal));
        Self { page, end, cost: Cost::default(), slips: Vec::new() }
    }
}
