//! Cases that ask a guest for its authorization URL.

use std::fs;

use crate::support::cases::{folder, host, tested};
use crate::support::guest::{self, AUTHORIZE};

const OPEN: &str = "[Options]\nallow-open: https://idp.example\n\n";

/// The expectations of a valid authorization request.
const GOOD: &str = "AUTHORIZE\n\n[Asserts]\nurl startsWith \"https://idp.example/authorize?\"\n\
    url.host == \"idp.example\"\nurl.path == \"/authorize\"\nurl.query \"scope\" == \"read write\"\n\
    url.query \"redirect_uri\" == \"http://127.0.0.1:8080/callback\"\nurl.query \"nonce\" not exists\n\
    issuer == \"https://idp.example\"\nfailed not exists\nlog == \"\"\n\n";

#[test]
fn a_case_sees_the_parts_of_the_url_and_the_issuer_is_checked_in_callbacks() {
    let guest = guest::starts("good", AUTHORIZE, Some("https://idp.example"));
    let callbacks = "GET /callback?code=abc&state=state\nHTTP 400\n[Refused]\nreason: issuer\n\n\
        GET /callback?code=abc&state=state&iss=https://idp.example\nHTTP 200\n[Success]\ncode: abc\n";
    let case = format!("{OPEN}{GOOD}{callbacks}");
    let finished = host(&folder("start", &[("a.case", &case)]), &guest).finish();
    finished.code(0).stdout("ok      ./a.case\n\n1 passed, 0 failed\n");
    // Counter-check: every assert can fail.
    let wrong = GOOD.replace("startsWith \"", "startsWith \"x").replace("== \"", "== \"x");
    let wrong = wrong.replace("not exists", "exists");
    let case = format!("{OPEN}{wrong}");
    let told = host(&folder("start-wrong", &[("a.case", &case)]), &guest).finish().code(1).stdout;
    for line in 7..=15 {
        assert!(told.contains(&format!("./a.case:{line}: `")), "{line}: {told}");
    }
    assert!(told.contains("`url.host == \"xidp.example\"`: got `idp.example`\n"), "{told}");
    assert!(told.contains("`url.query \"nonce\" exists`: there is no such value\n"), "{told}");
}

#[test]
fn a_url_that_breaks_a_rule_fails_the_case_with_the_rule() {
    let guest = guest::starts("no-state", &AUTHORIZE.replace("state=state", "x=y"), None);
    let rule = "missing `state` in its authorization URL: expected the value from this session";
    let files = [
        ("a.case", format!("{OPEN}AUTHORIZE\n[Asserts]\nurl.query \"nonce\" not exists\n")),
        (
            "b.case",
            format!(
                "{OPEN}AUTHORIZE\n[Failed]\nreason: authorization\n[Asserts]\nfailed endsWith \"{rule}\"\n"
            ),
        ),
        ("c.case", "AUTHORIZE\n[Asserts]\nurl exists\n".to_owned()),
    ];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let told = host(&folder("start-rule", &files), &guest).finish().code(1).stdout;
    assert_eq!(
        told,
        format!(
            "FAILED  ./a.case\n\
            \x20   ./a.case:4: the guest returned no authorization URL\n\
            \x20       [Failed]\n\
            \x20       reason: authorization\n\
            \x20       the guest could not start the flow: {rule}\n\
            ok      ./b.case\n\
            FAILED  ./c.case\n\
            \x20   ./c.case:1: the guest returned no authorization URL\n\
            \x20       [Failed]\n\
            \x20       reason: authorization\n\
            \x20   ./c.case:3: `url exists`: there is no such value\n\
            \x20       the guest could not start the flow: its authorization URL leads to \
            `https://idp.example`, which is not granted; allow it with the option `allow-open: https://idp.example`\n\
            \n1 passed, 2 failed\n"
        )
    );
}

