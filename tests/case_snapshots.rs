//! The snapshots of `host test`, and `--bless`, which writes them.

use std::fs;

use crate::support::cases::{folder, host};
use crate::support::guest;

#[test]
fn bless_writes_a_snapshot_that_later_runs_compare() {
    let folder =
        folder("snapshot", &[("a.case", "GET /callback?code=abc\n\nGET /callback\nHTTP 409\n")]);
    let snapshot = folder.join("a.snap");
    let unblessed = host(&folder, "default").finish().code(1);
    assert!(
        unblessed
            .stdout
            .contains("./a.case:1: missing expectation: add `HTTP 200` below the request"),
        "{}",
        unblessed.stdout
    );
    assert!(!snapshot.exists());
    let blessed = host(&folder, "default").arg("--bless").finish().code(0);
    assert_eq!(blessed.stdout, "blessed ./a.case\n\n1 passed, 0 failed\n");
    let text = fs::read_to_string(&snapshot).unwrap();
    assert!(text.starts_with("GET /callback?code=abc\n\nHTTP 200 OK\n"), "{text}");
    assert!(text.ends_with("\n[Success]\ncode: abc\n"), "{text}");
    let good = "ok      ./a.case\n\n1 passed, 0 failed\n";
    host(&folder, "default").finish().code(0).stdout(good);
    host(&folder, "default").arg("--bless").finish().code(0).stdout(good);
    fs::write(&snapshot, text.replace("HTTP 200", "HTTP 201")).unwrap();
    let told = host(&folder, "default").finish().code(1).stdout;
    assert!(
        told.contains("the reply differs from the snapshot `./a.snap`; accept it with `--bless`"),
        "{told}"
    );
    assert!(told.contains("        -HTTP 201 OK\n        +HTTP 200 OK\n"), "{told}");
    fs::write(&snapshot, b"\xff nonsense \x1b[2J").unwrap();
    let told = host(&folder, "default").finish().code(1).stdout;
    assert!(told.contains("-\u{fffd} nonsense \\u{1b}[2J\n"), "{told}");
    fs::remove_file(&snapshot).unwrap();
    fs::create_dir(&snapshot).unwrap();
    let told = host(&folder, "default").arg("--bless").finish().code(1).stdout;
    assert!(told.contains("cannot read the snapshot `./a.snap`"), "{told}");
}

#[test]
fn a_failed_case_is_not_blessed() {
    let case = "GET /callback\n\nGET /callback?code=abc\nHTTP 404\n";
    let folder = folder("not-blessed", &[("a.case", case)]);
    host(&folder, "default").arg("--bless").finish().code(1);
    assert!(!folder.join("a.snap").exists());
}

#[test]
fn a_case_that_fails_under_strict_is_not_blessed() {
    let case = "[Answer]\nGET https://a.example\nHTTP 200\n\nGET /callback\n";
    let folder = folder("strict-bless", &[("a.case", case)]);
    host(&folder, "default").args(["--strict", "--bless"]).finish().code(1);
    assert!(!folder.join("a.snap").exists());
}

#[test]
fn a_guest_failure_is_not_blessed() {
    let folder = folder("bless-trap", &[("a.case", "GET /callback\n")]);
    let told = host(&folder, guest::from_wat("trap")).arg("--bless").finish().code(1).stdout;
    assert!(
        told.contains(
            "./a.case:1: the guest failed: if it should fail, add `HTTP 500` below the request\n"
        ),
        "{told}"
    );
    assert!(!folder.join("a.snap").exists());
}

#[test]
fn an_unused_snapshot_is_a_warning() {
    let files = [("a.case", "GET /callback\nHTTP 400\n"), ("a.snap", "old")];
    let folder = folder("stale", &files);
    let told = host(&folder, "default").finish().code(0).stdout;
    assert!(
        told.contains(
            "    ./a.case:1: warning: unused snapshot `./a.snap`: no request of this case is compared with it\n"
        ),
        "{told}"
    );
    host(&folder, "default").arg("--strict").finish().code(1);
}
