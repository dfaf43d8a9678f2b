//! The form of a token and its header.

use super::provider::encode;
use super::*;

/// Headers that pass are compared with headers that differ in one rule. All of them are signed.
#[test]
fn each_rule_for_headers_refuses_its_defect_only() {
    let provider = Provider::new();
    let keys = key_set(&[with(&provider.key("RS256"), &json!({"kid": "1"}))]);
    let rows = [
        (json!({}), json!({"alg": null}), Problem::Malformed),
        (json!({}), json!({"alg": 256}), Problem::Malformed),
        (json!({}), json!({"alg": ["RS256"]}), Problem::Malformed),
        (json!({}), json!({"alg": "none"}), Problem::Algorithm),
        (json!({}), json!({"alg": "None"}), Problem::Algorithm),
        (json!({}), json!({"alg": ""}), Problem::Algorithm),
        (json!({}), json!({"alg": "rs256"}), Problem::Algorithm),
        (json!({}), json!({"alg": "RS384"}), Problem::Algorithm),
        (json!({}), json!({"alg": "RS1"}), Problem::Algorithm),
        (json!({}), json!({"alg": "ES256K"}), Problem::Algorithm),
        (json!({}), json!({"alg": "HS256"}), Problem::Algorithm),
        (json!({}), json!({"alg": "dir"}), Problem::Algorithm),
        (json!({"x": ["exp"]}), json!({"crit": ["exp"]}), Problem::Malformed),
        (json!({"x": []}), json!({"crit": []}), Problem::Malformed),
        (json!({"b64": false}), json!({"b64": false, "crit": ["b64"]}), Problem::Malformed),
        (json!({"typ": "JWT"}), json!({"typ": "at+jwt"}), Problem::Malformed),
        (json!({"typ": "jwt"}), json!({"typ": "logout+jwt"}), Problem::Malformed),
        (json!({"typ": "JWT"}), json!({"typ": ["JWT"]}), Problem::Malformed),
        (json!({"kid": "1"}), json!({"kid": 1}), Problem::Malformed),
        (json!({"kid": "1"}), json!({"kid": ["1"]}), Problem::Malformed),
    ];
    for (good, bad, problem) in rows {
        let check = |changes| {
            let header = with(&json!({"alg": "RS256"}), changes);
            outcome(signed(&provider.token(&header, &claims()), &keys))
        };
        assert_eq!(check(&good), Ok(()), "{good}");
        assert_eq!(check(&bad), Err(problem.into()), "{bad}");
    }
}

#[test]
fn the_algorithm_is_checked_even_without_the_signature() {
    let provider = Provider::new();
    for (algorithm, expected) in [
        ("RS256", Ok(())),
        ("PS256", Ok(())),
        ("ES256", Ok(())),
        ("EdDSA", Ok(())),
        ("HS256", Err(Problem::Algorithm.into())),
        ("none", Err(Problem::Algorithm.into())),
    ] {
        let token = provider.token(&json!({ "alg": algorithm }), &claims());
        let result = verify(&token, &expectation(), &nonce(), now(), None);
        assert_eq!(outcome(result), expected, "{algorithm}");
    }
}

#[test]
fn only_the_exact_compact_form_is_a_token() {
    let provider = Provider::new();
    let keys = key_set(&[provider.key("EdDSA")]);
    let good = provider.token(&json!({"alg": "EdDSA"}), &claims());
    assert_eq!(outcome(signed(&good, &keys)), Ok(()));
    let [header, payload, signature]: [&str; 3] =
        good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let start = &header[..header.len() - 1];
    // Ed25519 signatures have 64 bytes, so that the last character has four bits to spare.
    assert!(signature.ends_with(['A', 'Q', 'g', 'w']));
    let spare = &signature[..signature.len() - 1];
    let json =
        format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!(".{payload}.{signature}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}.{signature}"),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{header}. {payload}.{signature}"),
        format!("{good}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{start}.{payload}.{signature}"),
        format!("{header}.{payload}.{spare}"),
        format!("{header}.{payload}.{spare}B"),
        format!("{header}.{payload}.{}+/", &signature[2..]),
        format!("{header}.{payload}.é"),
        format!("{header}.{payload}.\0"),
        format!("Bearer {good}"),
        json,
        format!("{}.{payload}.{signature}", encode("[]")),
        format!("{}.{payload}.{signature}", encode(r#"{"alg":"EdDSA","alg":"EdDSA"}"#)),
        format!("{}.{payload}.{signature}", encode(b"{\"alg\":\"EdDSA\xff\"}")),
    ] {
        assert_eq!(outcome(signed(&bad, &keys)), Err(Problem::Malformed.into()), "{bad:?}");
    }
}

#[test]
fn a_token_has_at_most_16_kib() {
    let provider = Provider::new();
    let keys = key_set(&[provider.key("EdDSA")]);
    const LIMIT: usize = 16 << 10;
    let padded = |length: usize| {
        let padding = json!({"p": "x".repeat(length)});
        provider.token(&json!({"alg": "EdDSA"}), &with(&claims(), &padding))
    };
    // Three bytes of padding are four of the token.
    let least = (LIMIT - padded(0).len()) * 3 / 4 - 4;
    let length = (least..).take_while(|length| padded(*length).len() <= LIMIT).last().unwrap();
    assert_eq!(outcome(signed(&padded(length), &keys)), Ok(()));
    assert!(padded(length + 1).len() > LIMIT);
    for length in [length + 1, 1 << 20] {
        assert_eq!(outcome(signed(&padded(length), &keys)), Err(Problem::Malformed.into()));
    }
}
