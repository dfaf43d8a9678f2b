use super::*;
use ExchangeError::{Limit, NotUnderstood, Redirect};

/// Checks what can be read of a sealed answer to a request with the secret `Qz7-Xk9_Wj4`.
fn check(body: &str, expected: &[(&str, &str)]) {
    let answer = sealed(&["Qz7-Xk9_Wj4"], body).unwrap();
    for (pointer, expected) in expected {
        assert_eq!(shown(answer.get(pointer)), *expected, "{pointer} of {body}");
    }
}

#[test]
fn a_token_answer_is_sealed_but_for_what_cannot_be_a_secret() {
    let body = r#"{"access_token":"a1","token_type":"Bearer","expires_in":3599,"refresh_token":"r1",
        "scope":"read write:org","id_token":"i1","ok":true,"none":null,"list":[1,2],"team":{"name":"Ada","id":"t1"}}"#;
    check(
        body,
        &[
            ("", "object"),
            ("/access_token", "secret a1"),
            ("/token_type", "text Bearer"),
            ("/expires_in", "number 3599"),
            ("/refresh_token", "secret r1"),
            ("/scope", "text read write:org"),
            ("/id_token", "secret i1"),
            ("/ok", "true"),
            ("/none", "null"),
            ("/list", "2 items"),
            ("/list/0", "secret 1"),
            ("/team", "object"),
            ("/team/name", "text Ada"),
            ("/team/id", "text t1"),
            ("/missing", "nothing"),
            ("/list/2", "nothing"),
            ("team", "nothing"),
        ],
    );
    let form = "access_token=a1&token_type=bearer&expires_in=28800&scope=read%2Cwrite:org&ok=true";
    check(
        form,
        &[
            ("", "object"),
            ("/access_token", "secret a1"),
            ("/token_type", "text bearer"),
            ("/expires_in", "number 28800"),
            ("/scope", "text read,write:org"),
            ("/ok", "secret true"),
        ],
    );
}

#[test]
fn a_value_is_readable_only_where_it_looks_like_what_belongs_there() {
    let long = format!("\"{}\"", "a".repeat(257));
    for (pointer, value, readable) in [
        ("/token_type", "\"DPoP\"", true),
        ("/token_type", "\"hello\"", false),
        ("/token_type", "1", false),
        ("/type", "\"bearer\"", false),
        ("/expires_in", "0", true),
        ("/expires_in", "1234567890", true),
        ("/expires_in", "\"5183944\"", true),
        ("/expires_in", "\"007\"", true),
        ("/refresh_token_expires_in", "15897600", true),
        ("/expires_at", "1795001234", true),
        ("/expires", "12", true),
        ("/expires_in", "12345678901", false),
        ("/expires_in", "\"12345678901\"", false),
        ("/expires_in", "-1", false),
        ("/expires_in", "1.5", false),
        ("/expires_in", "1e3", false),
        ("/expires_in", "\"\"", false),
        ("/expires_in", "\"+1\"", false),
        ("/expires_in", "\"2027-01-01\"", false),
        ("/created_at", "1795001234", false),
        ("/expires_in/0", "1", false),
        ("/error", "\"invalid_grant\"", true),
        ("/error", "\"bad-verification_code\"", true),
        ("/data/error", "\"oops\"", true),
        ("/error", "\"Invalid_grant\"", false),
        ("/error", "\"invalid grant\"", false),
        ("/error", "\"invalid__grant\"", false),
        ("/error", "\"_a\"", false),
        ("/error", "\"error1\"", false),
        ("/error", "\"\"", false),
        ("/error", &format!("\"{}\"", "a".repeat(64)), true),
        ("/error", &format!("\"{}\"", "a".repeat(65)), false),
        ("/error_description", "\"oops\"", false),
        ("/error_uri", "\"oops\"", false),
        ("/scope", "\"\"", true),
        ("/scope", "\"write:org,read\"", true),
        ("/scope", "\"read admin\"", false),
        ("/scope", "\"rea\"", false),
        ("/scope", "\"READ\"", false),
        ("/scope", "1", false),
        ("/scope/0", "\"read\"", true),
        ("/scope/0", "\"admin\"", false),
        ("/scopes", "\"read\"", false),
        ("/login", "\"ada\"", true),
        ("/user/login", "\"Ada \u{c5} \u{1f44d}\"", true),
        ("/team/name", "\"ada\"", true),
        ("/x/team/name", "\"ada\"", false),
        ("/name", "\"ada\"", false),
        ("/login", "\"a\\nb\"", false),
        ("/login", "\"a\\u202eb\"", false),
        ("/login", "\"\"", false),
        ("/login", &long, false),
        ("/id", "17841405793187218", true),
        ("/id", "-1", true),
        ("/id", "18446744073709551615", false),
        ("/id", "1.5", false),
    ] {
        let parts = crate::grants::pointer::parse(pointer).unwrap();
        let body = parts.iter().rev().fold(value.to_owned(), |inner, part| match part.as_str() {
            "0" => format!("[{inner}]"),
            _ => format!("{{\"{part}\":{inner}}}"),
        });
        let answer = sealed(&["Qz7-Xk9_Wj4"], &body).unwrap();
        let is_readable = match answer.get(pointer) {
            Some(Leaf::Text(_) | Leaf::Number(_)) => true,
            Some(Leaf::Secret(_)) => false,
            other => panic!("{pointer} {value}: {other:?}"),
        };
        assert_eq!(is_readable, readable, "{pointer} {value}");
    }
}

