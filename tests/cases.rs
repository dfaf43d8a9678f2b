//! `host test`: what it runs, and which mistakes it finds.

use std::fs;
use std::path::Path;

use crate::support::cases::{folder, host};
use crate::support::guest;
use crate::support::host::{Finished, Host};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn the_cases_of_the_guests_in_this_repository_pass() {
    for (name, guest) in [
        ("acme", guest::built("acme")),
        ("aws", guest::built("aws")),
        ("default", "default".into()),
        ("exchange", guest::built("exchange")),
        ("hello", guest::built("hello")),
        ("oauth2", "oauth2".into()),
        ("probe", guest::built("probe")),
    ] {
        let cases = Path::new(ROOT).join("guest").join(name).join("cases");
        let count = count_cases(&cases);
        let finished = Host::bare().args(["test", "--strict"]).arg(guest).arg(&cases).finish();
        let finished = finished.code(0).stderr("");
        let sum = format!("\n{count} passed, 0 failed\n");
        assert!(count > 0 && finished.stdout.ends_with(&sum), "{name}: {}", finished.stdout);
    }
}

/// The number of cases in a folder and below.
fn count_cases(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let count = |path: std::path::PathBuf| match path.extension() {
        _ if path.is_dir() => count_cases(&path),
        extension => usize::from(extension.is_some_and(|extension| extension == "case")),
    };
    entries.map(count).sum()
}

/// The modules of the OpenID certification for relying parties: Basic and Form Post have the same fourteen.
#[test]
fn every_module_of_the_openid_certification_has_a_case() {
    let folder = Path::new(ROOT).join("guest/oauth2/cases/openid");
    let basic = [
        "client-test",
        "invalid-iss",
        "missing-sub",
        "invalid-aud",
        "missing-iat",
        "kid-absent-single-jwks",
        "kid-absent-multiple-jwks",
        "idtoken-sig-rs256",
        "idtoken-sig-none",
        "invalid-sig-rs256",
        "userinfo-invalid-sub",
        "nonce-invalid",
        "scope-userinfo-claims",
        "client-secret-basic",
    ];
    let config = [
        "discovery-openid-config",
        "discovery-jwks-uri-keys",
        "discovery-issuer-mismatch",
        "signing-key-rotation-just-before-signing",
        "signing-key-rotation",
    ];
    let plans = [("", &basic[..]), ("form-post-", &basic), ("config-", &config)];
    for (plan, modules) in plans {
        for module in modules {
            let file = folder.join(format!("{plan}{module}.case"));
            let text = fs::read_to_string(&file).unwrap();
            let first = text.lines().next().unwrap();
            assert!(first.ends_with(&format!("{module}.")), "{}: {first}", file.display());
        }
    }
}

/// The oauth2 guest accepts an ID token of each algorithm that the host knows, and refuses one that was changed.
#[test]
fn every_algorithm_of_id_tokens_has_a_valid_and_an_invalid_case() {
    let folder = Path::new(ROOT).join("guest/oauth2/cases/openid");
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        for (kind, end) in [
            ("idtoken", "body contains \"<h1>Signed in as ada@op.example</h1>\""),
            ("invalid", "error: invalid_id_token\nerror_description: The signature"),
        ] {
            let file = folder.join(format!("{kind}-sig-{}.case", algorithm.to_lowercase()));
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains(end), "{}", file.display());
            assert!(text.contains(&format!("\"alg\": \"{algorithm}\"")), "{}", file.display());
        }
    }
}

const PROBE: &str = "[Answer]\nGET https://a.example/\nHTTP 200\n`hi`\n\nGET /callback?ask=https://a.example/\nHTTP 200\n[Asserts]\nbody contains \"ask: 200 hi\"\n";

#[test]
fn an_unanswered_outgoing_request_fails_the_case_and_is_shown() {
    let probe = guest::built("probe");
    let good = folder("answered", &[("a.case", PROBE)]);
    host(&good, &probe).finish().code(0);
    let case = PROBE
        .replace("?ask=https://a.example/", "?ask=https://a.example/&ask=https://b.example/x?y");
    let told = host(&folder("unanswered", &[("a.case", &case)]), &probe).finish().code(1).stdout;
    let asked = "./a.case:6: no canned answer matches the guest's request\n        GET https://b.example/x?y\n";
    assert!(told.contains(asked), "{told}");
}

#[test]
fn an_unused_answer_is_a_warning_and_fails_under_strict() {
    let case = PROBE
        .replace("GET /callback?ask=https://a.example/", "GET /callback")
        .replace("ask: 200 hi", "time");
    let folder = folder("unused", &[("a.case", &case)]);
    let message = "unused canned answer for `GET https://a.example/`";
    let lenient = host(&folder, guest::built("probe")).finish().code(0).stdout;
    assert!(lenient.contains(&format!("    ./a.case:2: warning: {message}\n")), "{lenient}");
    let strict = host(&folder, guest::built("probe")).arg("--strict").finish().code(1).stdout;
    assert!(strict.contains(&format!("./a.case:2: {message}\n")), "{strict}");
}

#[test]
fn invalid_html_is_a_warning_and_fails_under_strict() {
    let page = guest::page("cases-slips", 200, &[("content-type", "text/html")], "<p>a\n</div>b");
    let folder = folder("slips", &[("a.case", "GET /callback\nHTTP 200\n")]);
    let message = "invalid HTML in line 2 of the page (Unexpected token): the host sends it as browsers repair it";
    let lenient = host(&folder, &page).finish().code(0).stdout;
    assert!(lenient.contains(&format!("    ./a.case:1: warning: {message}\n")), "{lenient}");
    let strict = host(&folder, &page).arg("--strict").finish().code(1).stdout;
    assert!(strict.contains(&format!("./a.case:1: {message}\n")), "{strict}");
}

