//! One request to another host, through `wasi:http/outgoing-handler`.

use http::Uri;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};

/// The maximum number of bytes that one call can write to a stream (`wasi:io/streams`).
const CHUNK: usize = 4096;

/// POST a form. Returns the status and the body. An error is a sentence for a person.
pub(crate) fn post_form(url: &str, form: &str) -> Result<(u16, Vec<u8>), String> {
    let url: Uri = url.parse().map_err(|_| format!("`{url}` is not a URL."))?;
    let headers = Fields::new();
    let content_type = b"application/x-www-form-urlencoded".to_vec();
    let set = headers.set("content-type", &[content_type]);
    let request = OutgoingRequest::new(headers);
    let scheme = if url.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
    let prepared = set.is_ok()
        && request.set_method(&Method::Post).is_ok()
        && request.set_scheme(Some(&scheme)).is_ok()
        && request.set_authority(url.authority().map(|authority| authority.as_str())).is_ok()
        && request.set_path_with_query(url.path_and_query().map(|path| path.as_str())).is_ok();
    let body = request.body().ok().filter(|_| prepared);
    let body = body.ok_or_else(|| format!("`{url}` cannot be asked."))?;
    let unreachable = |why: &dyn std::fmt::Debug| {
        format!("{} cannot be reached: {why:?}.", url.host().unwrap_or_default())
    };
    let response = outgoing_handler::handle(request, None).map_err(|error| unreachable(&error))?;
    send(body, form.as_bytes()).map_err(|why| unreachable(&why))?;
    response.subscribe().block();
    match response.get() {
        Some(Ok(Ok(response))) => Ok((response.status(), receive(&response))),
        Some(Ok(Err(error))) => Err(unreachable(&error)),
        None | Some(Err(())) => Err(unreachable(&"no answer")),
    }
}

fn send(body: OutgoingBody, content: &[u8]) -> Result<(), String> {
    let stream = body.write().map_err(|()| "no stream")?;
    for chunk in content.chunks(CHUNK) {
        // The server may have answered before it read the whole body, and its answer counts.
        if stream.blocking_write_and_flush(chunk).is_err() {
            break;
        }
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))
}

/// Read the body, up to its end or to an error.
fn receive(response: &IncomingResponse) -> Vec<u8> {
    let mut content = Vec::new();
    let Ok(body) = response.consume() else { return content };
    let Ok(stream) = body.stream() else { return content };
    while let Ok(chunk) = stream.blocking_read(CHUNK as u64) {
        content.extend(chunk);
    }
    content
}
