//! One request and its response over one connection (RFC 9112).

use std::pin::pin;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::select;

use super::Stream;
use super::destination::Destination;
use super::problem::Problem;
use super::proxy::Proxy;

/// The largest head of a response, and the largest buffer of a connection, in bytes.
const HEAD_LIMIT: usize = 64 << 10;
/// The number of header fields in a response.
const FIELD_LIMIT: usize = 100;

/// Header fields that describe the connection and not the request (RFC 9110, section 7.6.1), or that the host sets.
const REMOVED: [HeaderName; 11] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// An HTTP/1.1 client connection over `stream`.
pub(super) async fn handshake<B>(
    stream: Stream,
) -> hyper::Result<(SendRequest<B>, Connection<TokioIo<Stream>, B>)>
where
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut builder = Builder::new();
    builder.max_buf_size(HEAD_LIMIT).max_header_size(HEAD_LIMIT).max_headers(FIELD_LIMIT);
    builder.handshake(TokioIo::new(stream)).await
}

/// Drives `connection` until `work` on it is done. Both end with this future: no task is left behind.
///
/// An error of the connection reaches `work` through its request.
pub(super) async fn beside<T>(
    connection: impl Future<Output = hyper::Result<()>>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    select! {
        biased;
        done = &mut work => return done,
        _ = connection => {}
    }
    work.await
}

/// Changes the header fields and the target of `request`, so that it fits on a fresh connection to `to`, or to `proxy`
/// if that forwards it.
///
/// # Errors
/// Fails if its method or URL is not usable.
pub(super) fn prepare(
    mut request: Request<Bytes>,
    to: &Destination,
    proxy: Option<&Proxy>,
) -> Result<Request<Full<Bytes>>, Problem> {
    if request.method() == Method::CONNECT {
        return Err(Problem::Method);
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    // A proxy gets the whole URL: RFC 9112, section 3.2.2.
    let uri = match proxy {
        Some(_) => format!("http://{}{path}", to.authority()).parse::<Uri>(),
        None => path.parse(),
    };
    *request.uri_mut() = uri.map_err(|_| Problem::Url)?;
    *request.version_mut() = Version::HTTP_11;
    let host = HeaderValue::try_from(to.authority()).map_err(|_| Problem::Url)?;
    let headers = request.headers_mut();
    for name in REMOVED {
        headers.remove(name);
    }
    headers.insert(HOST, host);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    // The body is passed on as it arrives.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
        headers.insert(PROXY_AUTHORIZATION, authorization.clone());
    }
    Ok(request.map(Full::new))
}

/// Sends `request` over `stream`, and returns the response with a body of at most `limit` bytes. A redirect is returned
/// like any other response.
pub(super) async fn exchange(
    stream: Stream,
    request: Request<Full<Bytes>>,
    limit: u64,
) -> Result<Response<Bytes>, Problem> {
    let closed = |error| Problem::of_http(error, false);
    let (mut sender, connection) = handshake(stream).await.map_err(closed)?;
    beside(connection, async {
        let response = sender.send_request(request).await.map_err(closed)?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Problem::Switched);
        }
        let (head, body) = response.into_parts();
        let body = collect(body, limit).await?;
        let mut response = Response::new(body);
        (*response.status_mut(), *response.headers_mut()) = (head.status, head.headers);
        Ok(response)
    })
    .await
}

/// The whole `body`, without its trailers.
async fn collect(mut body: Incoming, limit: u64) -> Result<Bytes, Problem> {
    let mut whole = Vec::new();
    if body.size_hint().lower() > limit {
        return Err(Problem::BodySize(limit));
    }
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::of_http(error, true))?;
        let Ok(chunk) = frame.into_data() else { continue };
        if (whole.len() as u64).saturating_add(chunk.len() as u64) > limit {
            return Err(Problem::BodySize(limit));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}
