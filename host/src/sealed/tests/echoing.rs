//! An endpoint that repeats what it was sent. Whatever it does with a secret, the guest reads no part of it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::*;
use crate::grants::pointer;
use crate::sealed::json;

/// Of letters, digits, both, and with characters that are escaped. The code of some providers is short and of digits.
const SECRETS: [&str; 6] = [
    "qwxzvbnmkjhgf",
    "83917264",
    "839172645091827364",
    "1234567890ABCDEF12345678",
    "Qz7x-K9_Wj4.Vb2~Np6q",
    "abcd/e+f&g=h\"i\\j kl%mnop",
];

/// All forms in which the endpoint repeats `secret`, and parts of eight characters.
fn forms(secret: &str) -> Vec<String> {
    let middle = secret.len() / 2 - 4;
    let parts = [secret, &secret[..8], &secret[middle..middle + 8], &secret[secret.len() - 8..]];
    parts.iter().flat_map(|part| encodings(part)).collect()
}

fn encodings(part: &str) -> Vec<String> {
    let reversed: String = part.chars().rev().collect();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let spaced =
        |with: &str| part.split("").filter(|c| !c.is_empty()).collect::<Vec<_>>().join(with);
    // Between other separators, a part with few letters and digits is not found.
    let is_dense = part.bytes().filter(u8::is_ascii_alphanumeric).count() >= 7;
    let spaced = ["_", " "].into_iter().filter(|_| is_dense).map(spaced);
    let others = [
        part.to_owned(),
        reversed.clone(),
        part.to_uppercase(),
        hex(part),
        hex(part).to_uppercase(),
        hex(&reversed),
        percent(part),
        STANDARD.encode(part),
        STANDARD.encode(format!("id:{part}")),
        STANDARD.encode(format!("id1:{part}")),
        URL_SAFE_NO_PAD.encode(&reversed),
        format!("invalid_{part}"),
        format!("the value {part} is wrong"),
        format!("1{part}"),
    ];
    spaced.chain(others).collect()
}

/// The answers that contain `text` in each place, as a string, a number and a name.
fn answers(text: &str) -> Vec<String> {
    let quoted = serde_json::to_string(text).unwrap();
    let mut values =
        vec![quoted.clone(), format!("[{quoted},[{quoted}]]"), format!("{{{quoted}:{quoted}}}")];
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    values.extend([
        digits.clone(),
        format!("-{digits}"),
        format!("{digits}e2"),
        format!("0.{digits}"),
    ]);
    let names = [
        "scope",
        "error",
        "token_type",
        "expires_in",
        "error_description",
        "login",
        "id",
        "access_token",
        "x",
    ];
    let members = names
        .iter()
        .flat_map(|name| values.iter().map(move |value| format!("{{\"{name}\":{value}}}")));
    members
        .chain([format!("{{{quoted}:true}}"), format!("{{\"team\":{{\"name\":{quoted}}}}}")])
        .collect()
}

/// Every text that the guest can read in `answer`, if it knew all names in `body`.
fn readable(answer: &Answer, body: &str) -> Vec<String> {
    let mut texts = Vec::new();
    json::parse(body).unwrap().each_leaf(
        &mut |path, _, _| match answer.get(&pointer::join(path)) {
            Some(Leaf::Text(text)) => texts.push(text),
            Some(Leaf::Number(number)) => texts.push(number.to_string()),
            Some(_) => {}
            None => panic!("{path:?} of {body}"),
        },
    );
    texts
}

fn shares(length: usize, text: &str, secret: &str) -> bool {
    let mut parts = secret.as_bytes().windows(length);
    parts.any(|part| text.as_bytes().windows(length).any(|other| other == part))
}

