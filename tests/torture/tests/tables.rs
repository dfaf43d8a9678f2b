//! The tables of `README.md` show what `callback-torture` prints.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use std::env;
use std::path::Path;
use std::process::Command;
use std::thread;

const README: &str = include_str!("../README.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// How long each command may take, in seconds.
const DEADLINE: &str = "120";
/// The rows of the Go program that sometimes pass: those where the page arrives before the listener closes.
const RACES: [&str; 2] = ["HEAD first", "OPTIONS first"];

/// Run the commands of each section. The sections run at the same time, because they mostly wait.
#[test]
#[ignore = "needs `host`, Go and google-auth-oauthlib: see `.ci/run`"]
fn each_program_gets_the_results_that_the_readme_shows() {
    let (_, results) = README.split_once("\n## Results\n").unwrap();
    let (results, _) = results.split_once("\n## ").unwrap();
    let sections: Vec<&str> = results.split("\n### ").skip(1).collect();
    assert_eq!(sections.len(), 3, "{sections:#?}");
    thread::scope(|scope| {
        for section in sections {
            let races: &[&str] = if section.starts_with("The Go program") { &RACES } else { &[] };
            let blocks = section.split("```text\n").skip(1);
            scope.spawn(move || blocks.for_each(|block| check(block, races)));
        }
    });
}

/// Run the commands of a block, and compare the table that the last one prints with the table in the block.
#[track_caller]
fn check(block: &str, races: &[&str]) {
    let (block, _) = block.split_once("```").unwrap();
    let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
    let mut output = String::new();
    // A test must not install packages.
    for command in commands.filter(|command| !command.starts_with("pip ")) {
        output = run(command);
    }
    assert_eq!(rows(&output, races), rows(block, races), "{output}");
}

/// Run a command in the root of the repository, and return its standard output.
#[track_caller]
fn run(command: &str) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_callback-torture")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), env::var("PATH").unwrap());
    let output = Command::new("timeout")
        .args([DEADLINE, "sh", "-c", command])
        .current_dir(ROOT)
        .env("PATH", path)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap();
    // `callback-torture` exits with 1 if a row failed.
    let is_finished = matches!(output.status.code(), Some(0 | 1));
    assert!(is_finished, "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The shape and the result of each row of a table. What was seen differs between runs.
fn rows<'a>(text: &'a str, races: &[&str]) -> Vec<(&'a str, &'a str)> {
    let table = text.lines().skip_while(|line| !line.starts_with("SHAPE ")).skip(1);
    let rows = table.take_while(|line| !line.is_empty()).map(|line| {
        let mut columns = line.split("  ").map(str::trim).filter(|column| !column.is_empty());
        (columns.next().unwrap(), columns.next().unwrap())
    });
    rows.filter(|(shape, _)| !races.contains(shape)).collect()
}
