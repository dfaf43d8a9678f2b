//! `guest/PROVIDERS.md` is correct: its file and its commands sign in, and its tables are complete.

use std::collections::BTreeSet;

use crate::support::cases::folder;
use crate::support::host::Host;
use crate::support::provider::{CODE, Endpoint, SECRET, answer};

const DOCUMENT: &str = include_str!("../guest/PROVIDERS.md");

/// The fenced blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = DOCUMENT.split(fence.as_str()).skip(1);
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
    let [file] = blocks("toml")[..] else { panic!("expected one file") };
    let [command] = blocks("sh")[..] else { panic!("expected one command") };
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
