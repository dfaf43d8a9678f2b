//! `host inspect`: describes a guest, and the worst that it could do.

use serde_json::Value;

use crate::secrets::reveals;
use crate::support::guest;
use crate::support::host::Host;

fn inspect(guest: impl AsRef<std::ffi::OsStr>) -> Host {
    Host::bare().arg("inspect").arg(guest)
}

#[test]
fn a_guest_that_only_renders_reaches_nothing() {
    let text = inspect("default").finish().code(0).stdout;
    let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let value = |name: &str| {
        let (_, value) = lines.iter().find(|(known, _)| *known == name).unwrap();
        value.trim_start().to_owned()
    };
    assert_eq!(value("guest"), "default");
    assert_eq!(value("world"), "curtaincall:callback/guest@0.1.0");
    assert_eq!(value("exports"), "curtaincall:callback/handler@0.1.0");
    assert_eq!(value("imports"), "curtaincall:callback/types@0.1.0 (reaches nothing)");
    assert_eq!(value("sha256").len(), 64);
    assert_eq!(value("run"), "accepts it");
    assert_eq!(value("grants"), "--allow-page");
    assert_eq!(
        text.lines().last().unwrap(),
        "at worst      it shows a false page, returns a false outcome, and uses as much as its limits allow"
    );
    assert!(
        text.contains(concat!("curtaincall-guest ", env!("CARGO_PKG_VERSION"), " (sdk)\n")),
        "{text}"
    );
}

#[test]
fn imports_are_grouped_by_what_they_reach() {
    let finished = inspect(guest::built("probe")).args(["--format", "json"]).finish().code(0);
    let json: Value = serde_json::from_str(&finished.stdout).unwrap();
    let imports: Vec<_> = json["imports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|import| {
            let name = import["name"].as_str().unwrap().split('@').next().unwrap();
            (import["reach"].as_str().unwrap(), name)
        })
        .collect();
    assert_eq!(
        imports,
        [
            ("the network", "curtaincall:callback/exchange"),
            ("the network", "curtaincall:callback/identity"),
            ("the network", "wasi:http/outgoing-handler"),
            ("secrets, which it cannot read", "curtaincall:callback/secrets"),
            ("the session and the configuration", "curtaincall:callback/session"),
            ("the session and the configuration", "wasi:config/store"),
            ("clock and random", "wasi:clocks/monotonic-clock"),
            ("clock and random", "wasi:clocks/wall-clock"),
            ("clock and random", "wasi:random/insecure-seed"),
            ("clock and random", "wasi:random/insecure"),
            ("clock and random", "wasi:random/random"),
            ("nothing", "curtaincall:callback/types"),
            ("nothing", "wasi:cli/environment"),
            ("nothing", "wasi:cli/stderr"),
            ("nothing", "wasi:http/types"),
            ("nothing", "wasi:io/error"),
            ("nothing", "wasi:io/poll"),
            ("nothing", "wasi:io/streams"),
        ]
    );
    assert_eq!(json["accepted"], true);
    assert_eq!(json["size_bytes"], std::fs::metadata(guest::built("probe")).unwrap().len());
    assert!(json["compile_ms"].as_f64().unwrap() > 0.0);
    assert!(json["memory_bytes"].as_u64().unwrap() >= 64 << 10);
    let worst = json["at_worst"].as_str().unwrap();
    assert!(worst.contains("puts the session and every configured value into both"), "{worst}");
    assert!(worst.contains("sends secrets, which it cannot read, to any granted endpoint"));
    assert!(worst.contains("sends requests to any granted host"), "{worst}");
    assert!(!worst.contains("secret that you let it read"), "{worst}");
    let grants =
        ["--allow-page", "--config", "--config-file", "--secret", "--allow-net", "--grants"];
    assert_eq!(json["grants"], serde_json::json!(grants));
    let made_with = json["producers"].as_array().unwrap();
    assert!(made_with.iter().any(|producer| producer["name"] == "wit-bindgen-rust"));
}

#[test]
fn a_guest_that_can_read_secrets_is_shown_as_such() {
    let text = inspect(reveals()).finish().code(0).stdout;
    let import =
        "imports       curtaincall:callback/reveal@0.1.0 (reaches secrets, which it can read)\n";
    assert!(text.contains(import), "{text}");
    assert!(text.contains("grants        --allow-page, --secret, --allow-reveal\n"), "{text}");
    let worst = text.lines().last().unwrap();
    assert!(worst.contains("shows every secret that you let it read"), "{worst}");
}

#[test]
fn a_guest_that_run_refuses_can_be_inspected() {
    let finished = inspect(guest::from_wat("unknown-import")).finish().code(3);
    let shown = "imports       wasi:keyvalue/store@0.2.0 (not provided by the host)\n";
    assert!(finished.stdout.contains(shown), "{}", finished.stdout);
    assert!(finished.stdout.contains("run           refuses it\n"), "{}", finished.stdout);
    assert!(
        finished.stdout.ends_with("at worst      nothing: the host does not run it\n"),
        "{}",
        finished.stdout
    );
    assert!(finished.stderr.contains("imports `wasi:keyvalue/store@0.2.0`"), "{}", finished.stderr);
    let other = guest::component(
        "other-world",
        "other",
        "package test:other; world other { export greet: func(); }",
    );
    let finished = inspect(other).finish().code(3);
    assert!(finished.stdout.contains("world         not a world of `curtaincall:callback`\n"));
}

#[test]
fn an_authorizer_guest_is_shown_as_a_provider() {
    let text = inspect(guest::component("authorizer", "provider", "")).finish().code(0).stdout;
    assert!(text.contains("world         curtaincall:callback/provider@0.1.0\n"), "{text}");
}

#[test]
fn a_guest_that_fails_at_start_shows_the_reason() {
    let spin = inspect(guest::from_wat("spin-at-start")).args(["--max-cpu-time", "50ms"]);
    let text = spin.finish().code(0).stdout;
    assert!(
        text.contains("starts with   an error: the guest reached its limit of 50ms of CPU time"),
        "{text}"
    );
}

#[test]
fn control_characters_from_a_guest_are_escaped() {
    let text = "(component (import \"a:b/c\" (instance)) (@custom \"producers\" \"\\01\\03sdk\\01\\04\\1b[2J\\01x\"))";
    let file = guest::write("inspect-words.wasm", &wat::parse_str(text).unwrap());
    let finished = inspect(file).finish().code(3);
    assert!(finished.stdout.contains("made with     \\u{1b}[2J x (sdk)\n"), "{}", finished.stdout);
    assert!(!finished.stdout.contains('\u{1b}'));
}

#[test]
fn a_file_that_is_not_a_component_is_an_error() {
    for (name, bytes) in
        [("inspect-garbage.wasm", &b"\x00\xff\xfe"[..]), ("inspect-empty.wasm", b"")]
    {
        let finished = inspect(guest::write(name, bytes)).finish().code(3).stdout("");
        assert!(finished.stderr.starts_with("error: the guest `"), "{}", finished.stderr);
    }
}
