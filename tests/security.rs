//! `SECURITY.md` names an existing test for each claim.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The names of all tests: functions after `#[test]`, names listed in `tests!`, and the entries of test tables.
fn tests() -> HashSet<String> {
    let mut folders = vec![Path::new(ROOT).join("tests"), Path::new(ROOT).join("host/src")];
    let mut names = HashSet::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                for attribute in ["#[test]", "#[tokio::test]"] {
                    let after_attribute = text.split(attribute).skip(1).filter_map(|rest| {
                        let (_, name) = rest.split_once("fn ")?;
                        Some(name.split('(').next()?.to_owned())
                    });
                    names.extend(after_attribute);
                }
                let listed =
                    text.split("tests! {").skip(1).filter_map(|rest| rest.split('}').next());
                let listed = listed.flat_map(|list| list.split([' ', '\n', ',', ';']));
                names.extend(listed.filter(|name| is_name(name)).map(str::to_owned));
                let cases =
                    text.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(" ["));
                names.extend(cases.map(|(name, _)| name.to_owned()));
            }
        }
    }
    names
}

fn is_name(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[test]
fn every_claim_names_an_existing_test() {
    let tests = tests();
    let mut claims = 0;
    let rows = include_str!("../SECURITY.md").lines().filter(|line| line.starts_with("| "));
    for row in rows.filter(|row| !row.contains("held by") && !row.starts_with("| ---")) {
        let held_by = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let named: Vec<_> = held_by.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "this claim names no test: {row}");
        for name in named {
            assert!(is_name(name) && tests.contains(name), "missing test `{name}`");
            claims += 1;
        }
    }
    assert!(claims > 80, "SECURITY.md names only {claims} tests");
}

/// Counter-check for the search for names.
#[test]
fn a_missing_test_is_detected() {
    let tests = tests();
    for name in [
        "the_link_works_once",
        "crlf_value",
        "a_request_of_another_user_is_not_read",
        "a_redirect_is_not_followed",
    ] {
        assert!(tests.contains(name), "{name}");
    }
    // The second name is a function that is not a test.
    assert!(!tests.contains("the_link_works_twice") && !tests.contains("fails"));
}
