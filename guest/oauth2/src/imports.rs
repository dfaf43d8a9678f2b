//! The host as the component imports it.

use crate::bindings::curtaincall::callback::exchange::{self, JsonMember, JsonValue, Parameter};
use crate::bindings::curtaincall::callback::secrets::{self, Secret};
use crate::bindings::curtaincall::callback::{identity, session};
use crate::host::{
    Answer, Body, Claim, Credentials, Error, Expectation, HandOverError, Host, Leaf, Parameters,
    Problem, Request, Value,
};

/// The imports of the component.
pub(crate) struct Imports;

impl Host for Imports {
    type Secret = Secret;
    type Answer = exchange::Answer;

    fn redirect_uri(&self) -> String {
        session::redirect_uri()
    }

    fn state(&self) -> String {
        session::state()
    }

    fn code_challenge(&self) -> String {
        session::code_challenge()
    }

    fn nonce(&self) -> String {
        session::nonce()
    }

    fn now(&self) -> u64 {
        wasip2::clocks::wall_clock::now().seconds
    }

    fn log(&self, line: &str) {
        let stderr = wasip2::cli::stderr::get_stderr();
        // One call can write at most this many bytes. A line that cannot be written is dropped.
        for chunk in format!("{line}\n").as_bytes().chunks(4096) {
            let _ = stderr.blocking_write_and_flush(chunk);
        }
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        secrets::get(name)
    }

    fn code_verifier(&self) -> Secret {
        secrets::code_verifier()
    }

    fn hand_over(&self, secret: &Secret, name: &str) -> Result<(), HandOverError> {
        secret.hand_over(name)
    }

    fn declare(&self, url: &str, has_secret: bool) {
        exchange::declare(url, has_secret);
    }

    fn send(&self, request: &Request<'_, Secret>) -> Result<exchange::Answer, Error> {
        exchange::send(&exchange::Request {
            method: request.method,
            url: request.url.to_owned(),
            query: parameters(&request.query),
            headers: request.headers.clone(),
            credentials: match &request.credentials {
                Credentials::None => exchange::Credentials::None,
                Credentials::Basic { username, password, form_encoded } => {
                    exchange::Credentials::Basic(exchange::Basic {
                        username: exchange::Value::Text((*username).to_owned()),
                        password: value(password),
                        form_encoded: *form_encoded,
                    })
                }
                Credentials::Bearer(token) => exchange::Credentials::Bearer(token),
            },
            body: match &request.body {
                Body::None => exchange::Body::None,
                Body::Form(form) => exchange::Body::Form(parameters(form)),
                Body::Json(members) => exchange::Body::Json(members.iter().map(member).collect()),
            },
        })
    }

    fn verify(
        &self,
        token: &Secret,
        expected: &Expectation,
        claims: &[String],
    ) -> Result<Vec<Option<Claim>>, Problem> {
        identity::verify(token, expected, claims)
    }
}

impl Answer for exchange::Answer {
    type Secret = Secret;

    fn status(&self) -> u16 {
        exchange::Answer::status(self)
    }

    fn get(&self, pointer: &str) -> Option<Leaf<Secret>> {
        exchange::Answer::get(self, pointer).map(|leaf| match leaf {
            exchange::Leaf::Null => Leaf::Null,
            exchange::Leaf::Boolean(truth) => Leaf::Boolean(truth),
            exchange::Leaf::Number(number) => Leaf::Number(number),
            exchange::Leaf::Text(text) => Leaf::Text(text),
            exchange::Leaf::Secret(secret) => Leaf::Secret(secret),
            exchange::Leaf::Items(count) => Leaf::Items(count),
            exchange::Leaf::Object => Leaf::Object,
        })
    }
}

fn value<'a>(value: &Value<'a, Secret>) -> exchange::Value<'a> {
    match value {
        Value::Text(text) => exchange::Value::Text(text.clone()),
        Value::Secret(secret) => exchange::Value::Secret(secret),
    }
}

fn parameters<'a>(parameters: &Parameters<'a, Secret>) -> Vec<Parameter<'a>> {
    let parameter = |(name, given): &(String, Value<'a, Secret>)| Parameter {
        name: name.clone(),
        value: value(given),
    };
    parameters.iter().map(parameter).collect()
}

fn member<'a>((name, given): &(String, Value<'a, Secret>)) -> JsonMember<'a> {
    JsonMember {
        pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        value: JsonValue::Text(value(given)),
    }
}
