//! The one path of a request, in a run and in a test: it is checked, waits for its turn, and calls the guest.

use hyper::Request;
use hyper::body::Incoming;

use super::queue::{Queue, Turn};
use crate::reply::Reply;
use crate::request::{Admitted, Refusal, Rules};
use crate::sandbox::{self, GuestError};

/// What answers a request.
pub(crate) enum Answer<'q> {
    /// The guest's reply.
    Replied {
        reply: Reply,
        /// Whether a browser tab navigates here, and so follows a redirect.
        is_document: bool,
        /// No other callback reaches the guest until this is dropped.
        turn: Turn<'q>,
    },
    /// The guest was called and failed.
    Failed(GuestError),
    /// The host refused the request. The guest never saw it.
    Refused(Refusal),
    /// The request follows the link that opens the sign-in.
    Link,
    /// The request fetches the page that completes the flow.
    LastPage,
}

/// How far a request has come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Its body may take this many bytes, and is about to be read.
    Body(usize),
    /// It is a whole and valid callback.
    Admitted,
}

/// Check `request` against `rules`, wait for a turn in `queue`, and pass it to the guest with `call`.
///
/// `on_step` is called at every [`Step`] that the request reaches.
pub(crate) async fn answer<'q, F>(
    request: Request<Incoming>,
    rules: &Rules,
    queue: &'q Queue,
    on_step: impl Fn(Step),
    call: impl FnOnce(sandbox::Request) -> F,
) -> Answer<'q>
where
    F: Future<Output = Result<Reply, GuestError>>,
{
    let request = match rules.admit(request, |bytes| on_step(Step::Body(bytes))).await {
        Ok(Admitted::Callback(request)) => request,
        Ok(Admitted::Link) => return Answer::Link,
        Ok(Admitted::Page) => return Answer::LastPage,
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
