//! The steps of a provider. A request tells the guest which ones to take, so one guest serves all tests.
//!
//! A `VALUE` is one of these:
//!
//! - `text TEXT`: the guest's own text
//! - `secret NAME`: a granted secret
//! - `verifier`: the PKCE verifier
//! - `answer POINTER`: a secret from the last answer
//!
//! These steps write the next request, and print nothing:
//!
//! - `query NAME VALUE`, `form NAME VALUE`, `json POINTER VALUE`, `header NAME TEXT`
//! - `user VALUE` and `password VALUE` of `Basic`, form-encoded
//! - `bearer VALUE`
//!
//! These steps print their result, on a line that begins with their first word:
//!
//! - `send METHOD URL`: send the request that the steps before wrote
//! - `loop COUNT METHOD URL`: send the same empty request this often, and print the different results with their count
//! - `status`: the status code of the last answer
//! - `get POINTER`: a value of the last answer; a secret is only `secret`
//! - `hand-over NAME VALUE`: hand a secret over to the outcome
//! - `verify ISSUER AUDIENCE KEYS VALUE`: validate an ID token; `KEYS` is a URL, or `-`
//! - `fetch URL`: a request by `wasi:http`

use std::collections::BTreeMap;

use crate::bindings::curtaincall::callback::exchange::{
    self, Answer, Basic, Body, Credentials, JsonMember, JsonValue, Leaf, Method, Parameter,
};
use crate::bindings::curtaincall::callback::identity::{self, Expectation};
use crate::bindings::curtaincall::callback::secrets::{self, Secret};
use crate::upstream;

/// The claims that `verify` asks for.
const CLAIMS: [&str; 4] = ["sub", "email", "at_hash", "_claim_sources"];

/// A value of a request.
enum Value {
    Text(String),
    Secret(Secret),
}

/// What the next request contains.
#[derive(Default)]
struct Draft {
    query: Vec<(String, Value)>,
    form: Vec<(String, Value)>,
    json: Vec<(String, Value)>,
    headers: Vec<(String, String)>,
    user: Option<Value>,
    password: Option<Value>,
    bearer: Option<Value>,
}

/// The state between two steps.
#[derive(Default)]
pub(crate) struct Script {
    draft: Draft,
    answer: Option<Answer>,
}

impl Script {
    /// Take one step. Returns the line to print.
    pub(crate) fn step(&mut self, step: &str) -> Option<String> {
        let (word, rest) = cut(step);
        let result = match word {
            "status" => self.answer.as_ref().map_or("no answer".into(), |a| a.status().to_string()),
            "get" => self.get(rest),
            "send" => self.send(rest),
            "loop" => self.repeat(rest),
            "hand-over" => self.hand_over(rest),
            "verify" => self.verify(rest),
            "fetch" => upstream::get(rest, None),
            _ => match self.write(word, rest) {
                Some(()) => return None,
                None => "not a step, or no such secret".to_owned(),
            },
        };
        Some(format!("{word}: {result}"))
    }

    /// Write a part of the next request.
    fn write(&mut self, word: &str, rest: &str) -> Option<()> {
        match word {
            "query" | "form" | "json" => {
                let (name, value) = cut(rest);
                let value = (name.to_owned(), self.value(value)?);
                match word {
                    "query" => self.draft.query.push(value),
                    "form" => self.draft.form.push(value),
                    _ => self.draft.json.push(value),
                }
            }
            "header" => {
                let (name, text) = cut(rest);
                self.draft.headers.push((name.to_owned(), text.to_owned()));
            }
            "user" => self.draft.user = Some(self.value(rest)?),
            "password" => self.draft.password = Some(self.value(rest)?),
            "bearer" => self.draft.bearer = Some(self.value(rest)?),
            _ => return None,
        }
        Some(())
    }

