//! The token request, and the second exchange of some providers.

use crate::client::Client;
use crate::config::Config;
use crate::failure::Failure;
use crate::host::{
    Answer, Body, Credentials, Host, Leaf, Method, Parameters, Request, Value, find,
};
use crate::metadata::Metadata;
use crate::reason;
use crate::settings::{Second, Settings, TokenBody};

/// The answers that hold the tokens.
pub(crate) struct Tokens<A> {
    /// The answer to the token request.
    first: A,
    /// The answer to the second exchange. Its access token replaces the first one.
    second: Option<A>,
}

impl<A: Answer> Tokens<A> {
    /// A value that belongs to the access token: from the last answer.
    pub(crate) fn of_access_token(&self, pointers: &str) -> Option<Leaf<A::Secret>> {
        find(self.second.as_ref().unwrap_or(&self.first), pointers)
    }

    /// Any other value: from the last answer that has it.
    pub(crate) fn get(&self, pointers: &str) -> Option<Leaf<A::Secret>> {
        let second = self.second.as_ref().and_then(|second| find(second, pointers));
        second.or_else(|| find(&self.first, pointers))
    }
}

/// The pointers to a value of the answer.
pub(crate) fn pointers(config: &Config, name: &str) -> String {
    let configured = config.get(&format!("answer.{name}"));
    configured.map_or_else(|| format!("/{name}"), str::to_owned)
}

/// The header fields of a request for tokens or for the account.
pub(crate) fn headers(config: &Config) -> Vec<(String, String)> {
    let mut headers = usual_headers();
    let accept = config.get("accept").map(|value| ("accept", value));
    for (name, value) in accept.into_iter().chain(config.table("header.")) {
        let name = name.to_ascii_lowercase();
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value.to_owned()));
    }
    headers
}

/// The header fields of a request to any provider.
pub(crate) fn usual_headers() -> Vec<(String, String)> {
    // The APIs of GitHub and Reddit refuse requests without a user agent.
    let agent = concat!("curtaincall-oauth2/", env!("CARGO_PKG_VERSION"));
    let headers = [("accept", "application/json"), ("user-agent", agent)];
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Exchange the code for tokens.
pub(crate) fn exchange<H: Host>(
    host: &H,
    config: &Config,
    settings: &Settings,
    metadata: &Metadata,
    client: &Client<H::Secret>,
    code: &str,
) -> Result<Tokens<H::Answer>, Failure> {
    let verifier = settings.pkce.then(|| host.code_verifier());
    let mut parameters: Parameters<'_, H::Secret> = vec![
        ("grant_type".to_owned(), Value::Text("authorization_code".to_owned())),
        (config.get("name.code").unwrap_or("code").to_owned(), Value::Text(code.to_owned())),
        ("redirect_uri".to_owned(), Value::Text(host.redirect_uri())),
    ];
    parameters.extend(client.parameters(config));
    if let Some(verifier) = &verifier {
        parameters.push(("code_verifier".to_owned(), Value::Secret(verifier)));
    }
    for (name, value) in config.table("token.") {
        parameters.retain(|(known, _)| known != name);
        parameters.push((name.to_owned(), fill(value, client, None)?));
    }
    let url = &metadata.token_endpoint;
    let mut request = Request::get(url, headers(config));
    request.credentials = client.credentials();
    match settings.token_body {
        TokenBody::Query => request.query = parameters,
        TokenBody::Form => (request.method, request.body) = (Method::Post, Body::Form(parameters)),
        TokenBody::Json => (request.method, request.body) = (Method::Post, Body::Json(parameters)),
    }
    let first = ask(host, config, &request)?;
    let token = find(&first, &pointers(config, "access_token"));
    let token = token.ok_or_else(|| reason::no_token(url))?;
    let second = match &settings.second {
        Some(second) => Some(ask_again(host, config, second, client, &token)?),
        None => None,
    };
    Ok(Tokens { first, second })
}

/// Exchange the access token for another one.
fn ask_again<H: Host>(
    host: &H,
    config: &Config,
    second: &Second,
    client: &Client<H::Secret>,
    token: &Leaf<H::Secret>,
) -> Result<H::Answer, Failure> {
    let parameters = |table| {
        let fill =
            |(name, value): (&str, &str)| Ok((name.to_owned(), fill(value, client, Some(token))?));
        config.table(table).map(fill).collect::<Result<Parameters<'_, _>, Failure>>()
    };
    let mut request = Request::get(&second.url, headers(config));
    request.query = parameters("second.query.")?;
    if second.method == Method::Post {
        (request.method, request.body) = (Method::Post, Body::Form(parameters("second.form.")?));
    }
    let answer = ask(host, config, &request)?;
    match find(&answer, &pointers(config, "access_token")) {
        Some(_) => Ok(answer),
        None => Err(reason::no_token(&second.url)),
    }
}

/// Send a request, and check that the provider did not refuse it.
fn ask<H: Host>(
    host: &H,
    config: &Config,
    request: &Request<'_, H::Secret>,
) -> Result<H::Answer, Failure> {
    let answer = host.send(request).map_err(|error| reason::no_answer(error, request.url))?;
    let status = answer.status();
    let is_ok = match config.get("answer.ok") {
        Some(pointers) => matches!(find(&answer, pointers), Some(Leaf::Boolean(true))),
        None => true,
    };
    // GitHub and Slack answer an error with status 200.
    let failure = match find(&answer, &pointers(config, "error")) {
        Some(Leaf::Text(code)) => reason::refused(&code),
        None | Some(Leaf::Boolean(false) | Leaf::Number(0))
            if is_ok && (200..300).contains(&status) =>
        {
            return Ok(answer);
        }
        _ => reason::refused_without_code(request.url, status),
    };
    // The description is secret, unless the grant says that it can be read.
    let quote = match find(&answer, &pointers(config, "error_description")) {
        Some(Leaf::Text(description)) => Some(description),
        _ => None,
    };
    Err(Failure { quote, ..failure })
}

/// A value of the configuration, which may stand for the client or for the access token.
fn fill<'a, S>(
    value: &str,
    client: &'a Client<S>,
    token: Option<&'a Leaf<S>>,
) -> Result<Value<'a, S>, Failure> {
    Ok(match (value, token) {
        ("{client_id}", _) => Value::Text(client.id.clone()),
        ("{client_secret}", _) => match &client.secret {
            Some(secret) => Value::Secret(secret),
            None => return Err(Failure::no_secret("a parameter contains it")),
        },
        ("{access_token}", Some(Leaf::Secret(token))) => Value::Secret(token),
        ("{access_token}", Some(Leaf::Text(token))) => Value::Text(token.clone()),
        _ => Value::Text(value.to_owned()),
    })
}

/// An `Authorization` header with the access token, if that is a secret.
pub(crate) fn bearer<S>(token: &Option<Leaf<S>>) -> Option<Credentials<'_, S>> {
    match token {
        Some(Leaf::Secret(token)) => Some(Credentials::Bearer(token)),
        _ => None,
    }
}