#[test]
fn options_apply_only_to_their_own_case() {
    let away = "GET /callback\nHTTP 302\n";
    let granted = format!("[Options]\nallow-page: redirect=https://elsewhere.example\n{away}");
    let redirect =
        guest::page("cases-away", 302, &[("location", "https://elsewhere.example/x")], "");
    let files = [
        ("a.case", granted.as_str()),
        ("b.case", "GET /callback\nHTTP 500\n[Failed]\nreason: invalid-reply\n"),
    ];
    host(&folder("grants", &files), redirect).finish().code(0);
    let limited = "[Options]\nmax-reply: 10B\nGET /callback\nHTTP 500\n[Failed]\nreason: reply\n";
    let files = [("a.case", limited), ("b.case", "GET /callback\nHTTP 400\n")];
    host(&folder("limits", &files), "default").finish().code(0);
}

#[test]
fn hostile_guests_fail_their_cases_with_a_reason() {
    let case = "GET /callback\nHTTP 200\n";
    for (name, said) in [
        ("trap", "the guest trapped: "),
        ("spin", "the guest reached its limit of 1s of CPU time"),
        ("log-flood", "(cut here: the guest reached its limit of 64KiB of log"),
        ("sleep", "the guest reached its limit of 30s of wall time"),
        ("memory-bomb", "the guest reached its limit of 64MiB of memory"),
    ] {
        let folder = folder(
            &format!("hostile-{name}"),
            &[
                ("a.case", case),
                ("b.case", "GET /callback?good\nHTTP 200\n[Success]\ngood: good\n"),
            ],
        );
        let told = host(&folder, guest::from_wat(name)).finish().code(1).stdout;
        assert!(told.contains("./a.case:2: expected status 200, got 500\n"), "{name}: {told}");
        assert!(told.contains(said), "{name}: {told}");
        assert!(told.ends_with("ok      ./b.case\n\n1 passed, 1 failed\n"), "{name}: {told}");
    }
}

#[test]
fn running_no_case_is_an_error() {
    let error = |finished: Finished, message: &str| {
        finished.code(2).stdout("").stderr(&format!("error: {message}\n"));
    };
    let empty = folder("empty", &[("readme.txt", "")]);
    error(
        host(&empty, "default").finish(),
        "no cases in the folder `.`: expected files named `*.case`",
    );
    let cases = Host::bare().args(["test", "default"]).current_dir(&empty).finish();
    error(
        cases,
        "cannot read `cases`: No such file or directory (os error 2)\n\
         hint: name case files, or create the folder `cases`",
    );
    let some = folder(
        "filter",
        &[("a.case", "GET /callback\nHTTP 400\n"), ("b.case", "GET /x\nHTTP 400\n")],
    );
    error(
        host(&some, "default").args(["--filter", "zzz"]).finish(),
        "no case has a name that contains `zzz`",
    );
    let filtered = host(&some, "default").args(["--filter", "a.c"]).finish().code(0);
    assert_eq!(filtered.stdout, "ok      ./a.case\n\n1 passed, 0 failed\n");
    let missing = host(&some, "nowhere.wasm").finish().code(3).stdout("");
    assert!(missing.stderr.starts_with("error: cannot read the guest `nowhere.wasm`\n"));
}

#[test]
fn a_shown_outgoing_request_can_be_pasted_into_an_answer() {
    let setup = "[Config]\nclient_id: bot\ntoken_endpoint: https://IDP.example:443/token\n\n\
                 [Options]\nallow-net: https://idp.example/token\n\n";
    let request = "GET /callback?code=abc\nHTTP 200\n[Success]\naccess_token: t\n";
    let first = folder("paste", &[("a.case", &format!("{setup}{request}"))]);
    let told = host(&first, guest::built("exchange")).finish().code(1).stdout;
    let asked = told.split_once("the guest's request\n").unwrap().1;
    let asked: String = asked
        .lines()
        .map_while(|line| line.strip_prefix("        "))
        .take_while(|line| !line.starts_with(['-', '+']))
        .map(|line| format!("{line}\n"))
        .collect();
    let answered =
        format!("{setup}[Answer]\n{asked}HTTP 200\n{{ \"access_token\": \"t\" }}\n\n{request}");
    let second = folder("pasted", &[("a.case", &answered)]);
    host(&second, guest::built("exchange")).arg("--strict").finish().code(0);
}

#[test]
fn limits_of_the_command_apply_to_cases_that_set_none() {
    let good = "GET /callback\nHTTP 400\n";
    let wide = format!("[Options]\nmax-reply: 1MiB\n{good}");
    let files = [("a.case", good), ("b.case", wide.as_str())];
    let limited =
        host(&folder("limit-flags", &files), "default").args(["--max-reply", "10B"]).finish();
    let limited = limited.code(1).stdout;
    assert!(limited.contains("the guest reached its limit of 10B of reply body"), "{limited}");
    assert!(limited.ends_with("ok      ./b.case\n\n1 passed, 1 failed\n"), "{limited}");
}

/// Both the bytes after the announced body and the answer exceed the capacity of a pipe.
#[test]
fn bytes_after_a_request_do_not_block_the_case() {
    let large = "x".repeat(300 << 10);
    let case = format!(
        "[Config]\nbig: {large}\n\nPOST /callback\nContent-Length: 1\n`{large}`\nHTTP 200\n"
    );
    host(&folder("beyond", &[("a.case", &case)]), guest::built("probe")).finish().code(0);
}