    fn value(&self, text: &str) -> Option<Value> {
        let (kind, rest) = cut(text);
        Some(match kind {
            "text" => Value::Text(rest.to_owned()),
            "secret" => Value::Secret(secrets::get(rest)?),
            "verifier" => Value::Secret(secrets::code_verifier()),
            "answer" => match self.answer.as_ref()?.get(rest)? {
                Leaf::Secret(secret) => Value::Secret(secret),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn secret(&self, text: &str) -> Option<Secret> {
        match self.value(text)? {
            Value::Secret(secret) => Some(secret),
            Value::Text(_) => None,
        }
    }

    fn send(&mut self, rest: &str) -> String {
        let (method, url) = cut(rest);
        let draft = std::mem::take(&mut self.draft);
        match draft.send(method, url) {
            Ok(answer) => self.answer.insert(answer).status().to_string(),
            Err(error) => error.name().to_owned(),
        }
    }

    fn repeat(&mut self, rest: &str) -> String {
        let (count, rest) = cut(rest);
        let mut results = BTreeMap::new();
        for _ in 0..count.parse::<u32>().unwrap_or_default() {
            *results.entry(self.send(rest)).or_insert(0) += 1;
        }
        let results: Vec<_> =
            results.iter().map(|(result, count)| format!("{count} {result}")).collect();
        results.join(", ")
    }

    fn get(&self, pointer: &str) -> String {
        let Some(answer) = &self.answer else { return "no answer".to_owned() };
        match answer.get(pointer) {
            None => "nothing".to_owned(),
            Some(Leaf::Null) => "null".to_owned(),
            Some(Leaf::Boolean(truth)) => truth.to_string(),
            Some(Leaf::Number(number)) => number.to_string(),
            Some(Leaf::Text(text)) => format!("text {text}"),
            Some(Leaf::Secret(_)) => "secret".to_owned(),
            Some(Leaf::Items(count)) => format!("items {count}"),
            Some(Leaf::Object) => "object".to_owned(),
        }
    }

    fn hand_over(&self, rest: &str) -> String {
        let (name, value) = cut(rest);
        match self.secret(value).map(|secret| secret.hand_over(name)) {
            None => "no such secret".to_owned(),
            Some(Ok(())) => "ok".to_owned(),
            Some(Err(error)) => error.name().to_owned(),
        }
    }

    fn verify(&self, rest: &str) -> String {
        let (issuer, rest) = cut(rest);
        let (audience, rest) = cut(rest);
        let (keys, value) = cut(rest);
        let Some(token) = self.secret(value) else { return "no such secret".to_owned() };
        let expected = Expectation {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            keys: (keys != "-").then(|| keys.to_owned()),
            max_age: None,
        };
        match identity::verify(&token, &expected, &CLAIMS.map(str::to_owned)) {
            Ok(claims) => format!("{claims:?}"),
            Err(problem) => problem.name().to_owned(),
        }
    }
}

impl Draft {
    fn send(&self, method: &str, url: &str) -> Result<Answer, exchange::Error> {
        let credentials = match (&self.bearer, &self.user, &self.password) {
            (Some(Value::Secret(token)), _, _) => Credentials::Bearer(token),
            (_, Some(username), Some(password)) => Credentials::Basic(Basic {
                username: username.lent(),
                password: password.lent(),
                form_encoded: true,
            }),
            _ => Credentials::None,
        };
        let body = match (&self.form[..], &self.json[..]) {
            ([], []) => Body::None,
            ([], members) => Body::Json(
                members
                    .iter()
                    .map(|(pointer, value)| JsonMember {
                        pointer: pointer.clone(),
                        value: JsonValue::Text(value.lent()),
                    })
                    .collect(),
            ),
            (form, _) => Body::Form(parameters(form)),
        };
        exchange::send(&exchange::Request {
            method: if method == "GET" { Method::Get } else { Method::Post },
            url: url.to_owned(),
            query: parameters(&self.query),
            headers: self.headers.clone(),
            credentials,
            body,
        })
    }
}

impl Value {
    fn lent(&self) -> exchange::Value<'_> {
        match self {
            Self::Text(text) => exchange::Value::Text(text.clone()),
            Self::Secret(secret) => exchange::Value::Secret(secret),
        }
    }
}

fn parameters(values: &[(String, Value)]) -> Vec<Parameter<'_>> {
    values
        .iter()
        .map(|(name, value)| Parameter { name: name.clone(), value: value.lent() })
        .collect()
}

/// The first word of `text`, and the rest.
fn cut(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}
