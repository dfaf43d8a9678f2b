//! An endpoint that repeats the secrets that it was sent, and a guest that measures them. The guest learns nothing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::guest;
use crate::support::host::Host;
use crate::support::provider::{Asked, Endpoint, Flow, SECRET, answer, assert_clean, provider};

/// A secret of the characters that an error code may have.
const LETTERS: &str = "zqxjkvbwzqyxkj";
/// A secret of as many digits as a readable number may have.
const DIGITS: &str = "4815162342";

/// An endpoint that answers with the JSON that `answer_with` makes of the secret in `client_secret`.
fn echo(status: &'static str, answer_with: impl Fn(&str) -> Value + Send + 'static) -> Endpoint {
    Endpoint::answering(move |asked: &Asked| {
        let secret = asked.field("client_secret").unwrap_or_default();
        answer(status, "application/json", &answer_with(&secret).to_string())
    })
}

/// A flow with the secrets `key`, `letters` and `digits`.
#[track_caller]
fn flow(endpoint: &Endpoint) -> Flow {
    Flow::start(with_secrets(provider()).args(["--allow-net", &endpoint.url("/token")]))
}

fn with_secrets(host: Host) -> Host {
    host.env("PROBE_LETTERS", LETTERS).env("PROBE_DIGITS", DIGITS).args([
        "--secret",
        "letters=env:PROBE_LETTERS",
        "--secret",
        "digits=env:PROBE_DIGITS",
    ])
}

/// What the guest reads at these pointers, after it sent the secret `name` as `client_secret`.
#[track_caller]
fn read(endpoint: &Endpoint, name: &str, pointers: &[&str]) -> Vec<String> {
    let mut steps = vec![
        format!("form client_secret secret {name}"),
        format!("send POST {}", endpoint.url("/token")),
    ];
    steps.extend(pointers.iter().map(|pointer| format!("get {pointer}")));
    let (mut lines, finished) = flow(endpoint).complete(&steps);
    for (what, text) in [("page", lines.join("\n")), ("standard error", finished.stderr)] {
        assert!(!text.contains(DIGITS) && !text.contains(LETTERS), "a {what}: {text}");
    }
    assert_eq!(finished.stdout, "{\"value\":\"yes\"}\n");
    lines.remove(0);
    lines
}

fn encodings(secret: &str) -> [String; 5] {
    [
        secret.chars().rev().collect(),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(format!("id:{secret}")),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
    ]
}

#[test]
fn a_whole_secret_is_sealed_wherever_the_endpoint_repeats_it() {
    let endpoint = echo("200 OK", |secret| {
        let items: Vec<_> = std::iter::once(secret.to_owned()).chain(encodings(secret)).collect();
        json!({
            "access_token": secret, "token_type": secret, "scope": secret, "error": secret,
            "expires_in": secret, "expires_at": secret, "error_description": secret,
            "items": items, "expires": items, "errors": { "error": items }, secret: secret,
        })
    });
    let pointers = [
        "/access_token",
        "/token_type",
        "/scope",
        "/error",
        "/expires_in",
        "/expires_at",
        "/error_description",
        "/items/0",
        "/items/5",
        "/expires/1",
        "/errors/error/2",
    ];
    for name in ["key", "letters", "digits"] {
        let lines = read(&endpoint, name, &pointers);
        assert_eq!(lines, ["get: secret"; 11], "{name}");
    }
}

#[test]
fn a_part_or_an_encoding_of_a_secret_is_sealed_as_an_error() {
    let errors: [fn(&str) -> String; 6] = [
        |secret| secret[..6].to_owned(),
        |secret| format!("invalid_{}", &secret[5..11]),
        |secret| secret.chars().rev().collect(),
        |secret| secret[3..9].split("").collect::<Vec<_>>().join("_").trim_matches('_').to_owned(),
        |secret| format!("{}-wrong", &secret[..6]),
        |secret| STANDARD.encode(secret).to_lowercase(),
    ];
    for (number, error) in errors.into_iter().enumerate() {
        let endpoint = echo("400 Bad Request", move |secret| json!({ "error": error(secret) }));
        assert_eq!(read(&endpoint, "letters", &["/error"]), ["get: secret"], "{number}");
    }
    // The counter-checks: an error from the list, and an unknown one.
    for error in ["invalid_grant", "app_is_paused"] {
        let endpoint = echo("400 Bad Request", move |_| json!({ "error": error }));
        let lines = read(&endpoint, "letters", &["/error"]);
        assert_eq!(lines, [format!("get: text {error}")]);
    }
}

