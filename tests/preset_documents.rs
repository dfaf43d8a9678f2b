//! `guest/PROVIDERS.md` is correct: its file and its commands sign in, and its tables are complete.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::cases::folder;
use crate::support::guest;
use crate::support::host::Host;
use crate::support::provider::{CODE, Endpoint, SECRET, answer};

const DOCUMENT: &str = include_str!("../guest/PROVIDERS.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

const IN_RUST: &str = "Write a provider in Rust";

/// The text below a heading.
fn section(heading: &str) -> &'static str {
    let (_, after) = DOCUMENT.split_once(&format!("\n## {heading}\n")).unwrap();
    after.split("\n## ").next().unwrap()
}

/// The fenced blocks of one language in a section.
fn blocks(section: &'static str, language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = section.split(fence.as_str()).skip(1);
    after.map(|block| block.split("```").next().unwrap()).collect()
}

/// The first column of the table whose header begins with `| HEADER |`, without the backticks.
fn column(header: &str) -> BTreeSet<&'static str> {
    let (_, table) = DOCUMENT.split_once(&format!("\n| {header} |")).unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

/// The provider of the document, on loopback.
fn provider() -> Endpoint {
    Endpoint::answering(|asked| {
        let is_userinfo = asked.head.starts_with("GET /userinfo ");
        let body = match is_userinfo && asked.head.contains("Bearer t0ken") {
            true => r#"{ "email": "ada@idp.example" }"#,
            false => r#"{ "access_token": "t0ken", "token_type": "Bearer" }"#,
        };
        answer("200 OK", "application/json", body)
    })
}

#[cfg(unix)]
#[test]
fn one_file_and_one_command_sign_in_with_a_provider_of_ones_own() {
    let preset = section("Write a preset");
    let [file] = blocks(preset, "toml")[..] else { panic!("expected one file") };
    let [command] = blocks(preset, "sh")[..] else { panic!("expected one command") };
    let idp = provider();
    let text = file.replace("https://idp.example", &idp.url(""));
    let folder = folder("document", &[("acme.toml", &text)]);
    let program = format!("exec '{}' run --no-browser ", env!("CARGO_BIN_EXE_host"));
    let host = Host::shell(&command.replace("host run ", &program))
        .current_dir(&folder)
        .env("ACME_SECRET", SECRET)
        .start();
    let line = host.wait_for_line("Open this URL in a browser: ");
    let opened = idp.url("/authorize?response_type=code&client_id=ID&");
    assert!(line.contains(&opened), "{line}");
    assert!(host.stderr().starts_with("Signing in with Acme. "), "{}", host.stderr());
    assert!(!host.stderr().contains("warning"), "{}", host.stderr());
    let page = host.navigate(&format!("/callback?code={CODE}&state={}", host.state()));
    assert!(page.text().contains("ada@idp.example"), "{}", page.text());
    host.finish().code(0).stdout("t0ken\n");
    let asked = idp.asked();
    assert_eq!(asked[0].field("client_secret").as_deref(), Some(SECRET));
}

#[cfg(unix)]
#[test]
fn two_files_and_one_command_start_the_sign_in_for_aws() {
    let aws = section("A provider that needs code: AWS");
    let [config, grants] = blocks(aws, "toml")[..] else { panic!("expected two files") };
    let [command] = blocks(aws, "sh")[..] else { panic!("expected one command") };
    let folder = folder("aws", &[("aws.toml", config), ("aws-grants.toml", grants)]);
    fs::copy(guest::built("aws"), folder.join("aws.wasm")).unwrap();
    let program = format!("exec '{}' run --no-browser ", env!("CARGO_BIN_EXE_host"));
    let host = Host::shell(&command.replace("host run ", &program))
        .current_dir(&folder)
        .env("IDP_SECRET", SECRET)
        .start();
    let line = host.wait_for_line("Open this URL in a browser: ");
    let opened = "https://idp.example/authorize?response_type=code&client_id=ID&";
    assert!(line.contains(opened), "{line}");
    assert!(!host.stderr().contains("warning"), "{}", host.stderr());
}

