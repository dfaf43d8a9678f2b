//! Servers for the tests: real sockets on loopback, and raw answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::within;

/// A server on a free port of a loopback address, until it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    requests: UnboundedReceiver<String>,
    task: AbortHandle,
}

/// Where a connection reports the requests that it reads.
pub(super) type Log = UnboundedSender<String>;

impl Server {
    /// Serve each connection to `ip` with `serve`.
    pub(super) async fn start<F>(
        ip: &str,
        serve: impl Fn(TcpStream, Log) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::<AtomicUsize>::default();
        let (log, requests) = unbounded_channel();
        let count = Arc::clone(&accepted);
        let accepting = async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                connections.spawn(serve(stream, log.clone()));
            }
        };
        let task = tokio::spawn(accepting).abort_handle();
        Self { address, accepted, requests, task }
    }

    /// Read one request from each connection, send `answer` and close.
    pub(super) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start("127.0.0.1", move |mut stream, log| {
            let answer = answer.clone();
            async move { reply(&mut stream, &log, &answer).await }
        })
        .await
    }

    /// The same over TLS.
    pub(super) async fn tls(config: ServerConfig, answer: impl Into<Vec<u8>>) -> Self {
        let (acceptor, answer) = (TlsAcceptor::from(Arc::new(config)), answer.into());
        Self::start("127.0.0.1", move |stream, log| {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            async move {
                // The client may refuse the certificate.
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    reply(&mut stream, &log, &answer).await;
                }
            }
        })
        .await
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/path", self.address)
    }

    /// How many connections there were so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The next request, or report of a connection.
    pub(super) async fn next(&mut self) -> String {
        within(self.requests.recv()).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Read one request, send `answer` and close.
pub(super) async fn reply<S>(stream: &mut S, log: &Log, answer: &[u8])
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _ = log.send(read_request(stream).await);
    // The client may close before it has read everything.
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

/// Read one request with the body that its `content-length` announces, or what there is of it.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    let mut missing = usize::MAX;
    while missing > 0 {
        let Ok(byte) = stream.read_u8().await else { break };
        text.push(byte.into());
        missing -= 1;
        if missing > usize::MAX >> 1 && text.ends_with("\r\n\r\n") {
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            missing = length.map_or(0, |length| length.parse().unwrap());
        }
    }
    text
}

/// Read until the client closes, and report it.
pub(super) async fn report_close(stream: &mut (impl AsyncRead + Unpin), log: &Log) {
    let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
    let _ = log.send("closed".to_owned());
}
