mod parameters;

use super::AuthorizationError as Error;
use super::ExpectedParameter::{Either, OfSession, Text};
use super::*;

const PLACE: &str = "https://idp.example/authorize";
/// All parameters that the host requires, with placeholders for the values of the session.
const REQUEST: [&str; 5] = [
    "response_type=code",
    "redirect_uri={redirect_uri}",
    "state={state}",
    "code_challenge={challenge}",
    "code_challenge_method=S256",
];

fn session() -> Session {
    let secret = |text: &str| text.to_owned().into();
    let verifier = "verifier-dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1";
    let redirect_uri = "http://127.0.0.1:43117/callback".to_owned();
    Session::new(redirect_uri, secret("state-4rT"), secret("nonce-0S6"), secret(verifier))
}

fn named() -> FoundSecret {
    FoundSecret::Named("client_secret".to_owned())
}

/// `url` with the values of the session in place of the placeholders.
fn filled(url: &str) -> String {
    let session = session();
    let values = [
        ("{redirect_uri}", session.redirect_uri()),
        ("{state}", session.state().expose()),
        ("{challenge}", session.code_challenge()),
        ("{nonce}", session.nonce().expose()),
        ("{verifier}", session.code_verifier().expose()),
    ];
    values.iter().fold(url.to_owned(), |url, (name, value)| {
        let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        url.replace(name, &encoded)
    })
}

/// Check a URL with placeholders. PKCE is required, and the run has the secret `Client$ecret`.
fn checked(url: &str) -> Result<Checked, Error> {
    checked_with(url, true)
}

