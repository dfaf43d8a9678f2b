//! Errors of `host call`: invalid requests, and output that cannot be written.

use std::fs;

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

#[cfg(target_os = "linux")]
#[test]
fn a_write_error_exits_with_5() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let finished = call(["default", "?code=abc"]).stdout(full).finish().code(5);
    assert!(finished.stderr.starts_with("error: cannot write the reply: "), "{}", finished.stderr);
}