#[test]
fn a_part_of_a_secret_is_sealed_as_a_number() {
    let numbers: [fn(&str) -> Value; 5] = [
        |secret| json!(secret.parse::<u64>().unwrap()),
        |secret| json!(secret[..6].parse::<u64>().unwrap()),
        |secret| json!(secret[4..]),
        |secret| json!(secret.chars().rev().collect::<String>()),
        |secret| json!(-secret.parse::<i64>().unwrap()),
    ];
    for (number, value) in numbers.into_iter().enumerate() {
        let endpoint = echo("200 OK", move |secret| json!({ "expires_in": value(secret) }));
        assert_eq!(read(&endpoint, "digits", &["/expires_in"]), ["get: secret"], "{number}");
    }
    for (value, shown) in
        [(json!(3600), "3600"), (json!("3599"), "3599"), (json!(1234567), "1234567")]
    {
        let endpoint = echo("200 OK", move |_| json!({ "expires_in": value }));
        assert_eq!(read(&endpoint, "digits", &["/expires_in"]), [format!("get: {shown}")]);
    }
    // A number under another name is a secret, however short it is.
    let endpoint = echo("200 OK", |_| json!({ "n": 7, "t": "7", "yes": true, "no": null }));
    let lines = read(&endpoint, "digits", &["/n", "/t", "/yes", "/no"]);
    assert_eq!(lines, ["get: secret", "get: secret", "get: true", "get: null"]);
}

#[test]
fn the_status_code_has_no_digits_of_a_secret() {
    for (status, shown) in [
        ("481 Digits", "400"),
        ("516 Digits", "500"),
        ("299 Digits", "200"),
        // The counter-checks.
        ("401 Unauthorized", "401"),
        ("429 Too Many Requests", "429"),
    ] {
        let endpoint = echo(status, |secret| json!({ "a": secret }));
        let send = format!("send POST {}", endpoint.url("/token"));
        let steps = ["form client_secret secret digits", &send, "status"];
        let (lines, _) = flow(&endpoint).complete(&steps);
        assert_eq!(lines, [format!("send: {shown}"), format!("status: {shown}")]);
    }
}

/// A token is a secret of the answer. If the guest sends it on, the next answer may not repeat it either.
#[test]
fn a_token_of_an_answer_is_sealed_in_the_next_answer() {
    let endpoint = Endpoint::answering(|asked| {
        let token = asked.head.lines().find_map(|line| line.split_once("Bearer "));
        let body = match token {
            Some((_, token)) => json!({ "error": token, "expires_in": 1234 }),
            None => json!({ "access_token": LETTERS }),
        };
        answer("200 OK", "application/json", &body.to_string())
    });
    let send = format!("send POST {}", endpoint.url("/token"));
    let steps = [&*send, "bearer answer /access_token", &send, "get /error", "get /expires_in"];
    let (lines, finished) = endpoint.flow().complete(&steps);
    // One echo seals every value that is not from a list.
    assert_eq!(lines, ["send: 200", "send: 200", "get: secret", "get: secret"]);
    assert!(!finished.stderr.contains(LETTERS), "{}", finished.stderr);
}

/// An endpoint that repeats the text of the guest in a member that can be read. If each guess told whether it is a part
/// of the secret, the guest would find the whole secret.
#[test]
fn only_the_first_right_guess_of_a_run_is_told() {
    let endpoint = Endpoint::answering(|asked| {
        let body = json!({ "login": asked.field("note").unwrap_or_default() });
        answer("200 OK", "application/json", &body.to_string())
    });
    let url = endpoint.url("/token");
    let grants = format!("[[endpoint]]\nurl = \"{url}\"\nreadable = [\"login\"]\n");
    let grants = guest::write("guesses.toml", grants.as_bytes());
    let mut flow = Flow::start(provider().arg("--grants").arg(grants));
    let guess = |flow: &mut Flow, text: &str| {
        let send = format!("send POST {url}");
        let note = format!("form note text {text}");
        flow.steps(&["form client_secret secret key", &note, &send, "get /login"])[1].clone()
    };
    let hex: String = SECRET[4..12].bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(guess(&mut flow, "ada"), "get: text ada");
    assert_eq!(guess(&mut flow, "abcdefgh"), "get: text abcdefgh");
    assert_eq!(guess(&mut flow, &hex), "get: secret");
    flow.host.wait_for_line(&format!(
        "warning: problem with the guest's request to `{url}`: the provider sent back a part of a secret: \
         all answers are sealed for the rest of this run"
    ));
    // Later calls learn nothing more, whether a guess is right or wrong.
    for text in [&hex, "ada", "abcdefgh"] {
        assert_eq!(guess(&mut flow, text), "get: secret", "{text}");
    }
    let (_, finished) = flow.complete(&[""; 0]);
    assert_eq!(finished.stderr.matches("sealed for the rest").count(), 1, "{}", finished.stderr);
}

