//! One connection: one request, its answer, and a close that destroys neither.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use super::delivery;
use super::once::Once;
use super::progress::Progress;
use super::queue::Queue;
use super::room::Place;
use crate::event::{Event, Events};
use crate::outcome::Outcome;
use crate::reply::{self, Disposition, Page, Reply};
use crate::request::{self, Admitted, Refusal, Rules};
use crate::sandbox::{GuestError, Sandbox, Surroundings};
use crate::shutdown::Stopped;

/// How long a client may take for the answer; a browser takes milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What all connections of a run share.
pub(crate) struct Service {
    pub(crate) rules: Rules,
    pub(crate) sandbox: Sandbox,
    pub(crate) surroundings: Surroundings,
    pub(crate) queue: Queue,
    pub(crate) events: Events,
    /// The authorization URL, behind the link that the browser is opened with.
    pub(crate) link: Option<Once<String>>,
    /// Whether only the person's own programs can have followed that link.
    pub(crate) peers_are_checked: bool,
    /// The page that completes the flow, for a tab that was sent there.
    pub(crate) page: Once<Page>,
    pub(crate) progress: mpsc::UnboundedSender<Progress>,
}

/// How far this connection's one exchange has come.
#[derive(Debug)]
struct Exchange {
    place: Place,
    /// The request is here, or an answer to what there is of it; from now on the exchange is let finish.
    in_flight: AtomicBool,
    /// The client has sent all that its request announced.
    read_whole: AtomicBool,
    /// The answer is the page that completes the flow.
    is_done: AtomicBool,
    answered: Notify,
}

impl Exchange {
    /// Wait until the client has had its time to take the answer. For the last page that is the run's affair.
    async fn overdue(&self) {
        self.answered.notified().await;
        if self.is_done.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        sleep(ANSWER_TIMEOUT).await;
    }
}

/// Held while an answer is being made; nothing is ever sent.
type Answering = mpsc::Sender<Infallible>;

