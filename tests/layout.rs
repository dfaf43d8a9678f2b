//! The shape of the project: small modules, one direction, and each foreign library in its place.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The library's modules, left to right: a module names only modules to its right.
const FLOW: &[&str] = &[
    "flow",
    "testing",
    "run",
    "config",
    "template",
    "browser",
    "connections",
    "listener",
    "connection",
    "progress",
    "delivery",
    "peer",
    "once",
    "queue",
    "room",
    "event",
    "request",
    "sandbox",
    "reply",
    "limits",
    "variables",
    "redaction",
    "outcome",
    "outgoing",
    "session",
    "shutdown",
    "files",
    "visible",
];
/// Named by everybody.
const EVERYWHERE: [&str; 2] = ["error", "exit"];
/// The binary's own modules.
const BINARY: &[&str] =
    &["main", "cli", "commands", "console", "journal", "repeats", "report", "screen", "sink"];

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(ROOT).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.extension().is_some_and(|e| e == "rs") => files.push(path),
                _ => {}
            }
        }
    }
    files
}

/// The module of `host/src` that a file belongs to, and its code without comments and tests.
fn modules() -> Vec<(String, String)> {
    let source = Path::new(ROOT).join("host/src");
    let of = |path: &PathBuf| {
        let first = path.strip_prefix(&source).unwrap().iter().next().unwrap();
        let module = first.to_str().unwrap().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().lines();
        let code = code.filter(|line| !line.trim_start().starts_with("//"));
        (module, code.collect::<Vec<_>>().join("\n"))
    };
    rust_files("host/src").iter().map(of).collect()
}

#[test]
fn a_module_names_only_modules_to_its_right() {
    for (module, code) in modules() {
        let Some(place) = FLOW.iter().position(|name| *name == module) else {
            let known =
                EVERYWHERE.iter().chain(BINARY).any(|name| *name == module) || module == "lib";
            assert!(known, "`{module}` has no place in the flow");
            continue;
        };
        for named in code.split("crate::").skip(1) {
            let name: String =
                named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let right =
                FLOW[place..].contains(&name.as_str()) || EVERYWHERE.contains(&name.as_str());
            assert!(right, "`{module}` names `{name}`, which is to its left");
        }
    }
}

#[test]
fn each_foreign_library_has_its_place() {
    let places: [(&str, &[&str]); 7] = [
        ("clap", &["cli", "main"]),
        ("wasmtime", &["sandbox"]),
        ("hyper", &["connection", "request", "reply", "testing"]),
        ("webbrowser", &["browser"]),
        ("socket2", &["listener"]),
        ("tokio::signal", &["shutdown"]),
        ("std::process", &["main", "exit", "sandbox", "testing"]),
    ];
    for (module, code) in modules() {
        for (library, allowed) in places {
            let names =
                code.contains(&format!("{library}::")) || code.contains(&format!("use {library}"));
            assert!(!names || allowed.contains(&module.as_str()), "`{module}` names {library}");
        }
    }
}

/// Every wait is on the monotonic clock: one that a person sets back cannot make a wait longer.
#[test]
fn the_clock_on_the_wall_is_looked_at_to_tell_the_time_only() {
    for (module, code) in modules() {
        let looks = code.contains("SystemTime");
        assert!(
            !looks || ["event", "journal", "sandbox", "testing"].contains(&&*module),
            "{module}"
        );
    }
}

#[test]
fn modules_are_small() {
    for folder in ["host", "guest", "xtask", "tests"] {
        for file in
            rust_files(folder).iter().filter(|file| !file.iter().any(|part| part == "target"))
        {
            let lines = fs::read_to_string(file).unwrap().lines().count();
            assert!(lines <= 300, "{}: {lines} lines: the design wants a new noun", file.display());
        }
    }
}

#[test]
fn nothing_is_left_undone() {
    // Put together at run time, so that this file is not found.
    let words = ["to", "fix", "x", "db"].into_iter().zip(["do!", "me", "xx", "g!"]);
    let words: Vec<String> = words.map(|(a, b)| format!("{a}{b}")).collect();
    for folder in ["host", "guest", "xtask", "tests"] {
        for file in
            rust_files(folder).iter().filter(|file| !file.iter().any(|part| part == "target"))
        {
            let text = fs::read_to_string(file).unwrap().to_lowercase();
            for word in &words {
                assert!(!text.contains(word), "{}: {word}", file.display());
            }
        }
    }
}
