//! Serves one connection: one request, its answer, and a close that loses no data.

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
use super::progress::{LastPage, Progress};
use super::queue::Queue;
use super::room::Slot;
use super::stream::{Stream, Unclosed};
#[cfg(feature = "net")]
use super::tls::{self, Opened, TlsIdentity};
use crate::event::{Event, Events};
use crate::outcome::Outcome;
use crate::reply::{self, Disposition, Page, Reply};
use crate::request::{self, Refusal, Rules};
use crate::sandbox::{Sandbox, Surroundings};
use crate::shutdown::Stopped;

/// How long a client may take to read the answer. A browser takes milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The state that all connections of a run share.
pub(crate) struct Service {
    /// The certificate of the listener, if it receives the callback over https.
    #[cfg(feature = "net")]
    pub(crate) tls: Option<TlsIdentity>,
    pub(crate) rules: Rules,
    pub(crate) sandbox: Sandbox,
    pub(crate) surroundings: Surroundings,
    pub(crate) queue: Queue,
    pub(crate) events: Events,
    /// The authorization URL, which is served once, at the link at which the browser is opened.
    pub(crate) link: Option<Once<String>>,
    /// Whether only programs of this user can have used that link.
    pub(crate) peers_are_checked: bool,
    /// The last page of the flow, which is served once, to the tab that was redirected to it.
    pub(crate) last_page: Once<Page>,
    pub(crate) progress: mpsc::UnboundedSender<Progress>,
}

/// The state of one connection.
#[derive(Debug)]
struct Connection {
    slot: Slot,
    /// Whether the request or its answer is complete. A run that stops lets such a connection finish.
    in_flight: AtomicBool,
    /// Whether the client has sent the whole request.
    read_whole: AtomicBool,
    /// Whether the answer is the last page of the flow.
    is_done: AtomicBool,
    /// Whether the client sends plain HTTP, and the listener has a certificate.
    lacks_tls: AtomicBool,
    answered: Notify,
}

impl Connection {
    /// Waits until the client's time to read the answer is over. The last page has no such deadline, because the run
    /// sets one.
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
                self.slot.protect(true);
            }
        }
    }

    /// Records that the answer is ready. Only the last page stays protected from eviction while it is sent.
    fn answer_is_ready(&self) {
        self.in_flight.store(true, Ordering::Relaxed);
        self.slot.protect(self.is_done.load(Ordering::Relaxed));
    }
}

/// A guard that is held while an answer is being made. Nothing is ever sent on the channel.
type Answering = mpsc::Sender<Infallible>;

