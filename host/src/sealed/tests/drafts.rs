use super::*;
use ExchangeError::{InvalidRequest, Limit, NotAllowedThere, NotGranted};

fn build(draft: Draft) -> Result<Prepared, ExchangeError> {
    draft.build(&grants())
}

fn json(members: &[(&str, JsonValue)]) -> Draft {
    let members = members.iter().map(|(pointer, value)| ((*pointer).to_owned(), value.clone()));
    Draft { body: Body::Json(members.collect()), ..post(TOKEN) }
}

fn with_header(url: &str, name: &str, value: &str) -> Draft {
    Draft { headers: vec![(name.to_owned(), value.to_owned())], ..post(url) }
}

fn basic(username: Value, password: Value, form_encoded: bool) -> Draft {
    Draft { credentials: Credentials::Basic { username, password, form_encoded }, ..post(TOKEN) }
}

#[test]
fn only_granted_urls_are_asked_and_an_endpoint_always_seals() {
    for (url, sealed) in [
        (TOKEN, true),
        ("https://provider.example/revoke", true),
        (API, false),
        ("https://api.example/user", false),
        ("https://provider.example/.well-known/openid-configuration", false),
    ] {
        let draft = if sealed { post(url) } else { get(url) };
        let prepared = build(draft).unwrap();
        assert_eq!(
            prepared.seal.map(|endpoint| endpoint.to_string()),
            sealed.then(|| url.to_owned())
        );
    }
    for (url, error) in [
        ("https://evil.example/token", NotGranted),
        ("https://api.example:8443/", NotGranted),
        ("https://provider.example/token/", NotGranted),
        ("https://provider.example/Token", NotGranted),
        ("https://provider.example/%74oken", InvalidRequest),
        ("https://provider.example/a/../token", InvalidRequest),
        ("https://provider.example//token", InvalidRequest),
        ("http://provider.example/token", InvalidRequest),
        ("https://a:b@provider.example/token", InvalidRequest),
        ("https://provider.example/token?a=b", InvalidRequest),
        ("https://provider.example/token#a", InvalidRequest),
        ("https://provider.example\\@evil.example/token", InvalidRequest),
        ("https://api.example/\r\nx: y", InvalidRequest),
        ("file:///etc/passwd", InvalidRequest),
        ("", InvalidRequest),
    ] {
        assert_eq!(build(post(url)).err(), Some(error.clone()), "{url}");
        assert_eq!(build(get(url)).err(), Some(error), "{url}");
    }
    // A guest could redeem the code at another path of a granted origin.
    assert_eq!(build(post(API)).err(), Some(NotGranted));
}

fn unlisted(name: &str) -> Option<ExchangeError> {
    Some(NotAllowedThere(Unlisted::Secret(name.to_owned())))
}

#[test]
fn a_secret_goes_only_to_an_endpoint_and_under_a_listed_name() {
    let in_query = |url, name| Draft { query: pairs(&[(name, secret("s"))]), ..post(url) };
    let in_form = |url, name| form(url, &[(name, secret("s"))]);
    let bearer = |url| Draft { credentials: Credentials::Bearer(held("s")), ..post(url) };
    for (draft, error) in [
        (in_query(TOKEN, "key"), None),
        (in_form(TOKEN, "key"), None),
        (json(&[("/a/key", JsonValue::Text(secret("s")))]), None),
        (bearer(TOKEN), None),
        (basic(text("id"), secret("s"), true), None),
        (basic(secret("s"), text(""), true), None),
        (in_query(TOKEN, "state"), unlisted("state")),
        (in_form(TOKEN, "Key"), unlisted("Key")),
        (in_form("https://provider.example/revoke", "key"), unlisted("key")),
        (json(&[("/key/a", JsonValue::Text(secret("s")))]), unlisted("a")),
        (in_query(API, "key"), Some(NotGranted)),
        (in_form(API, "key"), Some(NotGranted)),
        (bearer(API), Some(NotGranted)),
        (in_form("https://provider.example/other", "key"), Some(NotGranted)),
    ] {
        let shown = format!("{draft:?}");
        assert_eq!(build(draft).err(), error, "{shown}");
    }
    // Counter-check: the guest's own words may go anywhere.
    let query = pairs(&[("key", text("s")), ("state", text("s"))]);
    assert!(build(Draft { query, ..get(API) }).is_ok());
    // Credentials count as `client_id`, `client_secret` and `access_token`.
    let listed = "[[endpoint]]\nurl = 'https://provider.example/token'\nsecrets = ['key']";
    for draft in
        [bearer(TOKEN), basic(text("id"), secret("s"), true), basic(secret("s"), text(""), true)]
    {
        let grants = NetGrants::from_toml(listed).unwrap();
        assert!(matches!(draft.build(&grants), Err(NotAllowedThere(_))));
    }
}

