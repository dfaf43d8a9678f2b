//! Fuzz requests with secrets in them, and the sealed answers. A secret goes only to the endpoint, and whatever the
//! endpoint does with it, the guest reads no part of it.
//!
//! The input is lines of text: two secrets, scopes, a URL, two names of parameters, and the status and content type of
//! the answer. The rest is the body of the answer, which arrives twice. In it, `{a}` stands for the first secret and `{b hex}` for the
//! second in hexadecimal digits.

#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curtaincall::NetGrants;
use curtaincall::internals::sealed::{
    Answer, Body, CODE_PART, Context, Credentials, Draft, ERRORS, GRANTED_PART, Held, LIFETIMES,
    Leaf, Method, Provenance, TOKEN_TYPES, Value, Vault,
};
use hyper::Response;
use hyper::body::Bytes;
use libfuzzer_sys::fuzz_target;

const TOKEN: &str = "https://provider.example/token";

static GRANTS: LazyLock<NetGrants> = LazyLock::new(|| {
    NetGrants::from_toml(
        "origins = ['https://provider.example']\n[[endpoint]]\nurl = 'https://provider.example/token'\n\
        readable = ['login', '/team/name', '/list/0']",
    )
    .unwrap()
});

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(7, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (a, b, scopes, url, names, kind, body) =
        (line(), line(), line(), line(), line(), line(), line());
    let (Some(first), Some(second)) = (held(a), held(b)) else { return };
    let names = names.split_once(' ').unwrap_or((names, "code"));
    let draft = |url: &str, names: (&str, &str)| Draft {
        method: Method::Post,
        url: url.to_owned(),
        query: vec![(names.0.to_owned(), Value::Secret(first.clone()))],
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        credentials: Credentials::None,
        body: Body::Form(vec![(names.1.to_owned(), Value::Secret(second.clone()))]),
    };
    if let Ok(prepared) = draft(url, names).build(&GRANTS) {
        let uri = prepared.request.uri();
        assert_eq!((uri.host(), uri.path()), (Some("provider.example"), "/token"));
        assert!(prepared.seal.is_some(), "{url}");
        let listed = prepared.seal.as_ref().unwrap().secrets();
        assert!([names.0, names.1].iter().all(|name| listed.contains(&(*name).to_owned())));
    }
    let Ok(prepared) = draft(TOKEN, ("client_secret", "code")).build(&GRANTS) else { return };

    let (status, content_type) = kind.split_once(' ').unwrap_or((kind, ""));
    let body = filled_in(body, a, b);
    let response = Response::builder()
        .status(status.parse().unwrap_or(200_u16))
        .header("content-type", content_type)
        .body(Bytes::from(body.clone()));
    let Ok(response) = response else { return };
    let scopes: Vec<_> = scopes.split(' ').map(String::from).collect();
    let is_success = response.status().is_success();
    let vault = Vault::default();
    let granted = [first.value(), second.value()];
    let context = Context { scopes: &scopes, granted: &granted, vault: &vault };
    let Ok(answer) = prepared.answer(response.clone(), &context) else { return };
    if answer.get("").is_none() {
        assert!(!is_success, "only an error may be not understood");
        assert!(answer.get("/error").is_none() && answer.get(url).is_none());
        return;
    }
    let texts = readable(&answer, &body);
    for (pointer, text) in &texts {
        let is_part = |secret: &str| {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            let is_time = name.starts_with("expires") || name.ends_with("expires_in");
            let is_code = name == "error" || is_time;
            let part = if is_code { CODE_PART } else { GRANTED_PART };
            let mut parts = secret.as_bytes().windows(part);
            parts.any(|part| text.as_bytes().windows(part.len()).any(|at| at == part))
        };
        let is_known = is_known(text, &scopes);
        assert!(is_known || !(is_part(a) || is_part(b)), "{text:?}");
        assert!(is_known || vault.sealed().is_none(), "{text:?}");
    }
    // The tokens of the first answer are known in the second one, which can only seal more.
    let Ok(second) = prepared.answer(response, &context) else { panic!("it was read before") };
    assert!(vault.sealed().is_some() || readable(&second, &body) == texts);
    // A guest may ask for anything.
    answer.get(url);
});

fn held(secret: &str) -> Option<Held> {
    Held::new(secret.to_owned().into(), Provenance::Granted { is_revealed: false }).ok()
}

/// Replace the placeholders of the secrets, because the fuzzer cannot encode them.
fn filled_in(body: &str, a: &str, b: &str) -> String {
    let mut filled = body.to_owned();
    for (letter, secret) in [("a", a), ("b", b)] {
        let half = &secret[..secret.floor_char_boundary(secret.len() / 2)];
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect();
        for (form, text) in [
            ("", secret.to_owned()),
            (" half", half.to_owned()),
            (" end", secret[half.len()..].to_owned()),
            (" reversed", secret.chars().rev().collect()),
            (" upper", secret.to_uppercase()),
            (" hex", hex(secret)),
            (" base64", STANDARD.encode(secret)),
            (" basic", STANDARD.encode(format!("client:{secret}"))),
            (" percent", form_urlencoded::byte_serialize(secret.as_bytes()).collect()),
        ] {
            let placeholder = format!("{{{letter}{form}}}");
            let escaped = serde_json::to_string(&text).unwrap();
            filled = filled.replace(&placeholder, &escaped[1..escaped.len() - 1]);
            if filled.len() > 1 << 17 {
                return String::new();
            }
        }
    }
    filled
}

/// All texts and numbers that a guest can read if it knows the names in `body`, with their places.
fn readable(answer: &Answer, body: &str) -> Vec<(String, String)> {
    let mut pointers = Vec::new();
    match serde_json::from_str(body.trim_start_matches('\u{feff}')) {
        Ok(value) => list(&value, String::new(), &mut pointers),
        Err(_) => {
            let names = form_urlencoded::parse(body.trim_end().as_bytes());
            pointers.extend(names.map(|(name, _)| format!("/{}", escaped(&name))));
        }
    }
    assert!(!pointers.is_empty());
    let leaves = pointers.iter().map(|pointer| (pointer, answer.get(pointer)));
    leaves
        .filter_map(|(pointer, leaf)| {
            match leaf.unwrap_or_else(|| panic!("nothing at {pointer}")) {
                Leaf::Text(text) => Some((pointer.clone(), text)),
                Leaf::Number(number) => Some((pointer.clone(), number.to_string())),
                _ => None,
            }
        })
        .collect()
}

fn list(value: &serde_json::Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| list(item, format!("{pointer}/{index}"), pointers));
        }
        serde_json::Value::Object(members) => {
            members.iter().for_each(|(name, member)| {
                list(member, format!("{pointer}/{}", escaped(name)), pointers)
            });
        }
        _ => {}
    }
    pointers.push(pointer);
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Whether the guest knows `text` anyway.
fn is_known(text: &str, scopes: &[String]) -> bool {
    let lifetimes = LIFETIMES.iter().flat_map(|lifetime| [*lifetime, lifetime - 1]);
    TOKEN_TYPES.contains(&&*text.to_ascii_lowercase())
        || ERRORS.contains(&text)
        || lifetimes.into_iter().any(|lifetime| lifetime.to_string() == text)
        || text
            .split([' ', ','])
            .all(|word| word.is_empty() || scopes.iter().any(|scope| scope == word))
}
