//! What the guest asks of the host. In a component, these are its imports. Tests have a host of their own.

pub(crate) use crate::bindings::curtaincall::callback::exchange::{Error, Method};
pub(crate) use crate::bindings::curtaincall::callback::identity::{Claim, Expectation, Problem};
pub(crate) use crate::bindings::curtaincall::callback::secrets::HandOverError;

/// The host of one call.
pub(crate) trait Host {
    /// The handle of a secret. The guest can pass it on, and cannot read it.
    type Secret;
    /// An answer of the provider.
    type Answer: Answer<Secret = Self::Secret>;

    /// The redirect URI of this run.
    fn redirect_uri(&self) -> String;

    /// The `state` of this run.
    fn state(&self) -> String;

    /// The PKCE challenge of this run, method S256.
    fn code_challenge(&self) -> String;

    /// The nonce of this run.
    fn nonce(&self) -> String;

    /// The time, in seconds since 1970.
    fn now(&self) -> u64;

    /// Write a line to the log of the guest, which the host shows with `--verbose`.
    fn log(&self, line: &str);

    /// The secret that the person granted under this name.
    fn secret(&self, name: &str) -> Option<Self::Secret>;

    /// The PKCE verifier of this run.
    fn code_verifier(&self) -> Self::Secret;

    /// Put a secret out of an answer into the outcome.
    fn hand_over(&self, secret: &Self::Secret, name: &str) -> Result<(), HandOverError>;

    /// Declare a URL that a later call will send a request to, and whether that request will have a secret in it.
    fn declare(&self, url: &str, has_secret: bool);

    /// Send a request once, and wait for the answer.
    fn send(&self, request: &Request<'_, Self::Secret>) -> Result<Self::Answer, Error>;

    /// Validate an ID token. Returns the claims asked for, in that order.
    fn verify(
        &self,
        token: &Self::Secret,
        expected: &Expectation,
        claims: &[String],
    ) -> Result<Vec<Option<Claim>>, Problem>;
}

/// What the provider answered.
pub(crate) trait Answer {
    /// The handle of a secret.
    type Secret;

    /// The status code.
    fn status(&self) -> u16;

    /// The value at a JSON Pointer.
    fn get(&self, pointer: &str) -> Option<Leaf<Self::Secret>>;
}

/// One value of an answer.
pub(crate) enum Leaf<S> {
    Null,
    Boolean(bool),
    Number(i64),
    Text(String),
    Secret(S),
    Items(u32),
    Object,
}

/// One value in a request.
pub(crate) enum Value<'a, S> {
    Text(String),
    Secret(&'a S),
}

/// The names and values of a query, a form or a JSON object.
pub(crate) type Parameters<'a, S> = Vec<(String, Value<'a, S>)>;

/// A request to the provider.
pub(crate) struct Request<'a, S> {
    pub(crate) method: Method,
    /// The URL, without a query.
    pub(crate) url: &'a str,
    pub(crate) query: Parameters<'a, S>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) credentials: Credentials<'a, S>,
    pub(crate) body: Body<'a, S>,
}

/// The `Authorization` header of a request.
pub(crate) enum Credentials<'a, S> {
    None,
    Basic { username: &'a str, password: Value<'a, S>, form_encoded: bool },
    Bearer(&'a S),
}

/// The body of a request.
pub(crate) enum Body<'a, S> {
    None,
    Form(Parameters<'a, S>),
    /// The members of an object.
    Json(Parameters<'a, S>),
}

impl<'a, S> Request<'a, S> {
    /// A `GET` request without parameters.
    pub(crate) fn get(url: &'a str, headers: Vec<(String, String)>) -> Self {
        Self {
            method: Method::Get,
            url,
            query: Vec::new(),
            headers,
            credentials: Credentials::None,
            body: Body::None,
        }
    }
}

/// The first of some values of an answer that is there, and is not `null`. The pointers are separated by spaces.
pub(crate) fn find<A: Answer>(answer: &A, pointers: &str) -> Option<Leaf<A::Secret>> {
    let mut leaves = pointers.split_ascii_whitespace().filter_map(|pointer| answer.get(pointer));
    leaves.find(|leaf| !matches!(leaf, Leaf::Null))
}

/// The texts of an array, or `None` if there is none or if one of its items is not readable text.
pub(crate) fn texts<S>(
    pointer: &str,
    get: impl Fn(&str) -> Option<Leaf<S>>,
) -> Option<Vec<String>> {
    let Some(Leaf::Items(count)) = get(pointer) else { return None };
    (0..count)
        .map(|item| match get(&format!("{pointer}/{item}")) {
            Some(Leaf::Text(text)) => Some(text),
            _ => None,
        })
        .collect()
}