impl Service {
    /// Serves one connection until it is closed or evicted, or until `stopped` if no request is in flight.
    ///
    /// Returns whether the connection delivered the whole last page of the flow.
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
            lacks_tls: AtomicBool::new(false),
            answered: Notify::new(),
        });
        let (answering, mut answered) = mpsc::channel(1);
        let delivered = tokio::select! {
            delivered = self.run(stream, &connection, answering, stopped) => delivered,
            () = connection.slot.evicted() => false,
            () = connection.overdue() => false,
        };
        // Wait even if the client has disconnected: the guest call for its request may still complete the flow.
        let _ = answered.recv().await;
        delivered
    }

    /// Runs HTTP on the socket, over TLS if the listener has a certificate.
    async fn run(
        self: &Arc<Self>,
        stream: TcpStream,
        connection: &Arc<Connection>,
        answering: Answering,
        stopped: Stopped,
    ) -> bool {
        #[cfg(feature = "net")]
        if let Some(identity) = &self.tls {
            return self.run_tls(identity, stream, connection, answering, stopped).await;
        }
        self.run_http(stream, connection, answering, stopped).await
    }

    /// Performs the TLS handshake, and runs HTTP if it succeeds. A run that stops drops a connection in the handshake.
    #[cfg(feature = "net")]
    async fn run_tls(
        self: &Arc<Self>,
        identity: &TlsIdentity,
        stream: TcpStream,
        connection: &Arc<Connection>,
        answering: Answering,
        mut stopped: Stopped,
    ) -> bool {
        let opened = tokio::select! {
            opened = tls::open(stream, identity) => opened,
            () = stopped.wait() => Opened::Closed,
        };
        match opened {
            Opened::Secure(stream) => {
                return self.run_http(*stream, connection, answering, stopped).await;
            }
            Opened::Plain(stream) => {
                connection.lacks_tls.store(true, Ordering::Relaxed);
                return self.run_http(stream, connection, answering, stopped).await;
            }
            Opened::Refused(mut stream, refusal) => {
                self.events.emit(Event::Refused(refusal));
                tokio::select! {
                    _ = delivery::close(&mut stream, true) => {},
                    () = stopped.wait() => {},
                }
            }
            Opened::TimedOut => self.events.emit(Event::Refused(Refusal::HandshakeTimeout)),
            Opened::Closed => {}
        }
        false
    }

    /// Runs HTTP on the stream, and closes it once the client has the answer.
    async fn run_http<S: Stream>(
        self: &Arc<Self>,
        mut stream: S,
        connection: &Arc<Connection>,
        answering: Answering,
        mut stopped: Stopped,
    ) -> bool {
        let exchanged = {
            let service = service_fn(|request| {
                page_detached(Arc::clone(self), Arc::clone(connection), answering.clone(), request)
            });
            let unclosed = TokioIo::new(Unclosed(&mut stream));
            let http = request::protocol().serve_connection(unclosed, service);
            tokio::pin!(http);
            tokio::select! {
                exchanged = &mut http => exchanged,
                () = stopped.wait() => {
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
        let may_send_more = !connection.read_whole.load(Ordering::Relaxed);
        let closing = delivery::close(&mut stream, may_send_more);
        if connection.is_done.load(Ordering::Relaxed) {
            return closing.await && exchanged.is_ok();
        }
        tokio::select! {
            _ = closing => {},
            () = stopped.wait() => {},
        }
        false
    }

    /// Answers a request, and reports the events for it.
    async fn page_for(&self, connection: &Connection, request: Request<Incoming>) -> Page {
        connection.read_whole.store(request.body().is_end_stream(), Ordering::Relaxed);
        if connection.lacks_tls.load(Ordering::Relaxed) {
            return self.own_page(connection, Err(Refusal::PlainHttp));
        }
        let on_step = |step| connection.step(step);
        let call = |request| self.sandbox.handle(&self.surroundings, request);
        match answer(request, &self.rules, &self.queue, on_step, call).await {
            Answer::Replied { reply, is_document, turn } => {
                let page = self.guest_page(connection, reply, is_document);
                drop(turn);
                connection.answer_is_ready();
                page
            }
            Answer::Failed(error) => {
                connection.answer_is_ready();
                self.events.emit(Event::GuestFailed(error));
                reply::guest_failed_page()
            }
            Answer::Refused(refusal) => self.own_page(connection, Err(refusal)),
            Answer::Link => self.own_page(connection, self.sign_in()),
            Answer::LastPage => self.own_page(connection, self.take_last_page(connection)),
        }
    }

    /// Returns the page of a guest's reply, or a redirect to it if the reply completes the flow.
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

    /// Returns one of the host's own pages, or the page of a refusal.
    fn own_page(&self, connection: &Connection, page: Result<Page, Refusal>) -> Page {
        connection.answer_is_ready();
        page.unwrap_or_else(|refusal| {
            self.events.emit(Event::Refused(refusal));
            refusal.page()
        })
    }

    /// Redirects the browser to the authorization URL, once.
    fn sign_in(&self) -> Result<Page, Refusal> {
        let url = self.link.as_ref().and_then(Once::take);
        if url.is_none() && !self.peers_are_checked {
            self.report(Progress::LinkUsedTwice);
        }
        url.and_then(|url| reply::authorize(&url)).ok_or(Refusal::LinkUsed)
    }

    /// Returns the last page of the flow, for the tab that was redirected to it.
    fn take_last_page(&self, connection: &Connection) -> Result<Page, Refusal> {
        let page = self.last_page.take().ok_or(Refusal::Path)?;
        connection.is_done.store(true, Ordering::Relaxed);
        self.report(Progress::PageTaken);
        Ok(page)
    }

    /// Completes the flow. A tab is redirected to the last page, so that its address bar does not show the code.
    fn complete(
        &self,
        connection: &Connection,
        page: Page,
        outcome: Outcome,
        page_follows: bool,
    ) -> Page {
        // A run that has stopped no longer listens, so the tab cannot follow a redirect.
        let page_follows = self.queue.close(Refusal::AlreadyDone) && page_follows;
        let (answer, last_page) = if page_follows {
            self.last_page.put(page);
            (reply::moved(self.last_page.path().expose(), &outcome), LastPage::Follows)
        } else {
            connection.is_done.store(true, Ordering::Relaxed);
            (page, LastPage::Sent)
        };
        self.report(Progress::Done { outcome, last_page });
        answer
    }

    /// Reports progress to the run. Sending fails only after the run has ended, when nothing waits for the report.
    pub(super) fn report(&self, progress: Progress) {
        let _ = self.progress.send(progress);
    }
}

/// Makes the page in a separate task, so that a client that disconnects does not cancel the guest's call.
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
    Ok(task.await.unwrap_or_else(|_| reply::guest_failed_page()))
}
