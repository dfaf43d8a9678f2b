//! What the claims of a token must say. The signature is not checked here.

use super::*;

/// Claims that pass are compared with claims that differ in one rule.
#[test]
fn each_rule_for_claims_refuses_its_defect_only() {
    let long = |length: usize| json!({"sub": "x".repeat(length)});
    let rows = [
        (json!({}), json!({"iss": null}), Problem::Issuer),
        (json!({}), json!({"iss": "https://idp.example/"}), Problem::Issuer),
        (json!({}), json!({"iss": "https://IDP.example"}), Problem::Issuer),
        (json!({}), json!({"iss": "http://idp.example"}), Problem::Issuer),
        (json!({}), json!({"iss": [ISSUER]}), Problem::Issuer),
        (json!({}), json!({"aud": null}), Problem::Audience),
        (json!({}), json!({"aud": "client-1 "}), Problem::Audience),
        (json!({"aud": [CLIENT]}), json!({"aud": []}), Problem::Audience),
        (json!({"aud": [CLIENT]}), json!({"aud": ["other"]}), Problem::Audience),
        (json!({"aud": [CLIENT]}), json!({"aud": [[CLIENT]]}), Problem::Audience),
        (json!({"aud": [CLIENT]}), json!({"aud": [CLIENT, 1], "azp": CLIENT}), Problem::Audience),
        (json!({"aud": [CLIENT]}), json!({"aud": {"client-1": 1}}), Problem::Audience),
        (
            json!({"aud": ["other", CLIENT], "azp": CLIENT}),
            json!({"aud": ["other", CLIENT]}),
            Problem::Audience,
        ),
        (json!({"azp": CLIENT}), json!({"azp": "other"}), Problem::Audience),
        (json!({"azp": CLIENT}), json!({"azp": [CLIENT]}), Problem::Audience),
        (
            json!({"aud": ["other", CLIENT], "azp": CLIENT}),
            json!({"aud": ["other", CLIENT], "azp": "other"}),
            Problem::Audience,
        ),
        (json!({"exp": NOW - 59}), json!({"exp": NOW - 60}), Problem::Time),
        (json!({"exp": NOW as f64 + 0.5}), json!({"exp": NOW as f64 - 60.5}), Problem::Time),
        (json!({"exp": 9_000_000_000_000_000_000_u64}), json!({"exp": -1}), Problem::Time),
        (json!({}), json!({"exp": null}), Problem::Time),
        (json!({}), json!({"exp": (NOW + 300).to_string()}), Problem::Time),
        (json!({"iat": NOW + 60}), json!({"iat": NOW + 61}), Problem::Time),
        (json!({"iat": 0}), json!({"iat": null}), Problem::Time),
        (json!({"iat": NOW}), json!({"iat": true}), Problem::Time),
        (json!({"nbf": NOW + 60}), json!({"nbf": NOW + 61}), Problem::Time),
        (json!({"nbf": NOW}), json!({"nbf": "now"}), Problem::Time),
        (json!({}), json!({"nonce": null}), Problem::Nonce),
        (json!({}), json!({"nonce": ""}), Problem::Nonce),
        (json!({}), json!({"nonce": [NONCE]}), Problem::Nonce),
        (json!({}), json!({"nonce": &NONCE[1..]}), Problem::Nonce),
        (json!({}), json!({"sub": null}), Problem::Subject),
        (json!({"sub": "0"}), json!({"sub": ""}), Problem::Subject),
        (json!({"sub": "0"}), json!({"sub": 0}), Problem::Subject),
        (json!({"sub": "user"}), json!({"sub": "usér"}), Problem::Subject),
        (long(255), long(256), Problem::Subject),
    ];
    for (good, bad, problem) in rows {
        assert_eq!(outcome(check(&good, &expectation())), Ok(()), "{good}");
        assert_eq!(outcome(check(&bad, &expectation())), Err(problem.into()), "{bad}");
    }
}

/// Verify an otherwise valid token with these changes, without its signature.
fn check(changes: &Value, expected: &Expectation) -> Result<Claims, Unverified> {
    check_text(&with(&claims(), changes).to_string(), expected)
}