#[test]
fn a_provider_in_rust_has_15_lines_and_is_the_guest_in_the_repository() {
    let source = fs::read_to_string(Path::new(ROOT).join("guest/acme/src/lib.rs")).unwrap();
    let [block] = blocks(section(IN_RUST), "rust")[..] else { panic!("expected one guest") };
    let (_, code) = source.split_once("\n\n").unwrap();
    assert_eq!(code, block, "guest/acme/src/lib.rs and the document differ");
    assert_eq!(block.lines().filter(|line| !line.is_empty()).count(), 15);
    // The documentation of the SDK has the same guest.
    let sdk = fs::read_to_string(Path::new(ROOT).join("guest/sdk/src/provider/mod.rs")).unwrap();
    let lines = sdk.lines().map_while(|line| line.strip_prefix("//!"));
    let documentation: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    assert!(documentation.join("\n").contains(block), "guest/sdk/src/provider/mod.rs differs");
}

#[cfg(unix)]
#[test]
fn the_command_for_a_provider_in_rust_opens_its_page() {
    let [command] = blocks(section(IN_RUST), "sh")[..] else { panic!("expected one command") };
    let folder = folder("acme", &[]);
    fs::copy(guest::built("acme"), folder.join("acme.wasm")).unwrap();
    let program = format!("exec '{}' run --no-browser ", env!("CARGO_BIN_EXE_host"));
    let start = |command: &str| {
        let command = command.replace("host run ", &program);
        Host::shell(&command).current_dir(&folder).env("ACME_SECRET", SECRET)
    };
    let host = start(command).start();
    let line = host.wait_for_line("Open this URL in a browser: ");
    let opened =
        "https://idp.example/authorize?response_type=code&client_id=ID&scope=read%20write&";
    assert!(line.contains(opened), "{line}");
    assert!(!host.stderr().contains("warning"), "{}", host.stderr());
    // Counter-check: without its grant, the token endpoint ends the flow before the browser opens.
    let refused = start(&command.replace("--allow-net https://idp.example/token", "")).finish();
    let stderr = refused.stderr;
    assert!(stderr.contains("https://idp.example/token"), "{stderr}");
    assert!(!stderr.contains("Open this URL"), "{stderr}");
}

/// Each key of a table of grants, which the error for an unknown key lists.
#[test]
fn every_key_of_a_grants_table_is_in_the_document() {
    let keys = |text: &str| {
        let folder = folder("grant-keys", &[("grants.toml", text)]);
        let host = Host::run().args(["--grants", "grants.toml"]).current_dir(&folder);
        let stderr = host.finish().code(2).stderr;
        let (_, listed) = stderr.split_once("expected one of ").unwrap();
        listed.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut known: BTreeSet<_> = keys("x = 1").into_iter().collect();
    assert!(known.remove("endpoint"));
    known.extend(keys("[[endpoint]]\nurl = \"https://a.example/t\"\nx = 1"));
    let listed =
        column("key of grants").union(&column("key of an endpoint")).copied().collect::<Vec<_>>();
    let listed: BTreeSet<_> = listed.into_iter().map(str::to_owned).collect();
    assert_eq!(listed, known);
}

/// The settings that the guest `oauth2` reads: the texts after these calls. A table's name ends in a dot.
fn settings() -> BTreeSet<String> {
    let source = Path::new(ROOT).join("guest/oauth2/src");
    let mut settings = BTreeSet::new();
    for file in fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".rs") || ["fake.rs", "presets.rs"].contains(&name) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for call in ["get", "required", "flag", "choice", "seconds", "url", "table"] {
            let call = format!("{call}(\"");
            let names =
                code.split(call.as_str()).skip(1).map(|rest| rest.split('"').next().unwrap());
            // A name with a slash is a member of an answer.
            settings.extend(names.filter(|name| !name.contains('/')).map(str::to_owned));
        }
    }
    settings
}

#[test]
fn every_setting_of_the_guest_is_in_the_document() {
    let listed = column("setting");
    let settings = settings();
    assert!(settings.contains("client_id") && settings.contains("keep."), "{settings:?}");
    for setting in &settings {
        let is_listed = listed.contains(setting.as_str())
            || setting.ends_with('.') && listed.contains(format!("{setting}NAME").as_str());
        assert!(is_listed, "`{setting}` is not in guest/PROVIDERS.md");
    }
    // Counter-check: each setting of the document is in the source.
    let folder = Path::new(ROOT).join("guest/oauth2/src");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // `names.rs` has the names of all settings, and reads none.
    let files = files.filter(|file| !file.ends_with("names.rs"));
    let source: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    for setting in listed {
        let start = setting.trim_end_matches("NAME");
        assert!(source.contains(&format!("\"{start}")), "the guest does not read `{setting}`");
    }
}
