//! What a case makes no sense of: a failure, with its place.

use std::fs;

use crate::support::cases::{folder, host, tested};

#[test]
fn what_does_not_parse_is_a_failure_with_line_and_column() {
    for (case, place, message) in [
        (
            "GET /callback\n[Asserts]\nstatus == 200\n",
            "2: column 1",
            "an expectation begins with `HTTP 200`",
        ),
        ("GET /callback\n[Qurey]\na: b\n", "2: column 1", "a request has no `[Qurey]`"),
        (
            "GET /callback\nHTTP 200\n[Config]\na: b\n",
            "3: column 1",
            "this belongs before the first request",
        ),
        (
            "GET /callback\nHTTP 200 body contains \"x\"\n",
            "2: column 10",
            "what is expected beside the status stands below it",
        ),
        (
            "POST /callback\n`a`\n[Form]\na: b\n",
            "3: column 1",
            "a request has a form or a body, not both",
        ),
        ("POST /callback\n```Hello```\n", "2: column 1", "begins in the line below"),
        (
            "POST /callback\nfile,/etc/passwd;\n",
            "2: column 6",
            "a file is named as it is beside the case",
        ),
        ("POST /callback\nfile,../x;\n", "2: column 6", "a file is named as it is beside the case"),
        ("POST /callback\ncode=abc\n", "2: column 1", "expected `name: value`; a body stands in"),
        ("[Options]\nseed: 1\nseed: 2\nGET /callback\n", "3: column 1", "`seed` is given twice"),
        ("[Config]\na: 1\n[Config]\na: 2\nGET /callback\n", "4: column 1", "`a` is given twice"),
        ("[Session]\nstate: 1\nstate: 1\nGET /callback\n", "3: column 1", "`state` is given twice"),
        (
            "[Answer]\nGET https://a\nHTTP *\nGET /callback\n",
            "3: column 1",
            "an answer has one status",
        ),
        (
            "[Answer]\nGET https://a\nHTTP 200\n[Delay]\n1s\n[Delay]\n1s\nGET /callback\n",
            "6: column 1",
            "an answer has one delay",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nheader \"a b\" exists\n",
            "4: column 8",
            "`a b` is no name of a header field",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nstatus == \"two\"\n",
            "4: column 11",
            "expected a number",
        ),
        ("", "1: column 1", "there is no request in this case"),
        ("# nothing\n\n", "2: column 1", "there is no request in this case"),
        ("get /callback\n", "1: column 1", "expected a request, e.g. `GET /callback?code=abc`"),
        ("GET callback\n", "1: column 5", "`callback` is no target of a request"),
        ("GET /a b\n", "1: column 7", "a space in a target is written `%20`"),
        ("GET /a HTTP/2\n", "1: column 7", "a request is `METHOD TARGET`"),
        ("GET /callback\nno header\n", "2: column 1", "expected `name: value`"),
        ("GET /callback\na b: c\n", "2: column 1", "`a b` is no name of a header field"),
        ("GET /callback\n: c\n", "2: column 1", "expected a name before the `:`"),
        (
            "POST /callback\n`a`\n`b`\n",
            "3: column 1",
            "a request has one body, and this is another",
        ),
        (
            "POST /callback\n[Form]\na: b\n`b`\n",
            "4: column 1",
            "a request has a form or a body, not both",
        ),
        ("POST /callback\n```\nabc\n", "2: column 1", "the body has no closing \"```\""),
        ("POST /callback\n`abc\n", "2: column 1", "the body has no closing \"`\""),
        ("POST /callback\n{ \"a\": }\n", "2: column 8", "not valid JSON"),
        ("POST /callback\n{\n\"a\": 1 b\n}\n", "3: column 8", "not valid JSON"),
        ("POST /callback\n{ \"é\" x }\n", "2: column 7", "not valid JSON"),
        ("POST /callback\n{} x\n", "2: column 1", "there is something after the end of the JSON"),
        ("POST /callback\nfile,nope.txt;\n", "2: column 6", "cannot read `nope.txt`"),
        ("POST /callback\nfile,nope.txt\n", "2: column 1", "such a body ends with a `;`"),
        ("POST /callback\nbase64,!;\n", "2: column 8", "not valid base64"),
        ("GET /callback\nHTTP two\n", "2: column 6", "`two` is no status code"),
        ("GET /callback\nHTTP 20\n", "2: column 6", "`20` is no status code"),
        ("GET /callback\nHTTP 200\n[Assert]\n", "3: column 2", "a response has no `[Assert]`"),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nstate == 1\n",
            "4: column 1",
            "nothing is called `state`",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nbody has \"x\"\n",
            "4: column 6",
            "there is no `has`",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nbody contains x\n",
            "4: column 15",
            "expected a string in double quotes",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nbody contains \"x\n",
            "4: column 15",
            "expected a string in double quotes",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nbody contains \"\\x\"\n",
            "4: column 15",
            "not a valid string",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nbody matches /(/\n",
            "4: column 14",
            "not a regular expression",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nstatus == 1 2\n",
            "4: column 13",
            "after the end of the assert",
        ),
        (
            "GET /callback\nHTTP 200\n[Asserts]\nstatus < \"x\"\n",
            "4: column 10",
            "expected a number",
        ),
        ("GET /callback\nHTTP 200\n[Asserts]\nbody\n", "4: column 1", "expected one of `==`"),
        (
            "GET /callback\nHTTP 200\n[Pending]\n[Success]\na: b\n",
            "4: column 1",
            "a request has one end, and this is another",
        ),
        (
            "[Setup]\nGET /callback\n",
            "1: column 2",
            "before the first request, there is no `[Setup]`",
        ),
        ("[Options]\ncolour: red\nGET /callback\n", "2: column 1", "there is no option `colour`"),
        (
            "[Options]\nclock: yesterday\nGET /callback\n",
            "2: column 1",
            "`yesterday` is no `clock`",
        ),
        ("[Options]\nseed: -1\nGET /callback\n", "2: column 1", "`-1` is no `seed`"),
        ("[Options]\nallow-page: all\nGET /callback\n", "2: column 1", "`all` is no `allow-page`"),
        (
            "[Options]\nmax-memory: much\nGET /callback\n",
            "2: column 1",
            "`much` is no `max-memory`",
        ),
        (
            "[Options]\nmax-stack: 1MiB\nGET /callback\n",
            "2: column 1",
            "`max-stack` is the same for all cases",
        ),
        ("[Session]\ncookie: x\nGET /callback\n", "2: column 1", "the session has no `cookie`"),
        (
            "[Answer]\nGET /token\nHTTP 200\nGET /callback\n",
            "2: column 5",
            "an answer is for an absolute URL",
        ),
        (
            "[Answer]\nGET https://a\nGET /callback\n",
            "2: column 1",
            "this answer has no `HTTP STATUS` and no `FAULT NAME`",
        ),
        (
            "[Answer]\nGET https://a\nFAULT \nGET /callback\n",
            "3: column 6",
            "there is no fault ``; there are",
        ),
        (
            "[Answer]\nGET https://a\nFAULT bad-luck\nGET /callback\n",
            "3: column 7",
            "there is no fault `bad-luck`; there are `HTTP-request-denied`",
        ),
        (
            "[Answer]\nGET https://a\nHTTP 200\n[Delay]\nsoon\nGET /callback\n",
            "5: column 1",
            "expected a time, e.g. `50ms`",
        ),
        ("[Answer]\nHTTP 200\nGET /callback\n", "2: column 1", "expected a request"),
    ] {
        let told = tested("parse", case, 1);
        let start = format!("FAILED  ./a.case\n    ./a.case:{place}: ");
        assert!(told.starts_with(&start) && told.contains(message), "{case:?}: {told}");
        assert!(told.ends_with("\n0 passed, 1 failed\n"), "{told}");
    }
}

#[test]
fn what_is_no_text_is_a_failure_too() {
    let folder = folder("garbage", &[("good.case", "GET /callback\nHTTP 400\n")]);
    fs::write(folder.join("a.case"), b"GET /callback\nHTTP \xff\xfe").unwrap();
    fs::write(folder.join("b.case"), b"GET /\0").unwrap();
    fs::write(folder.join("c.case"), vec![b'\n'; (4 << 20) + 1]).unwrap();
    let finished = host(&folder, "default").finish().code(1);
    assert_eq!(
        finished.stdout,
        "FAILED  ./a.case\n    ./a.case:2: column 6: this is no UTF-8 text\n\
         FAILED  ./b.case\n    ./b.case:1: column 6: this is no UTF-8 text\n\
         FAILED  ./c.case\n    ./c.case:1: cannot be read: it is larger than 4 MiB\n\
         ok      ./good.case\n\n1 passed, 3 failed\n"
    );
}
