//! The syntax of cases.

use crate::support::cases::{folder, host, tested};
use crate::support::guest;

#[test]
fn a_body_can_be_expected_in_every_form_and_a_mismatch_shows_a_diff() {
    let page = guest::page("cases-body", 200, &[("content-type", "text/plain")], "one\ntwo\n");
    let bodies = [
        ("fence.case", "```\none\ntwo\n```\n"),
        ("word.case", "```text\none\ntwo\n```\n"),
        ("file.case", "file,body.txt;\n"),
        ("base64.case", "base64,b25lCnR3bwo=;\n"),
    ];
    let case = |body: &str| format!("GET /callback\nHTTP 200\n{body}");
    let good = bodies.map(|(name, body)| (name, case(body)));
    let mut files: Vec<_> = good.iter().map(|(name, text)| (*name, text.as_str())).collect();
    files.push(("body.txt", "one\ntwo\n"));
    let (line, other) = (case("`one`\n"), case("```\none\n2\n```\n"));
    files.extend([("line.case", line.as_str()), ("other.case", other.as_str())]);
    let finished = host(&folder("bodies", &files), &page).finish().code(1);
    assert!(finished.stdout.contains("ok      ./base64.case\nok      ./fence.case\nok      ./file.case\nFAILED  ./line.case\n"), "{}", finished.stdout);
    let told = "./other.case:3: the body differs\n         one\n        -2\n        +two\n";
    assert!(finished.stdout.contains(told), "{}", finished.stdout);
    assert!(finished.stdout.ends_with("4 passed, 2 failed\n"), "{}", finished.stdout);
}

/// Test each predicate with an assertion that passes and one that fails.
#[test]
fn every_predicate_can_pass_and_fail() {
    for (good, bad) in [
        ("status == 200", "status == 201"),
        ("status != 201", "status != 200"),
        ("status < 300", "status < 200"),
        ("status <= 200", "status <= 199"),
        ("status > 199", "status > 200"),
        ("status >= 200", "status >= 201"),
        ("header \"Vary\" not exists", "header \"Vary\" exists"),
        (
            "header \"Content-Type\" startsWith \"text/\"",
            "header \"Content-Type\" startsWith \"image/\"",
        ),
        (
            "header \"content-type\" endsWith \"utf-8\"",
            "header \"content-type\" endsWith \"latin1\"",
        ),
        ("header \"Cache-Control\" == \"no-store\"", "header \"Vary\" == \"*\""),
        ("body contains \"You can close this tab\"", "body contains \"You cannot\""),
        ("body not contains \"<script\"", "body not contains \"<title>\""),
        ("body matches /<title>All d.ne here<\\/title>/", "body matches /<title>x/"),
        ("body matches \"(?s)^<!DOCTYPE.*</html>\\n*$\"", "body matches \"^$\""),
        ("outcome \"code\" == \"a\\\"b\"", "outcome \"code\" == \"ab\""),
        ("outcome \"code\" exists", "outcome \"state\" exists"),
        ("outcome \"nope\" not exists", "outcome \"code\" not exists"),
        ("refused not exists", "refused == \"state\""),
        ("failed not exists", "failed exists"),
        ("log == \"\"", "log contains \"x\""),
        ("outcome \"nope\" not exists", "outcome \"nope\" != \"x\""),
    ] {
        let case = |assert| format!("GET /callback?code=a%22b\nHTTP *\n[Asserts]\n{assert}\n");
        let files = [("bad.case", case(bad)), ("good.case", case(good))];
        let files = [0, 1].map(|at| (files[at].0, files[at].1.as_str()));
        let finished = host(&folder("predicates", &files), "default").finish().code(1);
        let told = format!("./bad.case:4: `{bad}`");
        assert!(finished.stdout.contains(&told), "{}", finished.stdout);
        assert!(
            finished.stdout.ends_with("ok      ./good.case\n\n1 passed, 1 failed\n"),
            "{good}: {}",
            finished.stdout
        );
    }
}

#[test]
fn indentation_crlf_and_a_byte_order_mark_are_accepted() {
    let case = "\u{feff}  GET /callback\r\n  [Query]\r\n  code: abc\r\n\r\n  HTTP 200 OK\r\n  [Success]\r\n  code: abc\r\n";
    assert_eq!(tested("people", case, 0), "ok      ./a.case\n\n1 passed, 0 failed\n");
}

/// A case writes invisible characters as escapes, as reports do. A value that contains the escape itself differs.
#[test]
fn an_escape_matches_only_the_character_that_it_stands_for() {
    for (query, value) in
        [("1%0A2", r"1\u{a}2"), (r"1%5Cu%7Ba%7D2", r"1\\u{a}2"), ("a%0D", r"a\u{d}")]
    {
        let case = |value: &str| {
            format!("GET /callback?code={query}\nHTTP 200\n[Success]\ncode: {value}\n")
        };
        tested("alike", &case(value), 0);
        tested("alike", &case(&value.replacen('\\', "", 1)), 1);
    }
}

#[test]
fn a_delay_also_applies_to_a_fault() {
    let case = "[Answer]\nGET https://a.example/\n[Delay]\n2s\nFAULT connection-refused\n\n\
        GET /callback?ask=https://a.example\nHTTP 200\n[Asserts]\nbody contains \"took: 2000 ms\"\n\
        body contains \"ConnectionRefused\"\n";
    let folder = folder("slow-fault", &[("a.case", case)]);
    host(&folder, guest::built("probe")).finish().code(0);
}

/// A real network would time out for this guest too.
#[test]
fn an_answer_after_the_timeout_of_the_guest_is_a_timeout() {
    let case = |patience: u32| {
        format!(
            "[Answer]\nGET https://a.example/\nHTTP 200\n[Delay]\n2s\n`late`\n\n\
             GET /callback?patience={patience}&ask=https://a.example\nHTTP 200\n[Asserts]\nbody contains \"ask: {}\"\n",
            if patience < 2000 { "ErrorCode::ConnectionReadTimeout" } else { "200 late" }
        )
    };
    let files = [("a.case", case(1000)), ("b.case", case(3000))];
    let files = [0, 1].map(|at| (files[at].0, files[at].1.as_str()));
    host(&folder("too-late", &files), guest::built("probe")).finish().code(0);
}
