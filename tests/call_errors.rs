//! Errors of `host call`: invalid requests, and output that cannot be written.

use std::fs;
use std::path::Path;

use crate::support::guest;
use crate::support::host::Host;

fn call<'a>(args: impl IntoIterator<Item = &'a str>) -> Host {
    Host::bare().arg("call").args(args)
}

#[test]
fn invalid_requests_are_usage_errors_with_a_reason() {
    for (args, message) in [
        (
            &["callback"][..],
            "invalid request target `callback`: expected a path such as `/callback?code=abc`",
        ),
        // A pasted URL may contain a code.
        (
            &["http://127.0.0.1:1/callback?code=hunter2"],
            "invalid request target `http://127.0.0.1:1/callback`: expected a path such as `/callback?code=abc`",
        ),
        (&["/a b"], "invalid request target `/a b`: expected a path such as `/callback?code=abc`"),
        // The query may contain a code, so only the character is named.
        (&["?code=hunter 2"], "invalid character ` ` in the query: percent-encode it"),
        (&["/callback?a=\u{e9}"], "invalid character `\u{e9}` in the query: percent-encode it"),
        (&["G(T", "/callback"], "invalid HTTP method `G(T`: expected a token such as `GET`"),
        (&["?", "-H", "novalue"], "missing `:` in --header: expected `NAME: VALUE`"),
        (&["?", "-H", "a b: c"], "invalid header field name `a b`"),
        (&["?", "-H", "a: b\nc: d"], "invalid character in the value of the header field `a`"),
        (&["?", "--form", "x"], "missing `=` in --form: expected `NAME=VALUE`"),
        (
            &["?", "--data", "@/nowhere/x"],
            "cannot read `/nowhere/x`: No such file or directory (os error 2)",
        ),
        (&["?", "--session", "state"], "missing `=` in --session: expected `NAME=VALUE`"),
        (
            &["?", "--session", "x=y"],
            "unknown session value `x`: expected `redirect-uri`, `state`, `nonce` or `code-verifier`",
        ),
    ] {
        let finished = call(["default"]).args(args).finish().code(2).stdout("");
        assert_eq!(finished.stderr, format!("error: {message}\n"), "{args:?}");
    }
    call(["default"]).finish().code(2);
    let missing = call(["nowhere.wasm", "/callback"]).finish().code(3).stdout("");
    assert!(missing.stderr.starts_with("error: cannot read the guest `nowhere.wasm`\n"));
}

#[test]
fn a_url_that_breaks_a_rule_is_not_printed() {
    let refused = |guest: &Path, args: &[&str], message: &str| {
        let finished = call(["--authorize"]).args(args).arg(guest).finish().code(3).stdout("");
        let message = format!("error: {message}\n");
        assert!(finished.stderr.starts_with(&message), "{}", finished.stderr);
        finished.stderr
    };
    let open = ["--allow-open", "https://idp.example"];
    let start = "the guest could not start the flow: ";
    let starts = guest::starts("call-rule", guest::AUTHORIZE, None);
    let rule = "its authorization URL leads to `https://idp.example`, which is not granted";
    let told = refused(&starts, &[], &format!("{start}{rule}"));
    let hint = "\nhint: if you trust this site, allow it with `--allow-open https://idp.example`\n";
    assert!(told.ends_with(hint), "{told}");
    let twice = format!("{}&%73tate=state", guest::AUTHORIZE);
    let twice = guest::starts("call-twice", &twice, None);
    refused(&twice, &open, &format!("{start}duplicate `state` in its authorization URL"));
    let message =
        "the guest cannot start the flow: it does not export `curtaincall:callback/authorizer`";
    refused(Path::new("default"), &[], message);
}

#[test]
fn authorize_cannot_be_combined_with_a_request() {
    for args in [
        &["/callback"][..],
        &["--data", "a=b"],
        &["--form", "a=b"],
        &["--header", "a: b"],
        &["--raw", "-"],
        &["--body"],
        &["--time"],
    ] {
        let finished = call(["--authorize", "default"]).args(args).finish().code(2).stdout("");
        assert!(finished.stderr.contains("cannot be used with"), "{args:?}: {}", finished.stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_error_exits_with_5() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let finished = call(["default", "?code=abc"]).stdout(full).finish().code(5);
    assert!(finished.stderr.starts_with("error: cannot write the reply: "), "{}", finished.stderr);
}
