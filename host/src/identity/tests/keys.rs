//! The choice of a key, and signatures.

use super::provider::encode;
use super::*;

const ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

#[test]
fn each_algorithm_verifies_its_own_signatures_only() {
    let provider = Provider::new();
    let all = key_set(&ALGORITHMS.map(|algorithm| provider.key(algorithm)));
    for named in ALGORITHMS {
        let header = json!({ "alg": named }).to_string();
        for used in ALGORITHMS {
            let token = provider.token_signed_with(used, &header, &claims().to_string());
            let expected = if named == used { Ok(()) } else { Err(Problem::Signature.into()) };
            assert_eq!(outcome(signed(&token, &all)), expected, "{named}, signed with {used}");
        }
    }
}

#[test]
fn every_part_of_a_token_is_signed() {
    let provider = Provider::new();
    for algorithm in ALGORITHMS {
        let keys = key_set(&[provider.key(algorithm)]);
        let token = |subject: &str, extra: &str| {
            let header = json!({"alg": algorithm, "x": extra});
            provider.token(&header, &with(&claims(), &json!({ "sub": subject })))
        };
        let (one, two) = (token("user-1", ""), token("user-2", ""));
        let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
        let [a, b, c] = [&one, &two, &token("user-1", "y")].map(|token| parts(token));
        assert_eq!(outcome(signed(&one, &keys)), Ok(()));
        assert_eq!(outcome(signed(&two, &keys)), Ok(()));
        for mixed in [[&a[0], &a[1], &b[2]], [&a[0], &b[1], &a[2]], [&c[0], &a[1], &a[2]]] {
            let mixed = mixed.map(String::as_str).join(".");
            assert_eq!(
                outcome(signed(&mixed, &keys)),
                Err(Problem::Signature.into()),
                "{algorithm}"
            );
        }
        for signature in ["", "\0", "\0".repeat(64).as_str(), "\0".repeat(256).as_str()] {
            let token = format!("{}.{}.{}", a[0], a[1], encode(signature));
            let problem =
                if signature.is_empty() { Problem::Malformed } else { Problem::Signature };
            assert_eq!(outcome(signed(&token, &keys)), Err(problem.into()), "{algorithm}");
        }
    }
}

/// An attacker signs with what everybody knows: the public key, as the secret of `HS256`.
#[test]
fn a_public_key_is_not_a_symmetric_key() {
    let provider = Provider::new();
    let token = provider.token(&json!({"alg": "HS256"}), &claims());
    let rsa = provider.key("RS256");
    let symmetric = json!({"kty": "oct", "k": rsa["n"], "alg": "HS256"});
    for keys in [key_set(std::slice::from_ref(&rsa)), key_set(&[symmetric, rsa])] {
        assert_eq!(outcome(signed(&token, &keys)), Err(Problem::Algorithm.into()));
    }
}

/// An attacker signs with a key of their own, and sends it along.
#[test]
fn keys_in_the_header_are_ignored() {
    let provider = Provider::new();
    let token = |provider: &Provider, changes: Value| {
        provider.token(&with(&json!({"alg": "RS256", "kid": "1"}), &changes), &claims())
    };
    let key = with(&provider.key("RS256"), &json!({"kid": "1"}));
    let other = with(&provider.other_rsa_key(), &json!({"kid": "1"}));
    for changes in [
        json!({ "jwk": key }),
        json!({"jku": "https://attacker.example/keys"}),
        json!({"x5u": "https://attacker.example/certificate"}),
        json!({"x5c": ["MIIB"]}),
        json!({"x5t": "x", "x5t#S256": "x"}),
    ] {
        let token = token(&provider, changes.clone());
        let refused = outcome(signed(&token, &key_set(std::slice::from_ref(&other))));
        assert_eq!(refused, Err(Problem::Signature.into()), "{changes}");
        let accepted = outcome(signed(&token, &key_set(std::slice::from_ref(&key))));
        assert_eq!(accepted, Ok(()), "{changes}");
    }
}

#[test]
fn a_token_names_its_key() {
    let provider = Provider::new();
    let named = |key: Value, id: &str| with(&key, &json!({ "kid": id }));
    let key = || provider.key("RS256");
    let (right, wrong) = (|id| named(key(), id), |id| named(provider.other_rsa_key(), id));
    let unknown = || Err(Unverified::UnknownKey);
    let rows = [
        ("named", Some("1"), vec![wrong("0"), right("1")], Ok(())),
        (
            "named, but the key is another",
            Some("1"),
            vec![right("0"), wrong("1")],
            Err(Problem::Signature.into()),
        ),
        ("two of that name", Some("1"), vec![wrong("1"), right("1")], Ok(())),
        ("new name", Some("2"), vec![right("1")], unknown()),
        ("other case", Some("A"), vec![right("a")], unknown()),
        ("the keys have no names", Some("1"), vec![key()], unknown()),
        ("no keys", Some("1"), vec![], unknown()),
        (
            "the name of a key of another kind",
            Some("1"),
            vec![named(provider.key("ES256"), "1")],
            unknown(),
        ),
        ("no name, one key", None, vec![right("1")], Ok(())),
        (
            "no name, several keys",
            None,
            vec![wrong("0"), named(provider.key("ES256"), "2"), right("1")],
            Ok(()),
        ),
        ("no name, other keys", None, vec![wrong("0"), wrong("1")], Err(Problem::Signature.into())),
        ("no name, no key that fits", None, vec![provider.key("ES256")], unknown()),
        ("no name, no keys", None, vec![], unknown()),
    ];
    for (case, id, keys, expected) in rows {
        let header = with(&json!({"alg": "RS256"}), &json!({ "kid": id }));
        let token = provider.token(&header, &claims());
        assert_eq!(outcome(signed(&token, &key_set(&keys))), expected, "{case}");
    }
}

