//! The real network for a guest's requests: [`Network`].
//!
//! Each request has a connection of its own. It goes only to addresses that were checked, follows no redirect and is
//! sent once. Which URL a guest may ask is decided before, by its grants.

mod address;
mod destination;
mod dial;
mod exchange;
mod problem;
mod proxy;
mod resolve;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout, timeout_at};

use crate::outgoing::{Sending, Upstream};
use destination::Destination;
use problem::Problem;
pub(crate) use problem::Unreachable;
pub(crate) use proxy::Proxies;
use proxy::Proxy;
pub use proxy::ProxyError;
pub(crate) use resolve::Reach;
use tls::Tls;
pub use tls::{Trust, TrustError};

/// A connection: TCP, TLS, or a tunnel through a proxy.
type Stream = Box<dyn Io>;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The limits on one request.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// The time to establish the connection: name, TCP, proxy and TLS.
    pub(crate) connect: Duration,
    /// The time for the whole request.
    pub(crate) total: Duration,
    /// The length of the response body in bytes.
    pub(crate) body: u64,
}

/// What a person decides about the network.
pub(crate) struct Settings {
    /// The addresses that requests may reach.
    pub(crate) reach: Reach,
    /// The certificates that are trusted besides those of the system.
    pub(crate) trust: Trust,
    /// The proxies to use.
    pub(crate) proxies: Proxies,
    /// The limits on each request.
    pub(crate) bounds: Bounds,
}

/// An [`Upstream`] that sends requests over the network.
pub(crate) struct Network {
    reach: Reach,
    tls: Tls,
    proxies: Proxies,
    bounds: Bounds,
    report: Box<dyn Fn(&Unreachable) + Send + Sync>,
}

impl Network {
    /// Sends requests as `settings` say. A request without a response is passed to `report`, on the thread that polls
    /// it.
    pub(crate) fn new(
        settings: Settings,
        report: impl Fn(&Unreachable) + Send + Sync + 'static,
    ) -> Self {
        let Settings { reach, trust, proxies, bounds } = settings;
        Self { reach, tls: Tls::new(trust), proxies, bounds, report: Box::new(report) }
    }

    async fn request(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Problem> {
        let to = Destination::of(request.uri())?;
        self.reach.judge_literal(&to)?;
        let proxy = if self.reach.grants_loopback(&to) { None } else { self.proxies.find(&to)? };
        let forwarding = proxy.as_ref().filter(|_| !to.is_tls);
        let request = exchange::prepare(request, &to, forwarding)?;
        let deadline = Instant::now() + self.bounds.connect;
        let connecting = self.connect(&to, proxy.as_ref(), deadline);
        let stream = timeout_at(deadline, connecting)
            .await
            .unwrap_or(Err(Problem::ConnectTimeout(self.bounds.connect)))?;
        exchange::exchange(stream, request, self.bounds.body).await
    }

    /// Connects to `to`, directly or through `proxy`.
    ///
    /// The person chose the proxy, so its address is not checked. The proxy resolves the name of `to`, so that the
    /// addresses of `to` cannot be checked.
    async fn connect(
        &self,
        to: &Destination,
        proxy: Option<&Proxy>,
        deadline: Instant,
    ) -> Result<Stream, Problem> {
        let stream = match proxy {
            None => self.dial(to, Some(&self.reach), deadline).await?,
            Some(proxy) => {
                let failed =
                    |problem| Problem::Proxy { proxy: proxy.name(), problem: Box::new(problem) };
                let stream = self.dial(&proxy.server, None, deadline).await.map_err(failed)?;
                let stream = self.secure(&proxy.server, stream).await.map_err(failed)?;
                if to.is_tls { proxy.tunnel(stream, to).await? } else { stream }
            }
        };
        self.secure(to, stream).await
    }

    /// Connects to one of the addresses of `to`, if `reach` allows all of them.
    async fn dial(
        &self,
        to: &Destination,
        reach: Option<&Reach>,
        deadline: Instant,
    ) -> Result<Stream, Problem> {
        let addresses = timeout_at(deadline, resolve::lookup(to))
            .await
            .unwrap_or(Err(Problem::ResolveTimeout(self.bounds.connect)))?;
        if let Some(reach) = reach {
            reach.judge_all(to, &addresses)?;
        }
        Ok(Box::new(dial::dial(&addresses).await.map_err(Problem::Connect)?))
    }

    /// Establishes TLS over `stream` if the scheme of `to` asks for it.
    async fn secure(&self, to: &Destination, stream: Stream) -> Result<Stream, Problem> {
        if !to.is_tls {
            return Ok(stream);
        }
        Ok(Box::new(self.tls.handshake(&to.host, stream).await?))
    }
}

impl Upstream for Network {
    /// Dropping the future closes the connection at once. Only what runs on a blocking thread still finishes: the
    /// look-up of the name, and reading the system's certificates.
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default().to_owned();
            let total = self.bounds.total;
            let sent = timeout(total, self.request(request)).await;
            sent.unwrap_or(Err(Problem::Timeout(total))).map_err(|problem| {
                let fault = problem.fault();
                (self.report)(&Unreachable { host, problem });
                fault
            })
        })
    }
}

#[cfg(test)]
mod tests;
