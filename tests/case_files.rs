//! The files next to a case. A case may come from a stranger, so `host test` reads and writes nothing outside of its
//! folder.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::cases::{folder, host, pipe};
use crate::support::guest;
use crate::support::host::Host;

/// A case whose only expectation is its snapshot.
const OPEN: &str = "GET /callback?code=abc\n";

#[test]
fn a_snapshot_behind_a_symlink_is_neither_shown_nor_written() {
    let folder = folder("snapshot-link", &[("a.case", OPEN)]);
    let outside = guest::write("snapshot-outside", b"hunter2\n");
    let snapshot = folder.join("a.snap");
    let missing = outside.with_extension("missing");
    let _ = fs::remove_file(&missing);
    for target in [&outside, &missing] {
        symlink(target, &snapshot).unwrap();
        for bless in [false, true] {
            let run = host(&folder, "default").args(bless.then_some("--bless"));
            let told = run.finish().code(1).stdout;
            let message = "./a.case:1: cannot read the snapshot `./a.snap`: it is a symbolic link";
            assert!(told.contains(message) && !told.contains("hunter2"), "{told}");
        }
        assert_eq!(fs::read(&outside).unwrap(), b"hunter2\n");
        assert!(!missing.exists());
        fs::remove_file(&snapshot).unwrap();
    }
    // Counter-check: a regular file is shown and written.
    fs::copy(&outside, &snapshot).unwrap();
    assert!(host(&folder, "default").finish().code(1).stdout.contains("-hunter2\n"));
    host(&folder, "default").arg("--bless").finish().code(0);
    assert!(fs::read_to_string(&snapshot).unwrap().starts_with(OPEN));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "a temporary file was left behind");
    // A hard link is replaced too, and the file that it shares is not changed.
    fs::remove_file(&snapshot).unwrap();
    fs::hard_link(&outside, &snapshot).unwrap();
    host(&folder, "default").arg("--bless").finish().code(0);
    assert_eq!(fs::read(&outside).unwrap(), b"hunter2\n");
}

/// A request whose body is in a file.
fn with_body(file: &str) -> String {
    format!(
        "POST /callback\nContent-Type: application/x-www-form-urlencoded\nfile,{file};\nHTTP 200\n"
    )
}

#[test]
fn a_body_file_outside_the_folder_of_the_case_is_not_read() {
    let outside = guest::write("body-outside", b"code=hunter2");
    let folder = folder("body-link", &[("body", "code=abc")]);
    fs::create_dir(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/body"), "code=abc").unwrap();
    symlink(&outside, folder.join("link")).unwrap();
    symlink(outside.parent().unwrap(), folder.join("away")).unwrap();
    pipe(&folder, "pipe");
    for (file, message) in [
        ("link", "it is a symbolic link"),
        ("away/body-outside", "it is a symbolic link"),
        ("pipe", "not a regular file"),
        ("sub", "is a directory"),
        ("../body-outside", "invalid file name: expected a relative path without `..`"),
        (outside.to_str().unwrap(), "invalid file name: expected a relative path without `..`"),
    ] {
        fs::write(folder.join("a.case"), with_body(file)).unwrap();
        let told = host(&folder, "default").finish().code(1).stdout;
        assert!(told.contains("./a.case:3:6: ") && told.contains(message), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    // Counter-check: files in the folder and below are read.
    for file in ["body", "sub/body"] {
        let case = with_body(file) + "[Success]\ncode: abc\n";
        fs::write(folder.join("a.case"), case).unwrap();
        host(&folder, "default").finish().code(0);
    }
}

#[test]
fn a_case_that_is_a_symlink_or_a_pipe_fails_and_the_others_run() {
    let outside = guest::write("case-outside", b"hunter2\n");
    let folder = folder("case-link", &[("good.case", "GET /callback\nHTTP 400\n")]);
    symlink(&outside, folder.join("a.case")).unwrap();
    symlink("good.case", folder.join("b.case")).unwrap();
    pipe(&folder, "c.case");
    let told = host(&folder, "default").finish().code(1).stdout;
    let link = "cannot read the case: it is a symbolic link, and links are not followed here";
    assert_eq!(
        told,
        format!(
            "FAILED  ./a.case\n    ./a.case:1: {link}\nFAILED  ./b.case\n    ./b.case:1: {link}\n\
             FAILED  ./c.case\n    ./c.case:1: cannot read the case: not a regular file\n\
             ok      ./good.case\n\n1 passed, 3 failed\n"
        )
    );
    // A shell may have expanded `*.case` to this name, so naming the link does not mean that it is intended.
    let named = Host::bare().args(["test", "default", "a.case"]).current_dir(&folder).finish();
    let told = named.code(1).stdout;
    assert!(told.contains(link) && !told.contains("hunter2"), "{told}");
}

#[test]
fn a_report_is_not_written_through_a_symlink() {
    let folder = folder("junit-link", &[("a.case", "GET /callback?code=abc\nHTTP 200\n")]);
    let outside = guest::write("junit-outside", b"hunter2\n");
    let report = folder.join("report.xml");
    let run = || host(&folder, "default").args(["--junit", "report.xml"]);
    let refused = || {
        let told = run().finish().code(5).stderr;
        assert!(told.contains("cannot write `report.xml`: not a regular file"), "{told}");
        fs::remove_file(&report).unwrap();
    };
    symlink(&outside, &report).unwrap();
    refused();
    // The host does not wait for a reader of a pipe either.
    pipe(&folder, "report.xml");
    refused();
    // A hard link to the file outside is a regular file, and is replaced.
    fs::hard_link(&outside, &report).unwrap();
    run().finish().code(0);
    assert!(fs::read_to_string(&report).unwrap().contains("<testcase"));
    assert_eq!(fs::read(&outside).unwrap(), b"hunter2\n");
}