/// Keys that are used are compared with keys that differ in one rule.
#[test]
fn keys_that_cannot_verify_are_ignored() {
    let provider = Provider::new();
    let number = |name: &str| token::decode(provider.key("RS256")[name].as_str().unwrap()).unwrap();
    let (n, e) = (number("n"), number("e"));
    let with_zero = encode([&[0], &n[..]].concat());
    let rows = [
        ("RS256", json!({"use": "sig"}), json!({"use": "enc"})),
        ("RS256", json!({"use": "sig"}), json!({"use": 1})),
        ("RS256", json!({"key_ops": ["verify"]}), json!({"key_ops": ["encrypt"]})),
        ("RS256", json!({"key_ops": ["sign", "verify"]}), json!({"key_ops": "verify"})),
        ("RS256", json!({"alg": "RS256"}), json!({"alg": "PS256"})),
        ("PS256", json!({"alg": "PS256"}), json!({"alg": "RS256"})),
        ("RS256", json!({"alg": "RS256"}), json!({"alg": "RSA-OAEP"})),
        ("RS256", json!({"alg": "RS256"}), json!({"alg": 1})),
        ("RS256", json!({"kty": "RSA"}), json!({"kty": "rsa"})),
        ("RS256", json!({}), json!({"kty": null})),
        ("RS256", json!({"kid": "1"}), json!({"kid": 1})),
        ("RS256", json!({"n": with_zero}), json!({"n": encode(&n[1..])})),
        ("RS256", json!({"n": encode(&n)}), json!({"n": encode(&n[128..])})),
        ("RS256", json!({"n": encode(&n)}), json!({"n": encode([&n[..], &[1; 1000]].concat())})),
        ("RS256", json!({"n": encode(&n)}), json!({"n": ""})),
        ("RS256", json!({"n": encode(&n)}), json!({"n": "AA"})),
        ("RS256", json!({"n": encode(&n)}), json!({"n": format!("{}=", encode(&n))})),
        ("RS256", json!({"e": encode(&e)}), json!({"e": null})),
        ("ES256", json!({"crv": "P-256"}), json!({"crv": "P-384"})),
        ("ES256", json!({"crv": "P-256"}), json!({"crv": null})),
        ("ES256", json!({}), json!({"y": null})),
        ("ES256", json!({}), json!({"x": encode([1; 31])})),
        ("ES256", json!({}), json!({"x": encode([1; 33])})),
        ("EdDSA", json!({"crv": "Ed25519"}), json!({"crv": "X25519"})),
        ("EdDSA", json!({"crv": "Ed25519"}), json!({"crv": "Ed448"})),
        ("EdDSA", json!({}), json!({"x": encode([1; 31])})),
    ];
    for (algorithm, good, bad) in rows {
        let token = provider.token(&json!({ "alg": algorithm }), &claims());
        let check =
            |changes| outcome(signed(&token, &key_set(&[with(&provider.key(algorithm), changes)])));
        assert_eq!(check(&good), Ok(()), "{algorithm} {good}");
        assert_eq!(check(&bad), Err(Unverified::UnknownKey), "{algorithm} {bad}");
    }
}

#[test]
fn numbers_that_are_not_a_key_verify_nothing() {
    let provider = Provider::new();
    for (algorithm, changes) in [
        ("RS256", json!({"e": ""})),
        ("RS256", json!({"e": "AQ"})),
        ("RS256", json!({"e": "Ag"})),
        ("RS256", json!({"n": encode([0xff; 256])})),
        ("RS256", json!({"n": encode([0xfe; 256])})),
        ("ES256", json!({"x": encode([0; 32]), "y": encode([0; 32])})),
        ("ES256", json!({"x": encode([0xff; 32])})),
        ("EdDSA", json!({"x": encode([0xff; 32])})),
    ] {
        let token = provider.token(&json!({ "alg": algorithm }), &claims());
        let keys = key_set(&[with(&provider.key(algorithm), &changes)]);
        let problem = outcome(signed(&token, &keys)).map_err(Problem::from);
        assert_eq!(problem, Err(Problem::Signature), "{algorithm} {changes}");
    }
}

#[test]
fn a_key_set_is_read_or_refused_as_a_whole() {
    let provider = Provider::new();
    let key = provider.key("EdDSA");
    let token = provider.token(&json!({"alg": "EdDSA"}), &claims());
    let many = |count| json!({"keys": vec![&key; count]}).to_string();
    for set in [
        json!({"keys": [key]}).to_string(),
        json!({"keys": [null, 1, "key", [], {}, key], "x": {"y": [1]}}).to_string(),
        format!(" {} \n", json!({"keys": [key]})),
        many(100),
    ] {
        let keys = Keys::parse(set.as_bytes()).unwrap();
        assert_eq!(outcome(signed(&token, &keys)), Ok(()), "{set}");
    }
    let good = json!({"keys": [key]}).to_string();
    let deep = good.replacen('[', &"[".repeat(5000), 1).replacen(']', &"]".repeat(5000), 1);
    for set in [
        String::new(),
        "{}".to_owned(),
        "null".to_owned(),
        json!([key]).to_string(),
        json!({ "keys": key }).to_string(),
        format!("{good}{good}"),
        good.replacen('{', r#"{"keys":[],"#, 1),
        good.replacen(r#""x":"#, r#""x":"AA","x":"#, 1),
        many(101),
        format!("{good}{}", " ".repeat(256 << 10)),
        format!("<html>{good}"),
        deep,
    ] {
        let shown = &set[..set.len().min(99)];
        assert_eq!(Keys::parse(set.as_bytes()).map(|_| ()), Err(Problem::Keys), "{shown}");
    }
}