#[test]
fn the_host_encodes_what_the_guest_writes() {
    let draft = Draft {
        query: pairs(&[("a&b", text("c=d&key=e#\r\n\u{e9}")), ("key", secret("x y&z"))]),
        ..form(TOKEN, &[("code", text("a+b")), ("client_secret", secret("&x=y"))])
    };
    let prepared = build(draft).unwrap();
    let query = "a%26b=c%3Dd%26key%3De%23%0D%0A%C3%A9&key=x+y%26z";
    assert_eq!(prepared.request.uri().to_string(), format!("{TOKEN}?{query}"));
    assert_eq!(prepared.request.body(), "code=a%2Bb&client_secret=%26x%3Dy");
    assert_eq!(prepared.request.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(prepared.request.method(), "POST");

    let quoted = "\"},\"x\":1\n";
    let prepared = build(json(&[
        ("/a~1b/c", JsonValue::Text(text(quoted))),
        ("/a~1b/key", JsonValue::Text(secret(quoted))),
        ("/n", JsonValue::Number(-1)),
        ("/t", JsonValue::Boolean(true)),
        ("/0", JsonValue::Null),
    ]));
    let prepared = prepared.unwrap();
    assert_eq!(
        prepared.request.body(),
        r#"{"a/b":{"c":"\"},\"x\":1\n","key":"\"},\"x\":1\n"},"n":-1,"t":true,"0":null}"#
    );
    assert_eq!(prepared.request.headers()["content-type"], "application/json");
    assert_eq!(build(json(&[])).unwrap().request.body(), "{}");
}

#[test]
fn basic_credentials_are_form_encoded_if_the_guest_says_so() {
    for (username, password, form_encoded, decoded) in [
        ("id:1", "a b%", true, "id%3A1:a+b%25"),
        ("id", "a b%:c", false, "id:a b%:c"),
        ("\u{e9}", "", false, "\u{e9}:"),
        ("", "", true, ":"),
    ] {
        let draft = basic(text(username), secret(password), form_encoded);
        let header = build(draft).unwrap().request.headers()["authorization"].clone();
        use base64::Engine as _;
        let expected = base64::engine::general_purpose::STANDARD.encode(decoded);
        assert_eq!(header, format!("Basic {expected}"), "{decoded}");
    }
    for (username, password, valid) in
        [("a:b", "c", false), ("a", "b\n", false), ("a\0", "b", false), ("a", "b", true)]
    {
        assert_eq!(build(basic(text(username), text(password), false)).is_ok(), valid);
        // Form-encoded, all of them are harmless.
        assert!(build(basic(text(username), text(password), true)).is_ok());
    }
}

#[test]
fn a_bearer_token_injects_no_header() {
    let bearer =
        |token| build(Draft { credentials: Credentials::Bearer(held(token)), ..post(TOKEN) });
    assert_eq!(
        bearer("a.b-c_d~e+f/g=|").unwrap().request.headers()["authorization"],
        "Bearer a.b-c_d~e+f/g=|"
    );
    for token in ["", "a b", "a\r\nx: y", "a\0", "\u{e9}"] {
        assert_eq!(bearer(token).err(), Some(InvalidRequest), "{token}");
    }
}

#[test]
fn the_header_fields_of_the_host_are_refused() {
    for name in ["accept", "Accept-Language", "origin", "user-agent", "Notion-Version"] {
        let prepared = build(with_header(TOKEN, name, "a b")).unwrap();
        assert_eq!(prepared.request.headers()[name], "a b");
    }
    for (url, name, value, error) in [
        (TOKEN, "host", "evil.example", None),
        (TOKEN, "Cookie", "a=b", None),
        (TOKEN, "authorization", "Basic x", None),
        (TOKEN, "content-length", "0", None),
        (TOKEN, "content-type", "text/plain", None),
        (TOKEN, "transfer-encoding", "chunked", None),
        (TOKEN, "connection", "close", None),
        (TOKEN, "x-http-method-override", "GET", None),
        (API, "notion-version", "1", None),
        (TOKEN, "accept", "a\r\nhost: evil.example", Some(InvalidRequest)),
        (TOKEN, "accept", "a\nb", Some(InvalidRequest)),
        (TOKEN, "accept", "a\0", Some(InvalidRequest)),
        (TOKEN, "accept", "a\tb", Some(InvalidRequest)),
        (TOKEN, "accept", "\u{e9}", Some(InvalidRequest)),
        (TOKEN, "accept\r\nhost", "a", Some(InvalidRequest)),
        (TOKEN, "accept:", "a", Some(InvalidRequest)),
        (TOKEN, "", "a", Some(InvalidRequest)),
    ] {
        let method = if url == API { Method::Get } else { Method::Post };
        let draft = Draft { method, ..with_header(url, name, value) };
        let unlisted = || NotAllowedThere(Unlisted::Header(name.to_owned()));
        assert_eq!(build(draft).err(), Some(error.unwrap_or_else(unlisted)), "{name} {value:?}");
    }
    let mut twice = with_header(TOKEN, "accept", "a");
    twice.headers.push(("Accept".to_owned(), "b".to_owned()));
    assert_eq!(build(twice).err(), Some(InvalidRequest));
}

#[test]
fn an_ambiguous_request_is_refused() {
    let number = || JsonValue::Number(1);
    let twice = [("a", text("1")), ("a", text("2"))];
    for (draft, valid) in [
        (form(TOKEN, &twice), false),
        (form(TOKEN, &[("", text("1"))]), false),
        (form(TOKEN, &[("a", text("1")), ("A", text("2"))]), true),
        (Draft { query: pairs(&twice), ..post(TOKEN) }, false),
        (Draft { query: pairs(&twice[..1]), ..form(TOKEN, &twice[1..]) }, false),
        (Draft { query: pairs(&twice[..1]), ..json(&[("/a", number())]) }, true),
        (Draft { method: Method::Get, ..form(TOKEN, &[]) }, false),
        (Draft { method: Method::Get, ..json(&[]) }, false),
        (Draft { method: Method::Get, ..post(TOKEN) }, true),
        (json(&[("/a", number()), ("/b/a", number())]), true),
        (json(&[("/a", number()), ("/a", number())]), false),
        (json(&[("/a", number()), ("/a/b", number())]), false),
        (json(&[("/a/b", number()), ("/a", number())]), false),
        (json(&[("", number())]), false),
        (json(&[("a", number())]), false),
        (json(&[("/a~2", number())]), false),
        (json(&[(&"/a".repeat(16), number())]), true),
        (json(&[(&"/a".repeat(17), number())]), false),
    ] {
        let shown = format!("{draft:?}");
        assert_eq!(build(draft).err(), (!valid).then_some(InvalidRequest), "{shown}");
    }
}

#[test]
fn no_limit_measures_a_secret() {
    let of = |length: usize, padding: usize| {
        let secret = secret(&"s".repeat(length));
        build(form(TOKEN, &[("key", secret), ("a", text(&"x".repeat(padding)))]))
    };
    let fixed = (TOKEN.len() + "key=&a=&".len()) as u64;
    for length in [0, 1, 1000, SECRET_LIMIT] {
        let cost = |padding| of(length, padding).map(|prepared| prepared.cost);
        assert_eq!(cost(0), Ok(fixed + SECRET_LIMIT as u64));
        // The largest text is the same, whatever the length of the secret.
        let largest = (64 << 10) - fixed as usize;
        assert!(cost(largest).is_ok());
        assert_eq!(cost(largest + 1), Err(InvalidRequest), "{length}");
    }
    // The answer counts the same, too.
    let prepared = of(1, 0).unwrap();
    assert_eq!([0, 1, 5000].map(|length| prepared.answer_cost(length)), [64 << 10; 3]);
    // Counter-check: an answer that can be read counts its length.
    assert_eq!(build(get(API)).unwrap().answer_cost(5000), 5000);
}

#[test]
fn a_request_with_the_largest_secrets_can_be_sent() {
    let large = || secret(&"s".repeat(SECRET_LIMIT));
    // The number of secrets is limited, whatever their length.
    let short = ["client_id", "client_secret", "code", "key"].map(|name| (name, secret("s")));
    let query_of =
        |count| build(Draft { query: pairs(&short[..count]), ..post(TOKEN) }).map(|_| ()).err();
    assert_eq!((query_of(3), query_of(4)), (None, Some(InvalidRequest)));
    let names = ["client_id", "client_secret", "code", "code_verifier"];
    let query = |count: usize, padding: usize| {
        let mut query: Vec<_> = names.into_iter().take(count).map(|name| (name, large())).collect();
        let padding = "x".repeat(padding);
        query.push(("a", text(&padding)));
        build(Draft { query: pairs(&query), ..post(TOKEN) }).map(|_| ()).err()
    };
    assert_eq!(query(3, 4000), None);
    assert_eq!(query(4, 0), Some(InvalidRequest));
    assert_eq!(query(0, 4097), Some(InvalidRequest));
    // A secret that is too long once it is encoded.
    let encoded =
        |count| build(form(TOKEN, &[("key", secret(&"&".repeat(count)))])).map(|_| ()).err();
    assert_eq!(encoded(SECRET_LIMIT / 3), None);
    assert_eq!(encoded(SECRET_LIMIT / 3 + 1), Some(Limit));
    let many = |count: usize| {
        let members: Vec<_> =
            (0..count).map(|number| (format!("/{number}/key"), JsonValue::Text(large()))).collect();
        build(Draft { body: Body::Json(members), ..post(TOKEN) }).map(|_| ()).err()
    };
    assert_eq!((many(8), many(9)), (None, Some(InvalidRequest)));
}
