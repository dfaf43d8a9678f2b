//! One request to another host, with its result on one line.

use http::Uri;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};

/// Send a GET request. `patience` is the timeout for the first byte, in milliseconds.
pub(crate) fn get(url: &str, patience: Option<u64>) -> String {
    let Ok(url) = url.parse::<Uri>() else { return "no URL".to_owned() };
    let request = OutgoingRequest::new(Fields::new());
    let scheme = if url.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
    let _ = request.set_scheme(Some(&scheme));
    let _ = request.set_authority(url.authority().map(|authority| authority.as_str()));
    let _ = request.set_path_with_query(url.path_and_query().map(|path| path.as_str()));
    let body = request.body().ok();
    let options = patience.map(|patience| {
        let options = RequestOptions::new();
        let _ = options.set_first_byte_timeout(Some(patience * 1_000_000));
        options
    });
    let response = match outgoing_handler::handle(request, options) {
        Ok(response) => response,
        Err(error) => return format!("{error:?}"),
    };
    if let Some(body) = body {
        let _ = OutgoingBody::finish(body, None);
    }
    response.subscribe().block();
    match response.get() {
        Some(Ok(Ok(response))) => {
            let mut content = Vec::new();
            if let Ok(body) = response.consume()
                && let Ok(stream) = body.stream()
            {
                while let Ok(chunk) = stream.blocking_read(1 << 16) {
                    content.extend(chunk);
                }
            }
            format!("{} {}", response.status(), String::from_utf8_lossy(&content))
        }
        Some(Ok(Err(error))) => format!("{error:?}"),
        None | Some(Err(())) => "no answer".to_owned(),
    }
}
