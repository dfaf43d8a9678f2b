//! Each function that a provider can import, used to get at a secret.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldId, WorldItem};

use crate::support::guest;
use crate::support::provider::{Endpoint, SECRET};

const TOKEN: &str = r#"{"access_token":"t0~k3n!","token_type":"Bearer","expires_in":3600}"#;

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
/// The functions that return nothing.
const SILENT: [&str; 1] = ["curtaincall:callback/exchange declare"];
/// The functions of providers that the probe does not import.
const NOT_IN_PROBE: [&str; 2] =
    ["curtaincall:callback/exchange declare", "curtaincall:callback/reveal reveal"];
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
    let attacked = ATTACKS.iter().map(|(name, _)| *name);
    let attacked = attacked.chain(SHOWN).chain(ELSEWHERE).chain(SILENT);
    let attacked: BTreeSet<_> = attacked.map(str::to_owned).collect();
    let mut of_providers = attacked.clone();
    of_providers.retain(|name| name.starts_with("curtaincall:"));
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let (package, _) = resolve.push_dir(&wit).unwrap();
    let world = |name| resolve.select_world(&[package], Some(name)).unwrap();
    let mut imported = functions(&resolve, world("revealing-provider"));
    let silent = imported.iter().filter(|(_, has_result)| !**has_result);
    assert_eq!(silent.map(|(name, _)| name).collect::<Vec<_>>(), SILENT);
    assert_eq!(names(&imported), of_providers);
    imported.remove("curtaincall:callback/reveal reveal");
    assert_eq!(functions(&resolve, world("provider")), imported);
    let probe = std::fs::read(guest::built("probe")).unwrap();
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&probe).unwrap() else {
        panic!("the probe is not a component");
    };
    let mut probe = names(&functions(&resolve, world));
    probe.retain(|name| !CARRIERS.contains(&name.split_once(' ').unwrap().0));
    probe.extend(NOT_IN_PROBE.map(str::to_owned));
    assert_eq!(probe, attacked);
}

fn names(functions: &BTreeMap<String, bool>) -> BTreeSet<String> {
    functions.keys().cloned().collect()
}

/// The functions that a world imports, by the interface without its version and the name, and whether each of them
/// returns something.
fn functions(resolve: &Resolve, world: WorldId) -> BTreeMap<String, bool> {
    let mut functions = BTreeMap::new();
    for (key, item) in &resolve.worlds[world].imports {
        let key = resolve.name_world_key(key);
        match item {
            WorldItem::Interface { id, .. } => {
                let interface = key.split('@').next().unwrap();
                for (name, function) in &resolve.interfaces[*id].functions {
                    functions.insert(format!("{interface} {name}"), function.result.is_some());
                }
            }
            WorldItem::Function(function) => drop(functions.insert(key, function.result.is_some())),
            WorldItem::Type { .. } => {}
        }
    }
    functions
}
