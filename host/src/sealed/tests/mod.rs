//! Tests of requests and their answers as a whole.

mod answers;
mod drafts;
mod echoing;
mod runs;

use bytes::Bytes;
use http::Response;

use super::*;
use crate::grants::NetGrants;

const TOKEN: &str = "https://provider.example/token";
const API: &str = "https://api.example";

fn grants() -> NetGrants {
    let text = "origins = ['https://api.example', 'https://provider.example']\n\
        [[endpoint]]\nurl = 'https://provider.example/token'\n\
        secrets = ['client_id', 'client_secret', 'code', 'code_verifier', 'access_token', 'key']\n\
        readable = ['login', '/team/name', 'id']\nheaders = ['notion-version']\n\
        [[endpoint]]\nurl = 'https://provider.example/revoke'\n";
    NetGrants::from_toml(text).unwrap()
}

fn held(value: &str) -> Held {
    Held::new(value.to_owned().into(), Provenance::Granted { is_revealed: false }).unwrap()
}

fn secret(value: &str) -> Value {
    Value::Secret(held(value))
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn post(url: &str) -> Draft {
    Draft {
        method: Method::Post,
        url: url.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        credentials: Credentials::None,
        body: Body::None,
    }
}

fn get(url: &str) -> Draft {
    Draft { method: Method::Get, ..post(url) }
}

fn pairs(pairs: &[(&str, Value)]) -> Vec<(String, Value)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn form(url: &str, fields: &[(&str, Value)]) -> Draft {
    Draft { body: Body::Form(pairs(fields)), ..post(url) }
}

/// A request to the endpoint that contains `secrets`.
fn sent(secrets: &[&str]) -> Prepared {
    let names = ["client_secret", "code_verifier", "key"];
    let fields: Vec<_> = names.into_iter().zip(secrets.iter().map(|value| secret(value))).collect();
    form(TOKEN, &fields).build(&grants()).unwrap()
}

fn response(status: u16, content_type: &str, body: &str) -> Response<Bytes> {
    let response = Response::builder().status(status).header("content-type", content_type);
    response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

/// The answer in a run whose granted secrets are those of the request.
fn read(request: &Prepared, response: Response<Bytes>) -> Result<Answer, ExchangeError> {
    read_in(&Vault::default(), request, response)
}

/// Reads an answer. The guest asked for the scopes `read` and `write:org`.
fn read_in(
    vault: &Vault,
    request: &Prepared,
    response: Response<Bytes>,
) -> Result<Answer, ExchangeError> {
    let is_granted = |held: &&Held| matches!(held.source(), Provenance::Granted { .. });
    let granted: Vec<_> = request.sent.iter().filter(is_granted).map(Held::value).collect();
    let scopes = ["read", "write:org"].map(String::from);
    request.confide(vault);
    request.answer(response, &Context { scopes: &scopes, granted: &granted, vault })
}

/// The answer `body`, JSON or a form.
fn answer(request: &Prepared, body: &str) -> Result<Answer, ExchangeError> {
    let is_json = body.starts_with('{');
    let kind = if is_json { "application/json" } else { "application/x-www-form-urlencoded" };
    read(request, response(200, kind, body))
}

/// The sealed answer `body` to a request that contains `secrets`.
fn sealed(secrets: &[&str], body: &str) -> Result<Answer, ExchangeError> {
    answer(&sent(secrets), body)
}

/// The leaf as a text that tests can compare.
fn shown(leaf: Option<Leaf>) -> String {
    match leaf {
        None => "nothing".to_owned(),
        Some(Leaf::Null) => "null".to_owned(),
        Some(Leaf::Boolean(truth)) => truth.to_string(),
        Some(Leaf::Number(number)) => format!("number {number}"),
        Some(Leaf::Text(text)) => format!("text {text}"),
        Some(Leaf::Secret(held)) => format!("secret {}", held.value().expose()),
        Some(Leaf::Items(count)) => format!("{count} items"),
        Some(Leaf::Object) => "object".to_owned(),
    }
}

#[test]
fn a_secret_has_a_largest_length() {
    let new =
        |length| Held::new("a".repeat(length).into(), Provenance::Granted { is_revealed: false });
    assert!(new(SECRET_LIMIT).is_ok());
    let error = new(SECRET_LIMIT + 1).unwrap_err();
    assert_eq!(error.to_string(), "the secret has 16385 bytes; expected at most 16384");
}

#[test]
fn debug_shows_no_secret() {
    let draft = Draft {
        query: pairs(&[("code", text("hunter2"))]),
        credentials: Credentials::Basic {
            username: text("id"),
            password: secret("hunter2"),
            form_encoded: true,
        },
        body: Body::Json(vec![("/key".to_owned(), JsonValue::Text(secret("hunter2")))]),
        ..post(TOKEN)
    };
    let prepared = draft.clone().build(&grants()).unwrap();
    let answer = read(&prepared, response(200, "", r#"{"hunter2":"hunter2"}"#)).unwrap();
    let leaf = answer.get("/hunter2").unwrap();
    assert!(matches!(leaf, Leaf::Secret(_)));
    for shown in [
        format!("{draft:?}"),
        format!("{prepared:?}"),
        format!("{:?}", prepared.request.headers()),
        format!("{answer:?}"),
        format!("{leaf:?}"),
    ] {
        assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
    }
    // Counter-check: the request itself has it, twice as it is and once in Base64.
    let authorization = prepared.request.headers()["authorization"].to_str().unwrap();
    assert_eq!(authorization, "Basic aWQ6aHVudGVyMg==");
    assert_eq!(prepared.request.uri(), "https://provider.example/token?code=hunter2");
    assert_eq!(prepared.request.body(), r#"{"key":"hunter2"}"#);
}
