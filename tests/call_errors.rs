//! `host call` where there is nothing to call, or nowhere to print.

use std::fs;

use crate::support::host::Host;

fn call<'a>(args: impl IntoIterator<Item = &'a str>) -> Host {
    Host::bare().arg("call").args(args)
}

#[test]
fn unusable_requests_are_usage_errors_that_say_what_to_write() {
    for (args, message) in [
        (
            &["callback"][..],
            "`callback` is no target of a request; write e.g. `/callback?code=abc`",
        ),
        // What is pasted may carry a code.
        (
            &["http://127.0.0.1:1/callback?code=hunter2"],
            "`http://127.0.0.1:1/callback` is no target of a request; write e.g. `/callback?code=abc`",
        ),
        (&["/a b"], "`/a b` is no target of a request; write e.g. `/callback?code=abc`"),
        (&["G(T", "/callback"], "`G(T` is no method; write e.g. `GET`"),
        (
            &["?", "-H", "novalue"],
            "a header field is `--header 'NAME: VALUE'`, and one of these has no `:`",
        ),
        (&["?", "-H", "a b: c"], "`a b` is no name of a header field"),
        (
            &["?", "-H", "a: b\nc: d"],
            "the value of `a` has a character that no header field may have",
        ),
        (
            &["?", "--form", "x"],
            "a field of a form is `--form NAME=VALUE`, and one of these has no `=`",
        ),
        (
            &["?", "--data", "@/nowhere/x"],
            "cannot read `/nowhere/x`: No such file or directory (os error 2)",
        ),
        (
            &["?", "--session", "state"],
            "a value is `--session NAME=VALUE`, and one of these has no `=`",
        ),
        (
            &["?", "--session", "x=y"],
            "the session has no `x`; it has `redirect-uri`, `state`, `nonce` and `code-verifier`",
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
fn a_reply_that_cannot_be_written_is_told_by_the_code() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let finished = call(["default", "?code=abc"]).stdout(full).finish().code(5);
    assert!(finished.stderr.starts_with("error: cannot write the reply: "), "{}", finished.stderr);
}
