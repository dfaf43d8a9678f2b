//! A request with a form, as the provider and AWS expect it.

use crate::bindings::curtaincall::callback::exchange::{
    self, Answer, Body, Credentials, Method, Parameter, Value,
};
use crate::bindings::curtaincall::callback::secrets::Secret;
use crate::failure::Failure;

/// Send a form to a granted endpoint. The host fills in the secrets.
pub(crate) fn post(
    url: &str,
    texts: &[(&str, &str)],
    secrets: &[(&str, &Secret)],
) -> Result<Answer, Failure> {
    let texts = texts.iter().map(|(name, text)| (name, Value::Text((*text).to_owned())));
    let secrets = secrets.iter().map(|(name, secret)| (name, Value::Secret(secret)));
    let parameter = |(name, value): (&&str, _)| Parameter { name: (*name).to_owned(), value };
    let request = exchange::Request {
        method: Method::Post,
        url: url.to_owned(),
        query: Vec::new(),
        // Without it, AWS answers in XML, which the host does not read.
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        credentials: Credentials::None,
        body: Body::Form(texts.chain(secrets).map(parameter).collect()),
    };
    exchange::send(&request).map_err(|error| {
        let why = format!("The request to `{url}` failed. {}", sentence(error.message()));
        Failure::new("request_failed", why)
    })
}

/// The documentation of an error in the contract, on one line.
pub(crate) fn sentence(documentation: &str) -> String {
    documentation.replace('\n', " ")
}