#[test]
fn only_an_item_of_an_array_has_the_name_of_its_parent() {
    check(
        r#"{"login":{"":"empty","0":"zero"},"x":[{"0":"inner"}],"scope":{"0":"read"}}"#,
        &[
            ("/login/", "secret empty"),
            ("/login/0", "secret zero"),
            ("/x/0/0", "secret inner"),
            ("/scope/0", "secret read"),
        ],
    );
    // The counter-check.
    check(
        r#"{"login":["a",["b"]],"scope":["read"]}"#,
        &[("/login/0", "text a"), ("/login/1/0", "secret b"), ("/scope/0", "text read")],
    );
}

#[test]
fn nothing_in_a_token_can_be_read() {
    check(
        r#"{"access_token":{"login":"ada"},"x":{"login":"eve"}}"#,
        &[("/access_token/login", "secret ada"), ("/x/login", "text eve")],
    );
}

#[test]
fn an_answer_that_is_not_sealed_can_be_read() {
    let prepared = get(API).build(&grants()).unwrap();
    let body = r#"{"a":"text","n":1,"long":9007199254740993,"huge":18446744073709551615,"f":0.5,"expires_in":"60"}"#;
    let answer = read(&prepared, response(299, "text/html", body)).unwrap();
    assert_eq!(answer.status(), 299);
    for (pointer, expected) in [
        ("/a", "text text"),
        ("/n", "number 1"),
        ("/long", "number 9007199254740993"),
        ("/huge", "text 18446744073709551615"),
        ("/f", "text 0.5"),
        ("/expires_in", "text 60"),
    ] {
        assert_eq!(shown(answer.get(pointer)), expected, "{pointer}");
    }
    // The limits of a sealed answer do not apply.
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(SECRET_LIMIT + 1));
    let large = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    for (body, valid) in
        [(long, false), (large(ANSWER_LIMIT + 1), false), (large(ANSWER_LIMIT), true)]
    {
        let error = |request: &Prepared| read(request, response(200, "", &body)).err();
        assert_eq!(error(&prepared), None);
        assert_eq!(error(&sent(&[])), (!valid).then_some(Limit), "{}", body.len());
    }
}

