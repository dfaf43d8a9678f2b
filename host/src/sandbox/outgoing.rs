//! `wasi:http/outgoing-handler`: passes a guest's requests to an [`Upstream`], and nowhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::problems::Problems;
use crate::limits::{Limit, LimitError, Limits};
use crate::outgoing::{Fault, Upstream};

/// Sends and counts the outgoing requests of one call.
pub(super) struct Outgoing {
    upstream: Arc<dyn Upstream>,
    requests: u32,
    data: Arc<AtomicU64>,
    limits: Limits,
    pub(super) problems: Problems,
}

impl Outgoing {
    pub(super) fn new(upstream: Arc<dyn Upstream>, limits: &Limits, problems: Problems) -> Self {
        Self { upstream, requests: 0, data: Arc::default(), limits: limits.clone(), problems }
    }

    /// Counts a request whose size does not depend on a secret.
    ///
    /// # Errors
    /// Fails if the requests of this call exceed a limit.
    pub(super) fn count_request(&mut self, bytes: u64) -> Result<(), LimitError> {
        self.requests = self.requests.saturating_add(1);
        self.count_data(bytes)
    }

    /// Counts the bytes of a request or a response.
    ///
    /// # Errors
    /// Fails if the requests of this call exceed a limit.
    pub(super) fn count_data(&mut self, bytes: u64) -> Result<(), LimitError> {
        self.data.fetch_add(bytes, Ordering::Relaxed);
        self.check()
    }

    /// Fails if the requests of this call exceed a limit.
    ///
    /// The host refuses such a request at once, but the call fails only when the guest returns. Ending the call
    /// here would depend on when the epoch ticks, and make tests irreproducible.
    pub(super) fn check(&self) -> Result<(), LimitError> {
        if self.requests > self.limits.outgoing_requests {
            return Err(LimitError::new(Limit::OutgoingRequests, &self.limits));
        }
        if self.data.load(Ordering::Relaxed) > self.limits.outgoing_data.as_u64() {
            return Err(LimitError::new(Limit::OutgoingData, &self.limits));
        }
        Ok(())
    }
}

/// The future with which wasmtime learns how the connection ended. wasmtime expects it beside each response.
type ConnectionEnd = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: ConnectionEnd,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, ConnectionEnd), Error>> + Send> {
        self.requests = self.requests.saturating_add(1);
        if self.check().is_err() {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        let (upstream, data) = (Arc::clone(&self.upstream), Arc::clone(&self.data));
        let (problems, origin) = (self.problems.clone(), origin(request.uri()));
        let limit = self.limits.outgoing_data.as_u64();
        Box::new(async move {
            let request = collected(request, limit, &data).await?;
            let sending = upstream.send(request);
            let sent = match options.and_then(|options| options.first_byte_timeout) {
                Some(patience) => match timeout(patience, sending).await {
                    Ok(sent) => sent,
                    Err(_) => return Err(Error::ConnectionReadTimeout),
                },
                None => sending.await,
            };
            let response = sent.map_err(|fault| {
                if fault == Fault::Denied {
                    problems.not_granted(&origin);
                }
                guest_error(fault)
            })?;
            data.fetch_add(response.body().len() as u64, Ordering::Relaxed);
            let response = response.map(|body| Full::new(body).map_err(Error::from).boxed_unsync());
            let connection: ConnectionEnd = Box::new(async { Ok(()) });
            Ok((response, connection))
        })
    }
}

/// Returns the origin of a URL as the guest wrote it.
fn origin(uri: &Uri) -> String {
    let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
    match (uri.scheme_str(), uri.host()) {
        (Some(scheme), Some(host)) => format!("{scheme}://{host}{port}"),
        _ => String::new(),
    }
}

/// Reads the whole body of `request`. Each chunk counts as soon as it arrives, so that all bodies of a call share one
/// limit even when they arrive at the same time.
async fn collected(
    request: Request<WasiBody>,
    limit: u64,
    data: &AtomicU64,
) -> Result<Request<Bytes>, Error> {
    let (head, mut body) = request.into_parts();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        // The host drops trailers.
        let Ok(chunk) = frame?.into_data() else { continue };
        let length = chunk.len() as u64;
        if data.fetch_add(length, Ordering::Relaxed).saturating_add(length) > limit {
            return Err(Error::HttpRequestBodySize(None));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Request::from_parts(head, whole.into()))
}

/// Converts a fault to the error that the guest sees.
fn guest_error(fault: Fault) -> Error {
    match fault {
        Fault::Denied => Error::HttpRequestDenied,
        Fault::DnsTimeout => Error::DnsTimeout,
        Fault::DnsError => Error::DnsError { rcode: None, info_code: None },
        Fault::NotFound => Error::DestinationNotFound,
        Fault::Prohibited => Error::DestinationIpProhibited,
        Fault::Unavailable => Error::DestinationUnavailable,
        Fault::Refused => Error::ConnectionRefused,
        Fault::Terminated => Error::ConnectionTerminated,
        Fault::ConnectTimeout => Error::ConnectionTimeout,
        Fault::Tls => Error::TlsProtocolError,
        Fault::Certificate => Error::TlsCertificateError,
        Fault::Incomplete => Error::HttpResponseIncomplete,
        Fault::BodySize => Error::HttpResponseBodySize(None),
        Fault::Timeout => Error::HttpResponseTimeout,
        Fault::Protocol => Error::HttpProtocolError,
    }
}
