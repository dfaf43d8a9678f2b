//! Fuzz ID tokens and key sets with arbitrary text. A token that verifies is signed with a key of the set, and is from
//! this issuer, for this client and for this run.
//!
//! The input is a token, or the header, the claims and a key set in lines. The target signs the header and the claims,
//! because the fuzzer cannot.

#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use curtaincall::internals::identity::{Claims, Expectation, Keys, verify};
use curtaincall::internals::session::Secret;
use libfuzzer_sys::fuzz_target;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

const CLIENT: &str = "client";
const NONCE: &str = "nonce";
const NOW: u64 = 1_800_000_000;

static EXPECTED: LazyLock<Expectation> = LazyLock::new(|| Expectation {
    issuer: "https://idp.example/{tenantid}/v2.0".to_owned(),
    audience: CLIENT.to_owned(),
    max_age: Some(600),
    subject: None,
});
static SECRET_NONCE: LazyLock<Secret> = LazyLock::new(|| NONCE.to_owned().into());
static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let x = URL_SAFE_NO_PAD.encode(KEY.public_key());
    let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x}]});
    Keys::parse(set.to_string().as_bytes()).unwrap()
});

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (header, claims, set) = (line(), line(), line());
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = KEY.sign(signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    let other_keys = Keys::parse(set.as_bytes()).ok();

    for token in [text, &token] {
        let [unsigned, signed] = [None, Some(&*KEYS)].map(|keys| check(token, keys));
        check(token, other_keys.as_ref());
        // The signature is checked in addition to everything else.
        assert!(unsigned.is_some() || signed.is_none());
        if signed.is_some() {
            assert_eq!(part(token, 0)["alg"], "EdDSA");
        }
    }
    let mut forged = signature.as_ref().to_vec();
    forged[header.len() % 64] ^= 1;
    let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(forged));
    assert!(check(&forged, Some(&KEYS)).is_none());
});

/// Verify a token. If it passes, compare it with what it must say.
fn check(token: &str, keys: Option<&Keys>) -> Option<Claims> {
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let claims = verify(token, &EXPECTED, &SECRET_NONCE, now, keys).ok()?;
    let (header, payload) = (part(token, 0), part(token, 1));
    assert!(["RS256", "PS256", "ES256", "EdDSA"].iter().any(|name| header["alg"] == *name));
    assert!(header.get("crit").is_none());
    assert_eq!(payload["nonce"], NONCE);
    let issuer = payload["iss"].as_str().unwrap();
    let tenant = issuer.strip_prefix("https://idp.example/").unwrap();
    let tenant = tenant.strip_suffix("/v2.0").unwrap();
    assert_eq!(payload["tid"], tenant);
    assert!(!tenant.is_empty() && !tenant.contains(['/', '?', '#', '.', '{']));
    let is_for_client = |audience: &Value| *audience == CLIENT;
    match payload["aud"].as_array().map(Vec::as_slice) {
        None | Some([_]) => {
            let audience = payload["aud"].get(0).unwrap_or(&payload["aud"]);
            assert!(is_for_client(audience));
        }
        Some(audiences) => {
            assert!(audiences.iter().any(is_for_client) && is_for_client(&payload["azp"]));
        }
    }
    let seconds = |name: &str| payload[name].as_f64().unwrap();
    let (now, skew) = (NOW as f64, 60.0);
    assert!(seconds("exp") > now - skew && seconds("iat") < now + skew + 1.0);
    assert!(seconds("auth_time") >= now - skew - 600.0);
    assert_eq!(payload["sub"], claims.subject());
    assert!((1..=255).contains(&claims.subject().len()));
    let names = payload.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for name in &names {
        let is_hidden = claims.get(name, &names).is_none();
        assert!(is_hidden || !["_claim_names", "_claim_sources"].contains(&name.as_str()));
    }
    Some(claims)
}

/// A part of a token that verified.
fn part(token: &str, at: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}