fn checked_with(url: &str, pkce: bool) -> Result<Checked, Error> {
    const ORIGINS: [&str; 7] = [
        "https://idp.example",
        "http://idp.example",
        "http://localhost:8080",
        "http://localhost.example:8080",
        "http://10.0.0.1:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ];
    let session = session();
    let rules = Rules {
        session: &session,
        pkce,
        may_open: &|url| ORIGINS.contains(&&*url.origin().ascii_serialization()),
        find_secret: &|text| {
            let verifier = session.code_verifier().expose();
            let named = text.contains("Client$ecret").then(named);
            named.or_else(|| text.contains(verifier).then_some(FoundSecret::Verifier))
        },
    };
    check(&filled(url), &rules)
}

/// A URL that has `parameter` instead of the required one of the same name, first and last in the query.
fn with(name: &str, parameter: &str) -> [String; 2] {
    let others = REQUEST.iter().filter(|other| other.split('=').next() != Some(name));
    let others = others.copied().collect::<Vec<_>>().join("&");
    [format!("{PLACE}?{parameter}&{others}"), format!("{PLACE}?{others}&{parameter}")]
}

#[track_caller]
fn accepts(url: &str) {
    assert!(checked(url).is_ok(), "{url}: {:?}", checked(url));
}

#[track_caller]
fn refuses(url: &str, error: &Error) {
    assert_eq!(checked(url).as_ref(), Err(error), "{url}");
}

/// A URL that passes is compared with one that breaks one rule.
#[test]
fn each_rule_for_the_place_refuses_its_defect_only() {
    let relative = || Error::Url(url::ParseError::RelativeUrlWithoutBase);
    let scheme = |text: &str| Error::Scheme(text.to_owned());
    let place = |text: &str| {
        Error::NotGranted(NotGranted { open: Some(text.to_owned()), urls: Vec::new() })
    };
    let rows = [
        ("https://idp.example/a", "/a", relative()),
        ("https://idp.example/a", "", relative()),
        ("https://idp.example/a", "https://", Error::Url(url::ParseError::EmptyHost)),
        ("https://idp.example/a", "ftp://idp.example/a", scheme("ftp")),
        ("https://idp.example/a", "javascript:alert(1)//", scheme("javascript")),
        ("https://idp.example/a", "file:///etc/passwd", scheme("file")),
        ("https://idp.example/a", "http://idp.example/a", Error::Plain),
        ("http://127.0.0.1:8080/a", "http://localhost.example:8080/a", Error::Plain),
        ("http://localhost:8080/a", "http://localhost:8081/a", place("http://localhost:8081")),
        ("http://LOCALHOST:8080/a", "http://localhost/a", place("http://localhost")),
        ("http://localhost:8080/a", "http://localhost.:8080/a", Error::Plain),
        ("http://127.0.0.1:8080/a", "http://10.0.0.1:8080/a", Error::Plain),
        ("http://[::1]:8080/a", "http://[::ffff:127.0.0.1]:8080/a", Error::Plain),
        ("http://127.1:8080/a", "http://127.1:8081/a", place("http://127.0.0.1:8081")),
        ("http://0x7f.1:8080/a", "http://127.0.0.2:8080/a", place("http://127.0.0.2:8080")),
        ("https://idp.example:443/", "https://idp.example:444/", place("https://idp.example:444")),
        ("https://idp.example/.x", "https://idp.example.x/", place("https://idp.example.x")),
        ("https://idp.example/@x", "https://x@idp.example/", Error::UserInformation),
        ("https://idp.example/:x", "https://:x@idp.example/", Error::UserInformation),
        ("https://idp.example/", "https://idp.example/Client$ecret", Error::Secret(named())),
        ("https://idp.example/", "https://idp.example/Client\t$ecret", Error::Secret(named())),
        ("https://idp.example/", "https://Client$ecret.example/", Error::Secret(named())),
        ("https://idp.example/", "https://Client$ecret@idp.example/", Error::Secret(named())),
    ];
    let request = REQUEST.join("&");
    for (good, bad, error) in rows {
        accepts(&format!("{good}?{request}"));
        refuses(&format!("{bad}?{request}"), &error);
    }
    for (good, bad, error) in [
        ("&x=%23", "#", Error::Fragment),
        ("&x=%23", "#x", Error::Fragment),
        ("&x={challenge}", "&x={verifier}", Error::Secret(FoundSecret::Verifier)),
        ("&x=Client%24", "&x=Client%24ecret", Error::Secret(named())),
        ("&x=Client%2524", "&x=Client%2524ecret", Error::Secret(named())),
        ("&x=Q2xpZW50", "&x=Q2xpZW50JGVjcmV0", Error::Secret(named())),
        ("&x=", "#Client$ecret", Error::Secret(named())),
    ] {
        accepts(&format!("{PLACE}?{request}{good}"));
        refuses(&format!("{PLACE}?{request}{bad}"), &error);
    }
}

#[test]
fn a_url_has_at_most_32_kib_before_and_after_parsing() {
    let start = filled(&format!("{PLACE}?{}&x=", REQUEST.join("&")));
    let room = URL_LIMIT - start.len();
    let length =
        |filler: &str| checked(&format!("{start}{filler}")).map(|checked| checked.url.len());
    assert_eq!(length(&"x".repeat(room)), Ok(URL_LIMIT));
    assert_eq!(length(&"x".repeat(room + 1)), Err(Error::Long(URL_LIMIT + 1)));
    // The parser turns an `é` of two bytes into six, and removes tabs.
    assert_eq!(length(&"é".repeat(room / 6)), Ok(start.len() + room / 6 * 6));
    assert!(matches!(length(&"é".repeat(room / 2)), Err(Error::Long(_))));
    assert_eq!(length(&"\t".repeat(room)), Ok(start.len()));
    assert_eq!(length(&"\t".repeat(room + 1)), Err(Error::Long(URL_LIMIT + 1)));
}

#[test]
fn the_browser_gets_the_url_as_the_host_parsed_it() {
    let request = REQUEST.join("&");
    for (place, parsed) in [
        ("  HTTPS://IDP.example:443/a/../b", "https://idp.example/b"),
        ("https://idp.example\\@x.example/", "https://idp.example/@x.example/"),
        ("https:\n//idp.example/\ta b", "https://idp.example/a%20b"),
    ] {
        let url = checked(&format!("{place}?{request}")).unwrap().url;
        assert_eq!(url, filled(&format!("{parsed}?{request}")));
    }
}

#[test]
fn messages_say_what_is_wrong_and_what_was_expected() {
    for (query, expected) in [
        ("x={verifier}", "its authorization URL contains the PKCE verifier of this run"),
        (
            "x=Client$ecret",
            "its authorization URL contains the value of the secret `client_secret`; \
             if the secret is short, this may be by chance",
        ),
        ("", "missing `response_type` in its authorization URL: expected `code`"),
        (
            "response_type=code&redirect_uri=x",
            "wrong `redirect_uri` in its authorization URL: expected the value from this session",
        ),
        ("request=x", "its authorization URL contains `request`, which is not allowed"),
        (
            "STATE=x",
            "its authorization URL contains a parameter that some servers read as `state`: \
             expected the exact name",
        ),
        (
            "a%1B%5Bb=x",
            "invalid parameter name `a\\u{1b}[b` in its authorization URL: expected letters, digits, \
             `_` and `-`, such as `login_hint` or `options[]`",
        ),
        ("#", "its authorization URL has a fragment"),
    ] {
        let error = checked(&format!("{PLACE}?{query}")).unwrap_err();
        assert_eq!(error.to_string(), expected, "{query}");
    }
    let long = checked(&format!("{PLACE}?{}.=x", "a".repeat(1000))).unwrap_err().to_string();
    assert!(long.contains(&format!("`{}...`", "a".repeat(200))), "{long}");
    let either = Error::Wrong { name: "response_mode", expected: Either("query", "form_post") };
    assert!(either.to_string().ends_with("expected `query` or `form_post`"));
}