impl Service {
    /// Serve one connection to its end, until it has to make room for another, or until `stopped`
    /// while no request is in flight.
    ///
    /// Returns whether it carried the page that completes the flow, and that page arrived whole.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        place: Place,
        stopped: Stopped,
    ) -> bool {
        let exchange = Arc::new(Exchange {
            place,
            in_flight: AtomicBool::new(false),
            read_whole: AtomicBool::new(false),
            is_done: AtomicBool::new(false),
            answered: Notify::new(),
        });
        let (answering, mut answered) = mpsc::channel(1);
        let delivered = tokio::select! {
            delivered = self.exchange(stream, &exchange, answering, stopped) => delivered,
            () = exchange.place.evicted() => false,
            () = exchange.overdue() => false,
        };
        // The client may have gone, but a guest that works for it may still say `done`.
        let _ = answered.recv().await;
        delivered
    }

    async fn exchange(
        self: &Arc<Self>,
        mut stream: TcpStream,
        exchange: &Arc<Exchange>,
        answering: Answering,
        mut stopped: Stopped,
    ) -> bool {
        let exchanged = {
            let service = service_fn(|request| {
                answer(Arc::clone(self), Arc::clone(exchange), answering.clone(), request)
            });
            let connection =
                request::protocol().serve_connection(TokioIo::new(&mut stream), service);
            tokio::pin!(connection);
            tokio::select! {
                exchanged = &mut connection => exchanged,
                () = stopped.thrown() => match exchange.in_flight.load(Ordering::Relaxed) {
                    true => connection.await,
                    false => return false,
                },
            }
        };
        if let Some(refusal) = exchanged.as_ref().err().and_then(Refusal::of) {
            self.events.emit(Event::Refused(refusal));
        }
        let client_owes = !exchange.read_whole.load(Ordering::Relaxed);
        let closing = delivery::close(&mut stream, client_owes);
        if exchange.is_done.load(Ordering::Relaxed) {
            return closing.await && exchanged.is_ok();
        }
        tokio::select! {
            _ = closing => {},
            () = stopped.thrown() => {},
        }
        false
    }

    async fn respond(&self, exchange: &Exchange, request: Request<Incoming>) -> Page {
        let replied = self.reply(exchange, request).await;
        exchange.in_flight.store(true, Ordering::Relaxed);
        exchange.place.stay(exchange.is_done.load(Ordering::Relaxed));
        match replied {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => {
                self.events.emit(Event::GuestFailed(error));
                reply::failure()
            }
            Err(refusal) => {
                self.events.emit(Event::Refused(refusal));
                refusal.page()
            }
        }
    }

    async fn reply(
        &self,
        exchange: &Exchange,
        request: Request<Incoming>,
    ) -> Result<Result<Page, GuestError>, Refusal> {
        exchange.read_whole.store(request.body().is_end_stream(), Ordering::Relaxed);
        let admitted = self.rules.admit(request, |bytes| exchange.place.hold(bytes)).await?;
        let request = match admitted {
            Admitted::Callback(request) => request,
            Admitted::Link => return self.sign_in().map(Ok),
            Admitted::Page => return self.last_page(exchange).map(Ok),
        };
        exchange.read_whole.store(true, Ordering::Relaxed);
        exchange.in_flight.store(true, Ordering::Relaxed);
        exchange.place.stay(true);
        let turn = self.queue.turn().await?;
        let is_document = request.is_document();
        let reply = match self.sandbox.handle(&self.surroundings, request).await {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(error)),
        };
        self.events
            .emit(Event::Replied { status: reply.page.status().as_u16(), bytes: reply.bytes });
        exchange.place.hold(reply.bytes);
        let page_follows = is_document && reply.has_page();
        let Reply { page, disposition, .. } = reply;
        let page = match disposition {
            Disposition::Pending => page,
            Disposition::Done(outcome) => self.complete(exchange, page, outcome, page_follows),
        };
        drop(turn);
        Ok(Ok(page))
    }

    /// Send the browser to the authorization URL, once.
    fn sign_in(&self) -> Result<Page, Refusal> {
        let url = self.link.as_ref().and_then(Once::take);
        if url.is_none() && !self.peers_are_checked {
            self.tell(Progress::LinkUsedTwice);
        }
        url.and_then(|url| reply::authorize(&url)).ok_or(Refusal::LinkUsed)
    }

    /// The page that completes the flow, for the tab that was sent there.
    fn last_page(&self, exchange: &Exchange) -> Result<Page, Refusal> {
        let page = self.page.take().ok_or(Refusal::Path)?;
        exchange.is_done.store(true, Ordering::Relaxed);
        self.tell(Progress::PageTaken);
        Ok(page)
    }

    /// The flow is complete. A tab is sent on to its page, so that its address bar holds no code.
    fn complete(
        &self,
        exchange: &Exchange,
        page: Page,
        outcome: Outcome,
        page_follows: bool,
    ) -> Page {
        // A run that has stopped listens no more: there is nowhere to send the tab.
        let page_follows = self.queue.close(Refusal::AlreadyDone) && page_follows;
        let answer = match page_follows {
            true => {
                self.page.put(page);
                reply::moved(self.page.path().expose(), &outcome)
            }
            false => {
                exchange.is_done.store(true, Ordering::Relaxed);
                page
            }
        };
        self.tell(Progress::Done { outcome, page_follows });
        answer
    }

    /// The run has gone only if it stopped first, and then nobody waits.
    fn tell(&self, progress: Progress) {
        let _ = self.progress.send(progress);
    }
}

/// Answer on a task of its own: a client that goes away does not take a guest's `done` with it.
async fn answer(
    service: Arc<Service>,
    exchange: Arc<Exchange>,
    answering: Answering,
    request: Request<Incoming>,
) -> Result<Page, Infallible> {
    if request.body().is_end_stream() {
        exchange.in_flight.store(true, Ordering::Relaxed);
    }
    let task = tokio::spawn(async move {
        let page = service.respond(&exchange, request).await;
        exchange.answered.notify_one();
        drop(answering);
        page
    });
    Ok(task.await.unwrap_or_else(|_| reply::failure()))
}