/// What the guest reads of an ID token whose `sub` and `email` are these.
#[track_caller]
fn claims(sub: impl Fn(&Asked) -> String + Send + 'static, email: &'static str) -> String {
    const TOKEN: &str = "tok-AbCdEf123456";
    let endpoint = Endpoint::answering(move |asked| {
        let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let claims = json!({
            "iss": "https://idp.example", "aud": "client", "iat": 1_700_000_000,
            "exp": 99_999_999_999_u64, "nonce": asked.field("note"), "sub": sub(asked),
            "email": email,
        });
        let token = [part(json!({ "alg": "RS256" })), part(claims), "AAAA".to_owned()].join(".");
        let body = json!({ "access_token": TOKEN, "id_token": token });
        answer("200 OK", "application/json", &body.to_string())
    });
    let mut flow = endpoint.flow();
    let page = flow.host.navigate("/callback");
    let nonce = page.text().lines().find_map(|line| line.strip_prefix("nonce: ")).unwrap();
    let lines = flow.steps(&[
        "form client_secret secret key",
        &format!("form note text {nonce}"),
        &format!("send POST {}", endpoint.url("/token")),
        "verify https://idp.example client - answer /id_token",
    ]);
    assert!(!lines.join("").contains(TOKEN) && !lines.join("").contains(SECRET), "{lines:?}");
    flow.complete(&[""; 0]);
    lines[1].clone()
}

#[test]
fn a_claim_that_repeats_a_secret_is_sealed() {
    let none = "verify: [None, None, None, None]";
    assert_eq!(claims(|asked| asked.field("client_secret").unwrap(), "ada@example.com"), none);
    assert_eq!(claims(|_| "ada".to_owned(), "tok-AbCdEf123456"), none);
    // The counter-check.
    let shown = claims(|_| "ada".to_owned(), "ada@example.com");
    assert!(shown.contains("ada@example.com") && shown.contains("\"ada\""), "{shown}");
}

/// Every limit on the data gives the same result for a short secret and for a long one, in both directions.
#[test]
fn a_limit_does_not_measure_a_secret() {
    let endpoint = echo("200 OK", |secret| json!({ "access_token": secret }));
    let send = format!("send POST {}", endpoint.url("/token"));
    let steps = ["form client_secret secret length", &send, &send, "get /access_token"];
    let query = crate::support::provider::query(&steps);
    let mut results = Vec::new();
    for limit in ["1KiB", "16KiB", "17KiB", "64KiB", "80KiB", "81KiB", "145KiB", "1MiB"] {
        // A form contains three bytes for each of these characters.
        let [short, long] = [2, 1000].map(|count| {
            let secret = "~!$|".repeat(count);
            let host = provider()
                .env("PROBE_LENGTH", &secret)
                .args(["--secret", "length=env:PROBE_LENGTH", "--max-outgoing-data", limit])
                .args(["--allow-net", &endpoint.url("/token"), "--events", "-"])
                .start();
            let page = host.navigate(&format!("/callback?{query}"));
            host.signal("INT");
            let stderr = host.finish().code(130).stdout("").stderr;
            assert_clean("page", page.text(), &secret);
            assert_clean("standard error", &stderr, &secret);
            let lines = page.text().lines().take_while(|line| !line.starts_with("time: "));
            (page.status(), lines.filter(|_| page.status() == 200).collect::<Vec<_>>().join("\n"))
        });
        assert_eq!(short, long, "{limit}");
        results.push(short.0);
    }
    // The counter-check: the limits make a difference.
    assert_eq!((results[0], results[7]), (500, 200));
}