#[test]
fn a_guest_can_decline_or_lack_an_authorizer() {
    let declines = guest::component("declines", "provider", "");
    let case = "AUTHORIZE\n[Failure]\nerror: closed\n[Asserts]\noutcome \"error\" == \"closed\"\n";
    let files = [("a.case", case), ("b.case", "AUTHORIZE\n[Failure]\nerror: open\n")];
    let told = host(&folder("declines", &files), declines).finish().code(1).stdout;
    assert!(told.starts_with("ok      ./a.case\nFAILED  ./b.case\n"), "{told}");
    let diff = "./b.case:2: the exchange ended differently\n         [Failure]\n        -error: open\n        +error: closed\n";
    assert!(told.contains(diff), "{told}");
    tested("no-authorizer", "AUTHORIZE\n[Failed]\nreason: no-authorizer\n", 0);
    let opens = guest::starts("opens", AUTHORIZE, None);
    let case = format!("{OPEN}AUTHORIZE\n[Failure]\nerror: closed\n");
    let told = host(&folder("opens", &[("a.case", &case)]), opens).finish().code(1).stdout;
    assert!(told.contains("./a.case:5: the guest returned an authorization URL\n"), "{told}");
    assert!(told.contains("+https://idp.example/authorize\n"), "{told}");
}

#[test]
fn a_snapshot_has_the_url_with_its_parameters() {
    let guest = guest::starts("snapshot", AUTHORIZE, Some("https://idp.example"));
    let folder = folder("start-snapshot", &[("a.case", &format!("{OPEN}AUTHORIZE\n"))]);
    let told = host(&folder, &guest).finish().code(1).stdout;
    let missing = "./a.case:4: missing expectation: add `[Asserts]` below `AUTHORIZE`, or create the snapshot `./a.snap`";
    assert!(told.contains(missing), "{told}");
    host(&folder, &guest).arg("--bless").finish().code(0);
    assert_eq!(
        fs::read_to_string(folder.join("a.snap")).unwrap(),
        "AUTHORIZE\n\nhttps://idp.example/authorize\nresponse_type: code\nclient_id: bot\n\
         redirect_uri: http://127.0.0.1:8080/callback\nstate: state\nscope: read write\n\
         code_challenge: _qfEBgC32xt7n5_dOkBdQEcC5yYVyT1y02AHhNrZI0g\n\
         code_challenge_method: S256\n\nissuer: https://idp.example\n"
    );
    host(&folder, &guest).finish().code(0);
    let refused = guest::starts("refused", "https://idp.example/", None);
    let told = host(&folder, refused).arg("--bless").finish().code(1).stdout;
    let failed =
        "./a.case:4: the guest failed: if it should fail, add `[Failed]` below `AUTHORIZE`\n";
    assert!(told.contains(failed), "{told}");
}

/// The guest cannot read a secret, but the person who wrote the case may have configured one in the wrong place.
#[test]
fn a_secret_of_a_case_is_redacted() {
    let leaks = guest::starts("leaks", &AUTHORIZE.replace("bot", "hunter2"), None);
    let case =
        format!("[Secrets]\nclient_secret: hunter2\n{OPEN}AUTHORIZE\n[Asserts]\nurl exists\n");
    let told = host(&folder("leaks", &[("a.case", &case)]), leaks).finish().code(1).stdout;
    assert!(
        told.contains("its authorization URL contains the value of the secret `client_secret`"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
    let issuer = guest::starts("issuer", AUTHORIZE, Some("https://hunter2.example"));
    let case = format!("[Secrets]\nclient_secret: hunter2\n{OPEN}AUTHORIZE\n");
    let folder = folder("leaked-issuer", &[("a.case", &case)]);
    host(&folder, issuer).arg("--bless").finish().code(0);
    let snapshot = fs::read_to_string(folder.join("a.snap")).unwrap();
    assert!(snapshot.ends_with("\nissuer: https://[redacted].example\n"), "{snapshot}");
}

#[test]
fn grants_can_be_repeated_listed_and_read_from_a_file() {
    let guest = guest::starts("grants", AUTHORIZE, None);
    let step = "AUTHORIZE\n[Asserts]\nurl exists\n";
    let options = [
        "allow-open: https://a.example\nallow-open: https://idp.example\n",
        "allow-open: https://a.example, https://idp.example\n",
        "grants: file,grants.toml;\n",
    ];
    for options in options {
        let case = format!("[Options]\n{options}{step}");
        let files =
            [("a.case", case.as_str()), ("grants.toml", "open = [\"https://idp.example\"]\n")];
        host(&folder("granted", &files), &guest).finish().code(0);
    }
}
