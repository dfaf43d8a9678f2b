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

use super::answer::{Answer, Step, answer};
use super::delivery;
use super::once::Once;
use super::progress::Progress;
use super::queue::Queue;
use super::room::Slot;
use crate::event::{Event, Events};
use crate::outcome::Outcome;
use crate::reply::{self, Disposition, Page, Reply};
use crate::request::{self, Refusal, Rules};
use crate::sandbox::{Sandbox, Surroundings};
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

/// How far a connection has come.
#[derive(Debug)]
struct Connection {
    slot: Slot,
    /// The request is here, or an answer to a part of it. From now on the connection may finish.
    in_flight: AtomicBool,
    /// The client has sent everything that its request announced.
    read_whole: AtomicBool,
    /// The answer is the page that completes the flow.
    is_done: AtomicBool,
    answered: Notify,
}

impl Connection {
    /// Wait until the client has had its time to read the answer. The last page has no such deadline: the run
    /// has its own.
    async fn overdue(&self) {
        self.answered.notified().await;
        if self.is_done.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        sleep(ANSWER_TIMEOUT).await;
    }

    fn step(&self, step: Step) {
        match step {
            Step::Body(bytes) => self.slot.hold(bytes),
            Step::Admitted => {
                self.read_whole.store(true, Ordering::Relaxed);
                self.in_flight.store(true, Ordering::Relaxed);
                self.slot.stay(true);
            }
        }
    }

    /// There is an answer. Only the last page keeps its slot while it is sent.
    fn settle(&self) {
        self.in_flight.store(true, Ordering::Relaxed);
        self.slot.stay(self.is_done.load(Ordering::Relaxed));
    }
}

/// Held while an answer is being made. Nothing is ever sent.
type Answering = mpsc::Sender<Infallible>;

