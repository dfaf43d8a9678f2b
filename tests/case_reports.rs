//! The reports of `host test`.

use std::fs;

use serde_json::Value;

use crate::support::cases::{folder, host};
use crate::support::guest;

#[test]
fn a_failed_case_reports_every_mismatch() {
    let page = guest::page("reports", 200, &[("content-type", "text/plain")], "one\ntwo\n");
    let case = "# A comment\n\nGET /callback?code=abc\n\nHTTP 400\nX-A: b\n[Asserts]\nbody contains \"three\"\n\
        body contains \"four\"\n[Success]\ncode: other\n\nGET /favicon.ico\nHTTP 200\n";
    let finished = host(&folder("told", &[("a.case", case)]), page).finish().code(1);
    assert_eq!(
        finished.stdout,
        "FAILED  ./a.case\n\
        \x20   ./a.case:5: expected status 400, got 200\n\
        \x20   ./a.case:6: missing header field `x-a`\n\
        \x20       -x-a: b\n\
        \x20   ./a.case:8: `body contains \"three\"` failed\n\
        \x20       one\n\
        \x20       two\n\
        \x20   ./a.case:9: `body contains \"four\"` failed\n\
        \x20   ./a.case:10: the exchange ended differently\n\
        \x20       -[Success]\n\
        \x20       -code: other\n\
        \x20       +[Pending]\n\
        \x20   ./a.case:14: expected status 200, got 404\n\
        \x20       the host refused the request before the guest saw it (path): There is no page at this address.\n\
        \n0 passed, 1 failed\n"
    );
}

#[test]
fn an_assert_about_a_missing_or_incomparable_value_says_so() {
    let page = guest::page("no-number", 200, &[("content-type", "text/plain")], "one");
    let case = "GET /callback\nHTTP 200\n[Asserts]\nbody < 3\noutcome \"code\" == \"abc\"\n";
    let finished = host(&folder("no-number", &[("a.case", case)]), page).finish().code(1);
    assert_eq!(
        finished.stdout,
        "FAILED  ./a.case\n\
        \x20   ./a.case:4: `body < 3`: expected a whole number\n\
        \x20       one\n\
        \x20   ./a.case:5: `outcome \"code\" == \"abc\"`: the reply has no such value\n\
        \n0 passed, 1 failed\n"
    );
}

/// A snapshot is compared after the last request.
#[test]
fn failures_are_reported_in_the_order_of_their_lines() {
    let case = "GET /callback\n\nGET /callback\n\nHTTP 200\n";
    let stdout = host(&folder("order", &[("a.case", case)]), "default").finish().code(1).stdout;
    let at = |place: &str| stdout.find(place).unwrap();
    assert!(at("a.case:1: missing expectation") < at("a.case:5: expected status"), "{stdout}");
}

#[test]
fn json_prints_one_object_per_case_and_a_summary() {
    let files = [("a.case", "GET /callback\nHTTP 200\n"), ("b.case", "GET /callback\nHTTP 400\n")];
    let finished =
        host(&folder("json", &files), "default").args(["--format", "json"]).finish().code(1);
    let lines: Vec<Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["case"], &lines[0]["passed"]), (&"./a.case".into(), &false.into()));
    assert_eq!(lines[0]["failures"][0]["line"], 2);
    assert_eq!(lines[0]["failures"][0]["message"], "expected status 200, got 400");
    assert_eq!(lines[1]["passed"], true);
    assert_eq!(lines[2], serde_json::json!({ "passed": 1, "failed": 1 }));
}

