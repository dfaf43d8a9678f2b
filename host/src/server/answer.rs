//! Answers each request, in a run and in a test: checks it, waits for its turn, and calls the guest.

use bytes::Bytes;
use hyper::Request;
use hyper::body::Body;

use super::queue::{Queue, Turn};
use crate::reply::Reply;
use crate::request::{Admitted, Refusal, Rules};
use crate::sandbox::{self, GuestError};

/// The answer to a request.
pub(crate) enum Answer<'q> {
    /// The guest's reply.
    Replied {
        reply: Reply,
        /// Whether a browser tab navigates here. Only a tab follows a redirect.
        is_document: bool,
        /// While this is held, no other callback reaches the guest.
        turn: Turn<'q>,
    },
    /// The guest was called and failed.
    Failed(GuestError),
    /// The host refused the request before it reached the guest.
    Refused(Refusal),
    /// The request is for the one-time link to the authorization URL.
    Link,
    /// The request is for the last page of the flow.
    LastPage,
}

/// A step in the processing of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// The host is about to read the body, which may take this many bytes.
    Body(usize),
    /// The request is a complete and valid callback.
    Admitted,
}

/// Checks `request` against `rules`, waits for a turn in `queue`, and passes it to the guest with `call`.
///
/// `on_step` is called at every [`Step`] that the request reaches.
pub(crate) async fn answer<'q, B, F>(
    request: Request<B>,
    rules: &Rules,
    queue: &'q Queue,
    on_step: impl Fn(Step),
    call: impl FnOnce(sandbox::Request) -> F,
) -> Answer<'q>
where
    B: Body<Data = Bytes> + Unpin,
    F: Future<Output = Result<Reply, GuestError>>,
{
    let request = match rules.admit(request, |bytes| on_step(Step::Body(bytes))).await {
        Ok(Admitted::Callback(request)) => request,
        Ok(Admitted::Link) => return Answer::Link,
        Ok(Admitted::LastPage) => return Answer::LastPage,
        Err(refusal) => return Answer::Refused(refusal),
    };
    on_step(Step::Admitted);
    let turn = match queue.turn().await {
        Ok(turn) => turn,
        Err(refusal) => return Answer::Refused(refusal),
    };
    let is_document = request.is_document();
    match call(request).await {
        Ok(reply) => Answer::Replied { reply, is_document, turn },
        Err(error) => Answer::Failed(error),
    }
}
