mod form;
mod keys;
mod provider;
mod rules;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use self::provider::Provider;
use super::*;

const ISSUER: &str = "https://idp.example";
const CLIENT: &str = "client-1";
const NONCE: &str = "n-0S6_WzA2Mj";
/// The time of all checks, in seconds since 1970.
const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn nonce() -> Secret {
    NONCE.to_owned().into()
}

fn expectation() -> Expectation {
    Expectation {
        issuer: ISSUER.to_owned(),
        audience: CLIENT.to_owned(),
        max_age: None,
        subject: None,
    }
}

/// The claims of a valid token.
fn claims() -> Value {
    json!({"iss": ISSUER, "aud": CLIENT, "sub": "user-1", "exp": NOW + 300, "iat": NOW - 5, "nonce": NONCE})
}

/// `object` with the members of `changes`. A member that is null there is removed.
fn with(object: &Value, changes: &Value) -> Value {
    let mut object = object.clone();
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    object
}

fn key_set(keys: &[Value]) -> Keys {
    Keys::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

/// Verify a token with the signature.
fn signed(token: &str, keys: &Keys) -> Result<Claims, Unverified> {
    verify(token, &expectation(), &nonce(), now(), Some(keys))
}

/// The result without the claims, to compare.
fn outcome(result: Result<Claims, Unverified>) -> Result<(), Unverified> {
    result.map(|_| ())
}

/// The modules of the OpenID Basic RP certification that concern the ID token. The suite accepts both results for
/// `kid-absent-multiple-jwks`, and does not require a client to refuse `idtoken-sig-none`.
#[test]
fn the_modules_of_the_openid_certification() {
    let provider = Provider::new();
    let key = with(&provider.key("RS256"), &json!({"kid": "1"}));
    let other = with(&provider.other_rsa_key(), &json!({"kid": "0"}));
    let header = json!({"alg": "RS256", "kid": "1"});
    let change = |changes| provider.token(&header, &with(&claims(), &changes));
    let without_kid = provider.token(&json!({"alg": "RS256"}), &claims());
    let good = change(json!({}));
    let broken = {
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let flipped = if signature.starts_with('A') { 'B' } else { 'A' };
        format!("{signed}.{flipped}{}", &signature[1..])
    };
    let none =
        good.replacen(good.split('.').next().unwrap(), &provider::encode(r#"{"alg":"none"}"#), 1);
    let none = format!("{}.", none.rsplit_once('.').unwrap().0);
    let alone = &[key.clone()][..];
    let several = &[other, key][..];
    let rows = [
        ("client-test", good.as_str(), alone, Ok(())),
        ("idtoken-sig-rs256", &good, several, Ok(())),
        ("invalid-iss", &change(json!({"iss": "https://x.example"})), alone, Err(Problem::Issuer)),
        ("missing-sub", &change(json!({"sub": null})), alone, Err(Problem::Subject)),
        ("invalid-aud", &change(json!({"aud": "client-2"})), alone, Err(Problem::Audience)),
        ("missing-iat", &change(json!({"iat": null})), alone, Err(Problem::Time)),
        ("nonce-invalid", &change(json!({"nonce": "another"})), alone, Err(Problem::Nonce)),
        ("kid-absent-single-jwks", &without_kid, alone, Ok(())),
        ("kid-absent-multiple-jwks", &without_kid, several, Ok(())),
        ("invalid-sig-rs256", &broken, alone, Err(Problem::Signature)),
        ("idtoken-sig-none", &none, alone, Err(Problem::Algorithm)),
    ];
    for (module, token, keys, expected) in rows {
        let result = outcome(signed(token, &key_set(keys)));
        assert_eq!(result, expected.map_err(Unverified::from), "{module}");
    }
}

#[test]
fn an_unverified_token_leaves_no_trace_in_messages() {
    let provider = Provider::new();
    let token = provider.token(&json!({"alg": "RS256"}), &claims());
    let claims = signed(&token, &key_set(&[provider.key("RS256")])).unwrap();
    assert_eq!(format!("{claims:?}"), "Claims([redacted])");
    assert_eq!(Unverified::from(Problem::Nonce).to_string(), Problem::Nonce.to_string());
    assert_eq!(Problem::from(Unverified::UnknownKey), Problem::Signature);
    assert_eq!(Problem::from(Unverified::from(Problem::Time)), Problem::Time);
}