fn check_text(claims: &str, expected: &Expectation) -> Result<Claims, Unverified> {
    let [header, claims] = [r#"{"alg":"RS256"}"#, claims].map(provider::encode);
    verify(&format!("{header}.{claims}.AA"), expected, &nonce(), now(), None)
}

#[test]
fn the_tenant_replaces_the_placeholder_in_the_issuer() {
    let issuer = "https://login.example/{tenantid}/v2.0";
    let expected = Expectation { issuer: issuer.to_owned(), ..expectation() };
    let tenant = "9188040d-6c67-4c5b-b112-36a304b66dad";
    let from = |in_issuer: &str, tid: Value| {
        let iss = issuer.replace("{tenantid}", in_issuer);
        outcome(check(&json!({"iss": iss, "tid": tid}), &expected))
    };
    assert_eq!(from(tenant, json!(tenant)), Ok(()));
    let wrong = Err(Problem::Issuer.into());
    assert_eq!(from("another", json!(tenant)), wrong);
    assert_eq!(from("{tenantid}", json!(null)), wrong);
    assert_eq!(from(tenant, json!(null)), wrong);
    let long = "a".repeat(64);
    for tid in ["", "{tenantid}", "a/b", "..", "a?b", "a#b", "é", "a%2Fb", &long] {
        assert_eq!(from(tid, json!(tid)), wrong, "{tid}");
    }
    // An issuer without the placeholder ignores the claim.
    assert_eq!(outcome(check(&json!({"tid": "{tenantid}"}), &expectation())), Ok(()));
}

#[test]
fn the_sign_in_may_be_as_old_as_the_caller_allows() {
    let aged = |max_age| Expectation { max_age, ..expectation() };
    let rows = [
        (json!({"auth_time": NOW - 160}), json!({"auth_time": NOW - 161}), 100),
        (json!({"auth_time": NOW}), json!({"auth_time": NOW + 61}), 100),
        (json!({"auth_time": NOW}), json!({}), 100),
        (json!({"auth_time": NOW}), json!({"auth_time": "today"}), 100),
        (json!({"auth_time": NOW - 60}), json!({"auth_time": NOW - 61}), 0),
        (json!({"auth_time": 0}), json!({"auth_time": null}), u64::MAX),
    ];
    for (good, bad, max_age) in rows {
        let check = |claims| outcome(check(claims, &aged(Some(max_age))));
        assert_eq!(check(&good), Ok(()), "{good}");
        assert_eq!(check(&bad), Err(Problem::Time.into()), "{bad}");
    }
    assert_eq!(outcome(check(&json!({"auth_time": "today"}), &aged(None))), Ok(()));
}

#[test]
fn a_later_token_has_the_same_subject() {
    let first = check(&json!({}), &expectation()).unwrap();
    assert_eq!(first.subject(), "user-1");
    let expected = Expectation { subject: Some(first.subject().to_owned()), ..expectation() };
    assert_eq!(outcome(check(&json!({}), &expected)), Ok(()));
    let other = check(&json!({"sub": "user-2"}), &expected);
    assert_eq!(outcome(other), Err(Problem::Subject.into()));
}

#[test]
fn a_clock_before_1970_or_at_the_end_of_time_breaks_nothing() {
    let token = {
        let [header, claims] =
            [r#"{"alg":"RS256"}"#.to_owned(), claims().to_string()].map(provider::encode);
        format!("{header}.{claims}.AA")
    };
    let far = UNIX_EPOCH.checked_add(Duration::from_secs(i64::MAX as u64));
    for now in [UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH].into_iter().chain(far) {
        let result = verify(&token, &expectation(), &nonce(), now, None);
        assert_eq!(outcome(result), Err(Problem::Time.into()), "{now:?}");
    }
}

#[test]
fn a_claim_is_read_if_its_name_is_allowed_and_its_value_is_simple() {
    let claims = check(
        &json!({
            "email": "ada@example.org", "email_verified": true, "auth_time": 1e3, "amr": ["pwd", "otp"],
            "name": {"first": "Ada"}, "locale": 1.5, "tid": ["a", 1], "hd": [], "iat": 2.5, "oid": 1e300,
            "groups": ["staff"], "at_hash": "x",
            "_claim_names": "x", "_claim_sources": "x",
        }),
        &expectation(),
    )
    .unwrap();
    let allowed = ["groups", "_claim_names", "_claim_sources", "missing"].map(str::to_owned);
    let get = |name| claims.get(name, &allowed);
    let texts = |texts: &[&str]| Claim::Texts(texts.iter().map(|&text| text.to_owned()).collect());
    for (name, expected) in [
        ("sub", Some(Claim::Text("user-1".to_owned()))),
        ("email", Some(Claim::Text("ada@example.org".to_owned()))),
        ("email_verified", Some(Claim::Boolean(true))),
        ("exp", Some(Claim::Number(NOW as i64 + 300))),
        ("auth_time", Some(Claim::Number(1000))),
        ("amr", Some(texts(&["pwd", "otp"]))),
        ("hd", Some(texts(&[]))),
        ("groups", Some(texts(&["staff"]))),
        ("name", None),
        ("locale", None),
        ("tid", None),
        ("iat", None),
        ("oid", None),
        ("at_hash", None),
        ("nonce", None),
        ("_claim_names", None),
        ("_claim_sources", None),
        ("missing", None),
        ("", None),
    ] {
        assert_eq!(get(name), expected, "{name}");
    }
    assert_eq!(claims.get("groups", &[]), None);
}

#[test]
fn claims_are_one_json_object_with_unique_names() {
    let good = claims().to_string();
    assert_eq!(outcome(check_text(&good, &expectation())), Ok(()));
    let deep =
        good.replacen('{', &format!(r#"{{"a":{}1{},"#, "[".repeat(5000), "]".repeat(5000)), 1);
    for bad in [
        String::new(),
        "[]".to_owned(),
        format!("[{good}]"),
        format!("{good}{good}"),
        good.replacen('{', r#"{"sub":"user-1","#, 1),
        good.replacen('{', r#"{"\u0073ub":"user-2","#, 1),
        good.replacen('{', r#"{"a":{"b":1,"b":1},"#, 1),
        deep,
    ] {
        let result = outcome(check_text(&bad, &expectation()));
        assert_eq!(result, Err(Problem::Malformed.into()), "{}", &bad[..bad.len().min(99)]);
    }
}