#[test]
fn an_endpoint_seals_its_answer_even_if_the_request_has_no_secret() {
    let answer = sealed(&[], r#"{"access_token":"a1","created_at":12}"#).unwrap();
    assert_eq!(shown(answer.get("/access_token")), "secret a1");
    assert_eq!(shown(answer.get("/created_at")), "secret 12");
}

#[test]
fn only_an_id_token_of_a_successful_answer_is_one() {
    for (status, name, expected) in
        [(200, "id_token", true), (400, "id_token", false), (200, "access_token", false)]
    {
        let body = format!("{{\"{name}\":\"a.b.c\"}}");
        let answer = read(&sent(&[]), response(status, "", &body)).unwrap();
        let Some(Leaf::Secret(held)) = answer.get(&format!("/{name}")) else { panic!("{name}") };
        assert_eq!(held.source(), Provenance::Answer { id_token: expected });
    }
}

#[test]
fn a_status_that_is_not_registered_is_told_as_its_class() {
    for (status, told) in [
        (200, 200),
        (400, 400),
        (401, 401),
        (429, 429),
        (503, 503),
        (299, 200),
        (456, 400),
        (999, 900),
    ] {
        let answer = read(&sent(&["Qz7-Xk9_Wj4"]), response(status, "", "{}")).unwrap();
        assert_eq!(answer.status(), told);
    }
    for status in [300, 302, 307, 399] {
        for prepared in [sent(&[]), get(API).build(&grants()).unwrap()] {
            assert_eq!(read(&prepared, response(status, "", "{}")).err(), Some(Redirect));
        }
    }
}

#[test]
fn only_json_and_forms_are_understood() {
    const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
    for (content_type, body, valid) in [
        ("application/json", "{}", true),
        ("application/json", "\u{feff} {\"a\":1}\n", true),
        ("Application/Problem+JSON", "[]", true),
        ("text/html", "{\"a\":1}", true),
        ("", "{}", true),
        ("application/json", "a=b", false),
        ("application/json", "\"a\"", false),
        ("application/json", "", false),
        (FORM, "a=b", true),
        ("text/plain", "a=b&c=d", true),
        (FORM, "a", false),
        (FORM, "a=b&a=c", false),
        ("text/plain", "Invalid secret=hunter2", false),
        ("text/html", "a=b", false),
        ("", "a=b", false),
        ("text/html", "<html><body>Sign in</body></html>", false),
        ("application/json", r#"{"a":{"b":1,"b":1}}"#, false),
    ] {
        for prepared in [sent(&[]), get(API).build(&grants()).unwrap()] {
            let error = read(&prepared, response(200, content_type, body)).err();
            assert_eq!(error, (!valid).then_some(NotUnderstood), "{content_type} {body}");
        }
    }
    assert_eq!(read(&sent(&[]), latin(200)).err(), Some(NotUnderstood));
}

/// A response that is not UTF-8.
fn latin(status: u16) -> Response<Bytes> {
    let mut latin = response(status, "application/json", "");
    *latin.body_mut() = Bytes::from_static(b"{\"a\":\"\xe9\"}");
    latin
}

#[test]
fn an_error_that_is_not_understood_has_a_status_and_no_values() {
    let secret = "Qz7-Xk9_Wj4";
    for prepared in [sent(&[secret]), get(API).build(&grants()).unwrap()] {
        for status in [400, 401, 404, 500, 503] {
            let page = format!("<title>{secret}</title>");
            for response in [
                response(status, "text/html", &page),
                response(status, "application/json", ""),
                response(status, "text/plain", "Internal Server Error"),
                response(status, "application/json", r#"{"error":"a","error":"b"}"#),
                response(status, "application/x-www-form-urlencoded", "error=a&error=b"),
                latin(status),
            ] {
                let answer = read(&prepared, response).unwrap();
                assert_eq!(answer.status(), status);
                for pointer in ["", "/", "/a", "/error", "/0"] {
                    assert!(answer.get(pointer).is_none(), "{status} {pointer:?}");
                }
                assert!(!format!("{answer:?}").contains(secret));
            }
            // The counter-check.
            let error = response(status, "text/html", r#"{"error":"invalid_grant"}"#);
            let answer = read(&prepared, error).unwrap();
            assert!(answer.get("").is_some());
            assert_eq!(shown(answer.get("/error")), "text invalid_grant");
        }
        // Limits hold for errors too.
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        assert_eq!(read(&prepared, response(500, "", &deep)).err(), Some(Limit));
    }
}

#[test]
fn a_sealed_value_has_the_largest_length_of_a_secret() {
    let body = |length| format!("{{\"access_token\":\"{}\"}}", "a".repeat(length));
    assert!(sealed(&[], &body(SECRET_LIMIT)).is_ok());
    assert_eq!(sealed(&[], &body(SECRET_LIMIT + 1)).err(), Some(Limit));
}
