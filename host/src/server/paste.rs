//! Callbacks that a person pastes as text, because the browser cannot reach the listener.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::answer::{Answer, answer};
use super::connection::Service;
use super::progress::{LastPage, Progress};
use crate::event::Event;
use crate::reply::Disposition;
use crate::request::{PasteError, Refusal};
use crate::shutdown::Stopped;

/// Passes pasted text to a flow, as if a browser had requested it. [`Flow::pasted`](crate::Flow::pasted) takes the
/// other end.
#[derive(Debug, Clone)]
pub struct Paste {
    texts: mpsc::Sender<Submitted>,
    ready: watch::Receiver<bool>,
}

/// The end of a [`Paste`] that a flow takes.
#[derive(Debug)]
pub struct Pasted {
    texts: mpsc::Receiver<Submitted>,
    ready: watch::Sender<bool>,
}

/// What an accepted text means for the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accepted {
    /// The guest completed the flow.
    Done,
    /// The guest waits for another callback.
    Pending,
}

struct Submitted {
    text: String,
    result: oneshot::Sender<Result<Accepted, PasteError>>,
}

impl Paste {
    /// Creates both ends.
    pub fn channel() -> (Self, Pasted) {
        let (sender, texts) = mpsc::channel(1);
        let (ready, is_ready) = watch::channel(false);
        (Self { texts: sender, ready: is_ready }, Pasted { texts, ready })
    }

    /// Waits until the flow listens and has reported its authorization URL. Never resolves if it ends before that.
    pub async fn ready(&self) {
        if self.ready.clone().wait_for(|ready| *ready).await.is_err() {
            std::future::pending().await
        }
    }

    /// Checks `text` like a callback, and passes it to the guest: the address of the callback, its query, or a bare
    /// code if the flow requires neither `state` nor `iss`. The page of the guest is dropped.
    ///
    /// # Errors
    /// Fails if the text is not a valid callback of this flow, if the guest fails, or if the flow has ended.
    pub async fn submit(&self, text: impl Into<String>) -> Result<Accepted, PasteError> {
        let (result, answer) = oneshot::channel();
        let submitted = Submitted { text: text.into(), result };
        self.texts.send(submitted).await.map_err(|_| PasteError::Ended)?;
        answer.await.unwrap_or(Err(PasteError::Ended))
    }
}

impl Pasted {
    /// Answers each text, until the flow has stopped. Like a connection in flight, a text is answered to the end.
    pub(super) async fn serve(mut self, service: Arc<Service>, mut stopped: Stopped) {
        self.ready.send_replace(true);
        loop {
            let submitted = tokio::select! {
                submitted = self.texts.recv() => submitted,
                () = stopped.wait() => return,
            };
            let Some(Submitted { text, result }) = submitted else { return };
            let answered = service.accept(&text).await;
            // The caller may have stopped waiting.
            let _ = result.send(answered);
        }
    }
}

impl Service {
    /// Passes a pasted callback through the same checks, queue and guest as one from a browser.
    async fn accept(&self, text: &str) -> Result<Accepted, PasteError> {
        let request = self.rules.pasted(text, self.surroundings.session.redirect_uri())?;
        let call = |request| self.sandbox.handle(&self.surroundings, request);
        let refusal = match answer(request, &self.rules, &self.queue, |_| {}, call).await {
            Answer::Replied { reply, turn, .. } => {
                let status = reply.page.status().as_u16();
                self.events.emit(Event::Replied { status, bytes: reply.bytes });
                let Disposition::Done(outcome) = reply.disposition else {
                    return Ok(Accepted::Pending);
                };
                self.queue.close(Refusal::AlreadyDone);
                self.report(Progress::Done { outcome, last_page: LastPage::None });
                drop(turn);
                return Ok(Accepted::Done);
            }
            Answer::Failed(error) => {
                self.events.emit(Event::GuestFailed(error));
                return Err(PasteError::GuestFailed);
            }
            Answer::Refused(refusal) => refusal,
            // The path of a pasted request is that of the callback.
            Answer::Link | Answer::LastPage => Refusal::Path,
        };
        self.events.emit(Event::Refused(refusal));
        Err(PasteError::Refused(refusal))
    }
}