impl Service {
    /// Serve one connection to its end, until it has to make room for another, or until `stopped`
    /// while no request is in flight.
    ///
    /// Returns whether it carried the page that completes the flow, and that page arrived whole.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        slot: Slot,
        stopped: Stopped,
    ) -> bool {
        let connection = Arc::new(Connection {
            slot,
            in_flight: AtomicBool::new(false),
            read_whole: AtomicBool::new(false),
            is_done: AtomicBool::new(false),
            answered: Notify::new(),
        });
        let (answering, mut answered) = mpsc::channel(1);
        let delivered = tokio::select! {
            delivered = self.run_http(stream, &connection, answering, stopped) => delivered,
            () = connection.slot.evicted() => false,
            () = connection.overdue() => false,
        };
        // The client may have gone, but a guest that works for it may still say `done`.
        let _ = answered.recv().await;
        delivered
    }

    /// Run HTTP on the stream, and close it once the answer has arrived.
    async fn run_http(
        self: &Arc<Self>,
        mut stream: TcpStream,
        connection: &Arc<Connection>,
        answering: Answering,
        mut stopped: Stopped,
    ) -> bool {
        let exchanged = {
            let service = service_fn(|request| {
                page_detached(Arc::clone(self), Arc::clone(connection), answering.clone(), request)
            });
            let http = request::protocol().serve_connection(TokioIo::new(&mut stream), service);
            tokio::pin!(http);
            tokio::select! {
                exchanged = &mut http => exchanged,
                () = stopped.thrown() => {
                    if !connection.in_flight.load(Ordering::Relaxed) {
                        return false;
                    }
                    http.await
                }
            }
        };
        if let Some(refusal) = exchanged.as_ref().err().and_then(Refusal::of) {
            self.events.emit(Event::Refused(refusal));
        }
        let client_owes = !connection.read_whole.load(Ordering::Relaxed);
        let closing = delivery::close(&mut stream, client_owes);
        if connection.is_done.load(Ordering::Relaxed) {
            return closing.await && exchanged.is_ok();
        }
        tokio::select! {
            _ = closing => {},
            () = stopped.thrown() => {},
        }
        false
    }

    /// The page that answers a request. The events say how it came about.
    async fn page_for(&self, connection: &Connection, request: Request<Incoming>) -> Page {
        connection.read_whole.store(request.body().is_end_stream(), Ordering::Relaxed);
        let on_step = |step| connection.step(step);
        let call = |request| self.sandbox.handle(&self.surroundings, request);
        match answer(request, &self.rules, &self.queue, on_step, call).await {
            Answer::Replied { reply, is_document, turn } => {
                let page = self.guest_page(connection, reply, is_document);
                drop(turn);
                connection.settle();
                page
            }
            Answer::Failed(error) => {
                connection.settle();
                self.events.emit(Event::GuestFailed(error));
                reply::failure()
            }
            Answer::Refused(refusal) => self.own_page(connection, Err(refusal)),
            Answer::Link => self.own_page(connection, self.sign_in()),
            Answer::LastPage => self.own_page(connection, self.last_page(connection)),
        }
    }

    /// The page of a guest's reply, or a redirect to it where the reply completes the flow.
    fn guest_page(&self, connection: &Connection, reply: Reply, is_document: bool) -> Page {
        self.events
            .emit(Event::Replied { status: reply.page.status().as_u16(), bytes: reply.bytes });
        connection.slot.hold(reply.bytes);
        let page_follows = is_document && reply.has_page();
        let Reply { page, disposition, .. } = reply;
        match disposition {
            Disposition::Pending => page,
            Disposition::Done(outcome) => self.complete(connection, page, outcome, page_follows),
        }
    }

    /// A page of the host's own.
    fn own_page(&self, connection: &Connection, page: Result<Page, Refusal>) -> Page {
        connection.settle();
        page.unwrap_or_else(|refusal| {
            self.events.emit(Event::Refused(refusal));
            refusal.page()
        })
    }

    /// Send the browser to the authorization URL, once.
    fn sign_in(&self) -> Result<Page, Refusal> {
        let url = self.link.as_ref().and_then(Once::take);
        if url.is_none() && !self.peers_are_checked {
            self.report(Progress::LinkUsedTwice);
        }
        url.and_then(|url| reply::authorize(&url)).ok_or(Refusal::LinkUsed)
    }

    /// The page that completes the flow, for the tab that was sent there.
    fn last_page(&self, connection: &Connection) -> Result<Page, Refusal> {
        let page = self.page.take().ok_or(Refusal::Path)?;
        connection.is_done.store(true, Ordering::Relaxed);
        self.report(Progress::PageTaken);
        Ok(page)
    }

    /// Complete the flow. A tab is redirected to its page, so that its address bar holds no code.
    fn complete(
        &self,
        connection: &Connection,
        page: Page,
        outcome: Outcome,
        page_follows: bool,
    ) -> Page {
        // A run that has stopped no longer listens, so the tab cannot be redirected.
        let page_follows = self.queue.close(Refusal::AlreadyDone) && page_follows;
        let answer = if page_follows {
            self.page.put(page);
            reply::moved(self.page.path().expose(), &outcome)
        } else {
            connection.is_done.store(true, Ordering::Relaxed);
            page
        };
        self.report(Progress::Done { outcome, page_follows });
        answer
    }

    /// Report to the run. It has gone only if it stopped first, and then nothing waits for the report.
    fn report(&self, progress: Progress) {
        let _ = self.progress.send(progress);
    }
}

/// Make the page on a task of its own, so that a client that goes away does not take a guest's `done` with it.
async fn page_detached(
    service: Arc<Service>,
    connection: Arc<Connection>,
    answering: Answering,
    request: Request<Incoming>,
) -> Result<Page, Infallible> {
    if request.body().is_end_stream() {
        connection.in_flight.store(true, Ordering::Relaxed);
    }
    let task = tokio::spawn(async move {
        let page = service.page_for(&connection, request).await;
        connection.answered.notify_one();
        drop(answering);
        page
    });
    Ok(task.await.unwrap_or_else(|_| reply::failure()))
}