#[test]
fn the_junit_report_is_valid_xml_with_every_result() {
    let page =
        guest::page("cases-junit", 200, &[("content-type", "text/plain")], "<&\u{1b}]]>\u{fffe}");
    let files =
        [("a.case", "GET /callback\nHTTP 200\n`<&>`\n"), ("b.case", "GET /callback\nHTTP 200\n")];
    let folder = folder("junit", &files);
    fs::write(folder.join("a.case"), "GET /callback\nHTTP 200\n`<&>`\n[Asserts]\nbody == \"\"\n")
        .unwrap();
    host(&folder, page).args(["--junit", "out.xml"]).finish().code(1);
    let xml = fs::read_to_string(folder.join("out.xml")).unwrap();
    assert!(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\""), "{xml}");
    assert!(xml.contains("name=\"./b.case\""), "{xml}");
    assert!(xml.ends_with("</testsuites>\n"), "{xml}");
    assert!(xml.contains("<failure message=\"the body differs\">"), "{xml}");
    assert!(
        xml.contains(
            "./a.case:5: `body == &quot;&quot;`: got `&lt;&amp;\\u{1b}]]&gt;\u{fffd}`\n</failure>"
        ),
        "{xml}"
    );
    assert!(!xml.contains(['\u{1b}', '\u{fffe}']), "{xml}");
    let unwritable =
        host(&folder, "default").args(["--junit", "/nowhere/out.xml"]).finish().code(5);
    assert!(unwritable.stderr.starts_with("error: cannot write `/nowhere/out.xml`: "));
}

#[test]
fn color_always_prints_colors() {
    let files = [("a.case", "GET /callback\nHTTP 200\n")];
    let told = host(&folder("colour", &files), "default").args(["--color", "always"]).finish();
    assert!(told.code(1).stdout.starts_with("\u{1b}[31mFAILED \u{1b}[0m ./a.case\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_exit_with_5() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let files = [("a.case", "GET /callback\nHTTP 400\n")];
    let finished = host(&folder("full", &files), "default").stdout(full).finish().code(5);
    assert!(
        finished.stderr.starts_with("error: cannot write the results: "),
        "{}",
        finished.stderr
    );
}

/// The reader may have seen enough, such as `head -1`.
#[test]
fn results_that_nobody_reads_keep_their_exit_code() {
    for (status, code) in [(400, 0), (200, 1)] {
        let case = format!("GET /callback\nHTTP {status}\n");
        let folder = folder("unread", &[("a.case", case.as_str())]);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        host(&folder, "default").stdout(writer).finish().code(code).stderr("");
    }
}

#[test]
fn watch_runs_the_cases_again_after_a_change() {
    let folder = folder("watch", &[("a.case", "GET /callback\nHTTP 400\n")]);
    let guest = folder.join("guest.wasm");
    fs::copy(guest::built("hello"), &guest).unwrap();
    let host = host(&folder, "guest.wasm").arg("--watch").start_unseen();
    host.wait_for_line("waiting for changes; press Ctrl-C to stop");
    fs::write(&guest, b"no guest").unwrap();
    host.wait_for_line("error: the guest `guest.wasm` is not WebAssembly");
    fs::copy(guest::built("hello"), &guest).unwrap();
    fs::remove_file(folder.join("a.case")).unwrap();
    host.wait_for_line("error: no cases in the folder `.`");
}

#[test]
fn ten_thousand_cases_are_reported_in_order() {
    let folder = folder("many", &[]);
    for number in 0..10_000 {
        let case = format!("GET /callback?code={number}\nHTTP 200\n[Success]\ncode: {number}\n");
        fs::write(folder.join(format!("{number:05}.case")), case).unwrap();
    }
    let stdout = host(&folder, "default").finish().code(0).stdout;
    let expected: String =
        (0..10_000).map(|number| format!("ok      ./{number:05}.case\n")).collect();
    assert!(stdout == expected + "\n10000 passed, 0 failed\n");
    fs::remove_dir_all(&folder).unwrap();
}

/// The output of a test run may be next to the guest and the cases, and must not start another run.
#[test]
fn watch_ignores_files_that_no_case_reads() {
    let folder = folder(
        "watch-only",
        &[("a.case", "POST /callback\nfile,form.txt;\nHTTP 400\n"), ("form.txt", "x")],
    );
    let guest = folder.join("guest.wasm");
    fs::copy(guest::built("hello"), &guest).unwrap();
    let host = host(&folder, "guest.wasm").args(["--watch", "--filter", "nothing"]).start_unseen();
    host.wait_for_line("waiting for changes; press Ctrl-C to stop");
    fs::write(folder.join("out.log"), "x").unwrap();
    fs::write(folder.join("out.xml"), "x").unwrap();
    fs::remove_file(folder.join("a.case")).unwrap();
    host.wait_for_line("error: no cases in the folder `.`");
    let runs = host.stderr().matches("error: ").count();
    assert_eq!(runs, 2, "{}", host.stderr());
}
