//! A host for tests, with canned answers. Its secrets are readable, so that a test can see where they went.

use std::cell::RefCell;

use serde_json::Value as Json;

use crate::config::Config;
use crate::host::{
    Answer, Body, Claim, Credentials, Error, Expectation, HandOverError, Host, Leaf, Method,
    Parameters, Problem, Request, Value,
};

/// What the members of a sealed answer may be called for the guest to read their text.
const READABLE: [&str; 3] = ["token_type", "scope", "error"];

/// A status code and a body, or why there is no answer.
type Canned = Result<(u16, Json), Error>;

#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) client_secret: Option<&'static str>,
    /// Pointers to text that can be read, besides [`READABLE`].
    pub(crate) readable: Vec<String>,
    pub(crate) answers: Vec<(String, Canned)>,
    pub(crate) claims: Vec<(&'static str, &'static str)>,
    pub(crate) problem: Option<Problem>,
    /// Each request as text: the method, the URL with its query, and the body.
    pub(crate) sent: RefCell<Vec<String>>,
    /// The URLs that the guest declared, and whether a secret will be sent there.
    pub(crate) declared: RefCell<Vec<(String, bool)>>,
    pub(crate) handed_over: RefCell<Vec<(String, String)>>,
    pub(crate) logged: RefCell<Vec<String>>,
    /// The ID token that was validated, and what it had to contain.
    pub(crate) verified: RefCell<Vec<(String, Expectation)>>,
}

impl Fake {
    /// Answers requests for `url`.
    pub(crate) fn answer(mut self, url: &str, status: u16, json: &str) -> Self {
        let json = serde_json::from_str(json).unwrap();
        self.answers.push((url.to_owned(), Ok((status, json))));
        self
    }

    pub(crate) fn fault(mut self, url: &str, error: Error) -> Self {
        self.answers.push((url.to_owned(), Err(error)));
        self
    }
}

pub(crate) fn config(values: &[(&str, &str)]) -> Config {
    let owned = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::new(owned.collect())
}

impl Host for Fake {
    type Secret = String;
    type Answer = FakeAnswer;

    fn redirect_uri(&self) -> String {
        "http://127.0.0.1:8080/callback".to_owned()
    }

    fn state(&self) -> String {
        "the-state".to_owned()
    }

    fn code_challenge(&self) -> String {
        "the-challenge".to_owned()
    }

    fn nonce(&self) -> String {
        "the-nonce".to_owned()
    }

    fn now(&self) -> u64 {
        1_000_000
    }

    fn log(&self, line: &str) {
        self.logged.borrow_mut().push(line.to_owned());
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.client_secret.filter(|_| name == "client_secret").map(str::to_owned)
    }

    fn code_verifier(&self) -> String {
        "(verifier)".to_owned()
    }

    fn hand_over(&self, secret: &String, name: &str) -> Result<(), HandOverError> {
        if name.is_empty() {
            return Err(HandOverError::Name);
        }
        self.handed_over.borrow_mut().push((name.to_owned(), secret.clone()));
        Ok(())
    }

    fn declare(&self, url: &str, has_secret: bool) {
        self.declared.borrow_mut().push((url.to_owned(), has_secret));
    }

    fn send(&self, request: &Request<'_, String>) -> Result<FakeAnswer, Error> {
        self.sent.borrow_mut().push(text(request));
        let answer = self.answers.iter().find(|(url, _)| url == request.url);
        let (_, answer) = answer.ok_or(Error::NotGranted)?;
        let (status, json) = answer.clone()?;
        let is_sealed = !request.url.contains("/.well-known/");
        Ok(FakeAnswer { status, json, is_sealed, readable: self.readable.clone() })
    }

    fn verify(
        &self,
        token: &String,
        expected: &Expectation,
        claims: &[String],
    ) -> Result<Vec<Option<Claim>>, Problem> {
        self.verified.borrow_mut().push((token.clone(), expected.clone()));
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let claim = |name: &String| {
            let (_, value) = self.claims.iter().find(|(known, _)| known == name)?;
            Some(Claim::Text((*value).to_owned()))
        };
        Ok(claims.iter().map(claim).collect())
    }
}

pub(crate) struct FakeAnswer {
    status: u16,
    json: Json,
    is_sealed: bool,
    readable: Vec<String>,
}

impl Answer for FakeAnswer {
    type Secret = String;

    fn status(&self) -> u16 {
        self.status
    }

    fn get(&self, pointer: &str) -> Option<Leaf<String>> {
        let mut names = pointer.split('/').filter(|part| part.parse::<u32>().is_err());
        let is_readable = !self.is_sealed
            || self.readable.iter().any(|known| known == pointer)
            || names.next_back().is_some_and(|name| READABLE.contains(&name));
        Some(match self.json.pointer(pointer)? {
            Json::Null => Leaf::Null,
            Json::Bool(truth) => Leaf::Boolean(*truth),
            Json::Number(number) => Leaf::Number(number.as_i64().unwrap()),
            Json::String(text) if is_readable => Leaf::Text(text.clone()),
            Json::String(text) => Leaf::Secret(text.clone()),
            Json::Array(items) => Leaf::Items(items.len().try_into().unwrap()),
            Json::Object(_) => Leaf::Object,
        })
    }
}

fn text(request: &Request<'_, String>) -> String {
    let method = if request.method == Method::Post { "POST" } else { "GET" };
    let mut text = format!("{method} {}", request.url);
    if !request.query.is_empty() {
        text += &format!("?{}", pairs(&request.query));
    }
    text += &match &request.credentials {
        Credentials::None => String::new(),
        Credentials::Basic { username, password, form_encoded } => {
            format!(" basic {} {form_encoded}", pair((username, password), ":"))
        }
        Credentials::Bearer(token) => format!(" bearer {token}"),
    };
    text + &match &request.body {
        Body::None => String::new(),
        Body::Form(form) => format!(" form {}", pairs(form)),
        Body::Json(members) => format!(" json {}", pairs(members)),
    }
}

fn pairs(parameters: &Parameters<'_, String>) -> String {
    let pairs = parameters.iter().map(|(name, value)| pair((name, value), "="));
    pairs.collect::<Vec<_>>().join("&")
}

fn pair((name, value): (&str, &Value<'_, String>), separator: &str) -> String {
    match value {
        Value::Text(text) => format!("{name}{separator}{text}"),
        Value::Secret(secret) => format!("{name}{separator}<{secret}>"),
    }
}
