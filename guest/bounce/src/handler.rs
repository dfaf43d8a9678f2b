//! The export `wasi:http/incoming-handler`.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::StreamError;

use crate::answer::Answer;
use crate::form::{self, Form};
use crate::query::Query;
use crate::refusal::Refusal;

/// The number of bytes that one call may write (`wasi:io/streams`).
const CHUNK: usize = 4096;

struct Bounce;

#[cfg(target_family = "wasm")]
wasip2::http::proxy::export!(Bounce);
/// In a native build, nothing else uses the handler.
#[cfg(not(target_family = "wasm"))]
const _: fn(IncomingRequest, ResponseOutparam) = <Bounce as Guest>::handle;

impl Guest for Bounce {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let answer = answer(&request).unwrap_or_else(Answer::refused);
        let is_head = matches!(request.method(), Method::Head);
        send(answer, is_head, out);
    }
}

fn answer(request: &IncomingRequest) -> Result<Answer, Refusal> {
    let target = request.path_with_query().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    match (place(path), request.method()) {
        (Place::Callback, Method::Get) => Ok(Answer::returning(&Query::parse(query)?)),
        (Place::Callback, Method::Post) => Ok(Answer::asking(&Form::parse(&body(request)?)?)),
        (Place::Callback, _) => Err(Refusal::Method("GET, POST")),
        (Place::Home, Method::Get) => Ok(Answer::home()),
        (Place::Home, _) => Err(Refusal::Method("GET")),
        (Place::Elsewhere, _) => Err(Refusal::NotFound),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Place {
    Home,
    Callback,
    Elsewhere,
}

/// A server may mount the component below a prefix, so only the last segment of the path counts. Browsers and robots ask
/// for other paths, such as `/favicon.ico`.
fn place(path: &str) -> Place {
    match path.rsplit_once('/') {
        Some((_, "callback")) => Place::Callback,
        Some(("", "")) => Place::Home,
        _ => Place::Elsewhere,
    }
}

/// Read the body of a form. If it is too large, the rest is not read.
fn body(request: &IncomingRequest) -> Result<Vec<u8>, Refusal> {
    let headers = request.headers();
    if !headers.get("content-type").iter().any(|value| form::is_form(value)) {
        return Err(Refusal::MediaType);
    }
    let length = headers.get("content-length").into_iter().next();
    let length = length.and_then(|value| String::from_utf8(value).ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > form::MOST as u64) {
        return Err(Refusal::LargeBody);
    }
    let body = request.consume().map_err(|()| Refusal::PartialBody)?;
    let stream = body.stream().map_err(|()| Refusal::PartialBody)?;
    let mut content = Vec::new();
    loop {
        match stream.blocking_read(form::MOST as u64) {
            Ok(chunk) => content.extend(chunk),
            Err(StreamError::Closed) => return Ok(content),
            Err(StreamError::LastOperationFailed(_)) => return Err(Refusal::PartialBody),
        }
        if content.len() > form::MOST {
            return Err(Refusal::LargeBody);
        }
    }
}

/// Send the answer. A browser that has left does not get it.
fn send(answer: Answer, is_head: bool, out: ResponseOutparam) {
    let content = if is_head { &[] } else { answer.body.as_bytes() };
    let fields = Fields::new();
    for (name, value) in &answer.fields {
        let _ = fields.append(name, value.as_bytes());
    }
    let _ = fields.append("content-length", content.len().to_string().as_bytes());
    let response = OutgoingResponse::new(fields);
    let _ = response.set_status_code(answer.status);
    let body = response.body();
    ResponseOutparam::set(out, Ok(response));
    let Ok(body) = body else { return };
    if let Ok(stream) = body.write() {
        for chunk in content.chunks(CHUNK) {
            if stream.blocking_write_and_flush(chunk).is_err() {
                break;
            }
        }
    }
    let _ = OutgoingBody::finish(body, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callback_can_be_below_a_prefix() {
        for path in ["/callback", "/auth/callback", "/a/b/callback", "//callback"] {
            assert_eq!(place(path), Place::Callback, "{path}");
        }
        assert_eq!(place("/"), Place::Home);
        for path in
            ["", "callback", "/callback/", "/Callback", "/callback2", "/favicon.ico", "//", "*"]
        {
            assert_eq!(place(path), Place::Elsewhere, "{path}");
        }
    }
}
