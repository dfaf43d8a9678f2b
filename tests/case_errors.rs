//! Invalid cases fail, with the line and the column of the error.

use std::fs;

use crate::support::cases::{folder, host, tested};

#[test]
fn a_syntax_error_fails_the_case_with_line_and_column() {
    for (case, place, message) in [
        (
            "GET /callback\n[Asserts]\nstatus == 200\n",
            "2:1",
            "expected `HTTP STATUS` or `HTTP *` before this section",
        ),
        ("GET /callback\n[Qurey]\na: b\n", "2:1", "unknown request section `[Qurey]`: expected"),
        (
            "GET /callback\nHTTP 200\n[Config]\na: b\n",
            "3:1",
            "this section must come before the first request",
        ),
        (
            "GET /callback\nHTTP 200 body contains \"x\"\n",
            "2:10",
            "unexpected text after the status: write other expectations below it",
        ),
        (
            "POST /callback\n`a`\n[Form]\na: b\n",
            "3:1",
            "a request cannot have both a form and a body",
        ),
        ("POST /callback\n```Hello```\n", "2:1", "the body begins on the next line"),
        (
            "POST /callback\nfile,/etc/passwd;\n",
            "2:6",
            "invalid file name: expected a relative path without `..`",
        ),
        (
            "POST /callback\nfile,../x;\n",
            "2:6",
            "invalid file name: expected a relative path without `..`",
        ),
        ("POST /callback\ncode=abc\n", "2:1", "expected `name: value`, or a body in"),
        ("[Options]\nseed: 1\nseed: 2\nGET /callback\n", "3:1", "duplicate `seed`"),
        ("[Config]\na: 1\n[Config]\na: 2\nGET /callback\n", "4:1", "duplicate `a`"),
        ("[Session]\nstate: 1\nstate: 1\nGET /callback\n", "3:1", "duplicate `state`"),
        (
            "[Answer]\nGET https://a\nHTTP *\nGET /callback\n",
            "3:1",
            "an answer needs a status code",
        ),
        (
            "[Answer]\nGET https://a\nHTTP 200\n[Delay]\n1s\n[Delay]\n1s\nGET /callback\n",
            "6:1",
            "duplicate `[Delay]` in an answer",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nheader \"a b\" exists\n",
            "4:8",
            "invalid header field name `a b`",
        ),
        ("GET /callback\nHTTP 200\n[Asserts]\nstatus == \"two\"\n", "4:11", "expected a number"),
        ("", "1:1", "the case has no request"),
        ("# nothing\n\n", "2:1", "the case has no request"),
        ("get /callback\n", "1:1", "expected a request such as `GET /callback?code=abc`"),
        ("GET callback\n", "1:5", "invalid request target `callback`"),
        ("GET /a b\n", "1:7", "write a space in the target as `%20`"),
        ("GET /a HTTP/2\n", "1:7", "expected `METHOD TARGET`"),
        ("GET /callback\nno header\n", "2:1", "expected `name: value`"),
        ("GET /callback\na b: c\n", "2:1", "invalid header field name `a b`"),
        ("GET /callback\n: c\n", "2:1", "expected a name before the `:`"),
        ("POST /callback\n`a`\n`b`\n", "3:1", "a request cannot have two bodies"),
        (
            "POST /callback\n[Form]\na: b\n`b`\n",
            "4:1",
            "a request cannot have both a form and a body",
        ),
        ("POST /callback\n```\nabc\n", "2:1", "missing closing \"```\" of the body"),
        ("POST /callback\n`abc\n", "2:1", "missing closing \"`\" on the line of the body"),
        ("POST /callback\n{ \"a\": }\n", "2:8", "invalid JSON"),
        ("POST /callback\n{\n\"a\": 1 b\n}\n", "3:8", "invalid JSON"),
        ("POST /callback\n{ \"é\" x }\n", "2:7", "invalid JSON"),
        ("POST /callback\n{} x\n", "2:1", "unexpected text after the JSON body"),
        ("POST /callback\nfile,nope.txt;\n", "2:6", "cannot read `nope.txt`"),
        ("POST /callback\nfile,nope.txt\n", "2:1", "missing `;` at the end of the line"),
        ("POST /callback\nbase64,!;\n", "2:8", "invalid base64"),
        ("GET /callback\nHTTP two\n", "2:6", "invalid status code `two`"),
        ("GET /callback\nHTTP 20\n", "2:6", "invalid status code `20`"),
        ("GET /callback\nHTTP 200\n[Assert]\n", "3:2", "unknown response section `[Assert]`"),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nstate == 1\n",
            "4:1",
            "unknown query `state`: expected",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nbody has \"x\"\n",
            "4:6",
            "unknown predicate `has`: expected",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nbody contains x\n",
            "4:15",
            "expected a string in double quotes",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nbody contains \"x\n",
            "4:15",
            "expected a string in double quotes",
        ),
        ("GET /callback\nHTTP 200\n[Asserts]\nbody contains \"\\x\"\n", "4:15", "invalid string"),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nbody matches /(/\n",
            "4:14",
            "invalid regular expression",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nstatus == 1 2\n",
            "4:13",
            "unexpected text after the assert",
        ),
        ("GET /callback\nHTTP 200\n[Asserts]\nstatus < \"x\"\n", "4:10", "expected a number"),
        ("GET /callback\nHTTP 200\n[Asserts]\nbody\n", "4:1", "missing predicate: expected `==`"),
        (
            "GET /callback\nHTTP 200\n[Pending]\n[Success]\na: b\n",
            "4:1",
            "a request cannot have two end sections",
        ),
        (
            "GET /callback\nHTTP 404\n[Refused]\nreason: nope\n",
            "4:9",
            "unknown reason `nope`: expected one of `other-user`",
        ),
        ("[Setup]\nGET /callback\n", "1:2", "unknown section `[Setup]` before the first request"),
        ("[Options]\ncolour: red\nGET /callback\n", "2:1", "unknown option `colour`"),
        (
            "[Options]\nclock: yesterday\nGET /callback\n",
            "2:1",
            "invalid value `yesterday` for `clock`: expected a time such as `2026-01-31T12:00:00Z`",
        ),
        (
            "[Options]\nseed: -1\nGET /callback\n",
            "2:1",
            "invalid value `-1` for `seed`: expected a whole number from 0 to 18446744073709551615",
        ),
        (
            "[Options]\nallow-page: all\nGET /callback\n",
            "2:1",
            "invalid value `all` for `allow-page`",
        ),
        (
            "[Options]\nmax-memory: much\nGET /callback\n",
            "2:1",
            "invalid value `much` for `max-memory`: expected a size such as `512KiB` or `64MiB`",
        ),
        (
            "[Options]\nmax-stack: 1MiB\nGET /callback\n",
            "2:1",
            "option `max-stack` applies to all cases",
        ),
        ("[Session]\ncookie: x\nGET /callback\n", "2:1", "unknown session value `cookie`"),
        ("[Answer]\nGET /token\nHTTP 200\nGET /callback\n", "2:5", "expected an absolute URL"),
        (
            "[Answer]\nGET https://a\nGET /callback\n",
            "2:1",
            "incomplete answer: expected `HTTP STATUS` or `FAULT NAME`",
        ),
        (
            "[Answer]\nGET https://a\nFAULT \nGET /callback\n",
            "3:6",
            "unknown fault ``: expected one of",
        ),
        (
            "[Answer]\nGET https://a\nFAULT bad-luck\nGET /callback\n",
            "3:7",
            "unknown fault `bad-luck`: expected one of `HTTP-request-denied`",
        ),
        (
            "[Answer]\nGET https://a\nHTTP 200\n[Delay]\nsoon\nGET /callback\n",
            "5:1",
            "expected a duration such as `50ms`",
        ),
        ("[Answer]\nHTTP 200\nGET /callback\n", "2:1", "expected a request"),
        ("AUTHORIZE now\n", "1:11", "unexpected text after `AUTHORIZE`"),
        (
            "AUTHORIZE\nHTTP 200\n",
            "2:1",
            "`AUTHORIZE` has no reply: expected `[Asserts]`, `[Failure]` or `[Failed]`",
        ),
        (
            "AUTHORIZE\n[Success]\n",
            "2:2",
            "unknown section `[Success]` after `AUTHORIZE`: expected",
        ),
        ("AUTHORIZE\n[Secrets]\na: b\n", "2:1", "this section must come before the first request"),
        ("AUTHORIZE\nurl exists\n", "2:1", "expected a request such as"),
        (
            "AUTHORIZE\n[Failed]\nreason: a\n[Failure]\nerror: b\n",
            "4:1",
            "`AUTHORIZE` cannot have two end sections",
        ),
        (
            "AUTHORIZE\n[Asserts]\nstatus == 200\n",
            "3:1",
            "unknown query `status`: expected `url`, `url.host`, `url.path`, `url.query \"NAME\"`",
        ),
        (
            "AUTHORIZE\n[Asserts]\nurl.query == \"a\"\n",
            "3:11",
            "expected a string in double quotes",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nurl exists\n",
            "4:1",
            "unknown query `url`: expected",
        ),
        ("[Config]\na: 1\n[Secrets]\na: 2\nGET /callback\n", "4:1", "duplicate `a`"),
        (
            "[Options]\nallow-net: idp.example\nGET /callback\n",
            "2:1",
            "invalid value `idp.example` for `allow-net`: invalid network grant `idp.example`",
        ),
        (
            "[Options]\nallow-open: https://a.example/b\nGET /callback\n",
            "2:1",
            "invalid value `https://a.example/b` for `allow-open`",
        ),
        (
            "[Options]\nallow-reveal: key\n[Config]\nkey: 1\nGET /callback\n",
            "2:1",
            "invalid value `key` for `allow-reveal`: expected the name of a secret",
        ),
        ("[Options]\ngrants: a.toml\nGET /callback\n", "2:9", "expected a file such as"),
        ("[Options]\ngrants: file,a.toml;\nGET /callback\n", "2:14", "cannot read `a.toml`"),
        ("[Options]\ngrants: file,../a.toml;\nGET /callback\n", "2:14", "invalid file name"),
    ] {
        let told = tested("parse", case, 1);
        let start = format!("FAILED  ./a.case\n    ./a.case:{place}: ");
        assert!(told.starts_with(&start) && told.contains(message), "{case:?}: {told}");
        assert!(told.ends_with("\n0 passed, 1 failed\n"), "{told}");
    }
}

#[test]
fn a_case_that_is_not_text_or_is_too_large_fails() {
    let folder = folder("garbage", &[("good.case", "GET /callback\nHTTP 400\n")]);
    fs::write(folder.join("a.case"), b"GET /callback\nHTTP \xff\xfe").unwrap();
    fs::write(folder.join("b.case"), b"GET /\0").unwrap();
    fs::write(folder.join("c.case"), vec![b'\n'; (4 << 20) + 1]).unwrap();
    let finished = host(&folder, "default").finish().code(1);
    assert_eq!(
        finished.stdout,
        "FAILED  ./a.case\n    ./a.case:2:6: expected UTF-8 text\n\
         FAILED  ./b.case\n    ./b.case:1:6: expected UTF-8 text\n\
         FAILED  ./c.case\n    ./c.case:1: cannot read the case: it is larger than 4 MiB\n\
         ok      ./good.case\n\n1 passed, 3 failed\n"
    );
}
