//! Tests of the network against servers on loopback. None needs another machine.

mod addresses;
pub(super) mod certificates;
mod http;
mod proxies;
mod server;
mod tls;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use tokio::time::timeout;
use url::Host;

use super::{Bounds, Network, Proxies, Reach, Settings, Trust};
use crate::outgoing::NetRemedy;
use crate::outgoing::{Fault, Upstream as _};

/// The longest wait of a test.
const DEADLINE: Duration = Duration::from_secs(20);
/// The limit on a response body in these tests, in bytes.
const LIMIT: u64 = 64 << 10;

/// Wait for `future`, and fail if it takes too long.
async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("this took too long")
}

/// A network, and what it reports.
struct Client {
    network: Network,
    reports: Arc<Mutex<Vec<Report>>>,
}

/// The message of an [`Unreachable`](super::Unreachable), and its remedy.
type Report = (String, Option<NetRemedy>);

/// Settings with short names.
struct Setup(Settings);

impl Setup {
    /// Nothing is granted.
    fn new() -> Self {
        Self(Settings {
            reach: Reach::default(),
            trust: Trust::default(),
            proxies: Proxies::none(),
            bounds: Bounds { connect: DEADLINE, total: DEADLINE, body: LIMIT },
        })
    }

    fn loopback(mut self, host: &str, port: u16) -> Self {
        self.0.reach.loopback.push((Host::parse(host).unwrap(), port));
        self
    }

    fn private(mut self) -> Self {
        self.0.reach.private = true;
        self
    }

    fn trust(mut self, authority: &certificates::Authority) -> Self {
        self.0.trust.add_pem(authority.pem().as_bytes()).unwrap();
        self
    }

    fn proxies(mut self, proxies: impl Into<Proxies>) -> Self {
        self.0.proxies = proxies.into();
        self
    }

    fn bounds(mut self, change: impl FnOnce(&mut Bounds)) -> Self {
        change(&mut self.0.bounds);
        self
    }

    fn client(self) -> Client {
        let reports = Arc::<Mutex<Vec<Report>>>::default();
        let log = Arc::clone(&reports);
        let network = Network::new(self.0, move |unreachable| {
            let report = (unreachable.to_string(), unreachable.problem.remedy());
            log.lock().unwrap().push(report);
        });
        Client { network, reports }
    }
}

/// A failed request: what the guest sees, and what the person sees.
#[derive(Debug, PartialEq)]
struct Failed {
    fault: Fault,
    message: String,
    remedy: Option<NetRemedy>,
}

impl Client {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failed> {
        let sent = within(self.network.send(request)).await;
        let mut reports = std::mem::take(&mut *self.reports.lock().unwrap());
        assert_eq!(reports.len(), usize::from(sent.is_err()), "{reports:?}");
        sent.map_err(|fault| {
            let (message, remedy) = reports.remove(0);
            assert!(!message.contains(SECRET), "{message}");
            Failed { fault, message, remedy }
        })
    }

    async fn get(&self, url: &str) -> Result<Response<Bytes>, Failed> {
        self.send(get(url)).await
    }
}

/// A word in the query, a header field and the body of requests. It must not be in any message.
const SECRET: &str = "s3cr3t";

/// A request with [`SECRET`] in all places that a message must not show.
fn get(url: &str) -> Request<Bytes> {
    let request = Request::get(format!("{url}?code={SECRET}")).header("x-token", SECRET);
    request.body(Bytes::from_static(SECRET.as_bytes())).unwrap()
}