#[test]
fn no_readable_value_has_a_part_of_a_secret() {
    let mut count = 0;
    for secret in SECRETS {
        let prepared = sent(&[secret]);
        // Every form is a form of this secret, so that nothing of it may be read.
        for form in forms(secret) {
            for body in answers(&form) {
                let Ok(answer) = answer(&prepared, &body) else { continue };
                for text in readable(&answer, &body) {
                    assert!(!shares(16, &text, &form), "{text} of {body}");
                    assert!(!shares(8, &text, secret), "{text} of {body}");
                }
                count += 1;
            }
        }
    }
    assert!(count > 12_000, "{count}");
}

/// The counter-check: the same answers to a request with another secret.
#[test]
fn a_readable_value_without_a_part_of_a_secret_stays_readable() {
    let prepared = sent(&["#####"]);
    let mut places = std::collections::BTreeSet::new();
    for secret in SECRETS {
        for form in forms(secret) {
            for body in answers(&form) {
                let Ok(answer) = answer(&prepared, &body) else { continue };
                if !readable(&answer, &body).is_empty() {
                    places.insert(body.split('"').nth(1).unwrap().to_owned());
                }
            }
        }
    }
    let expected = ["error", "expires_in", "id", "login", "team"];
    assert_eq!(places.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_form_that_repeats_a_secret_tells_nothing() {
    for secret in SECRETS {
        let prepared = sent(&[secret]);
        for form in forms(secret) {
            let value: String = form_urlencoded::byte_serialize(form.as_bytes()).collect();
            for name in ["scope", "error", "token_type", "expires_in", "login", "error_description"]
            {
                let answer = answer(&prepared, &format!("{name}={value}")).unwrap();
                let leaf = answer.get(&format!("/{name}"));
                assert!(matches!(leaf, Some(Leaf::Secret(_))), "{name}={form}");
            }
        }
    }
}

/// Otherwise a guest could send many values to an endpoint that repeats them, and learn which of them are parts of a
/// secret from which it can read.
#[test]
fn one_repeated_part_seals_all_that_is_not_known() {
    let body = |error: &str| {
        format!(
            r#"{{"error":"{error}","login":"ada","expires_in":12345,"expires_x":3600,"scope":"read","token_type":"bearer"}}"#
        )
    };
    let told = |error| {
        let (body, secrets) = (body(error), ["qwxzvbnmkjhgf", "839172645091827364"]);
        let answer = sealed(&secrets, &body).unwrap();
        ["/error", "/login", "/expires_in", "/expires_x", "/scope", "/token_type"]
            .map(|pointer| shown(answer.get(pointer)))
    };
    let known = ["number 3600", "text read", "text bearer"];
    assert_eq!(told("something_new")[..3], ["text something_new", "text ada", "number 12345"]);
    assert_eq!(told("something_new")[3..], known);
    assert_eq!(told("bad_qwxzvb")[..3], ["secret bad_qwxzvb", "secret ada", "secret 12345"]);
    assert_eq!(told("bad_qwxzvb")[3..], known);
}

/// What the guest knows anyway is told without regard to the secrets, and so tells nothing about them.
#[test]
fn a_known_value_is_readable_even_if_a_secret_contains_it() {
    let secrets = ["my-bearer-invalid_grant-3600-43199-43198-read-write:org"];
    for (body, pointer, told) in [
        (r#"{"token_type":"bearer"}"#, "/token_type", "text bearer"),
        (r#"{"error":"invalid_grant"}"#, "/error", "text invalid_grant"),
        (r#"{"expires_in":3600}"#, "/expires_in", "number 3600"),
        (r#"{"expires_in":43199}"#, "/expires_in", "number 43199"),
        (r#"{"expires_in":43198}"#, "/expires_in", "number 43198"),
        (r#"{"expires_in":36004319}"#, "/expires_in", "secret 36004319"),
        (r#"{"scope":["read","write:org"]}"#, "/scope/1", "text write:org"),
        (r#"{"error":"invalid_grand"}"#, "/error", "secret invalid_grand"),
        (r#"{"expires_in":3601}"#, "/expires_in", "number 3601"),
    ] {
        assert_eq!(shown(sealed(&secrets, body).unwrap().get(pointer)), told, "{body}");
    }
}
