//! The structure of the project: dependencies in one direction, and each external crate only in its modules.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The order of the modules in `host/src/lib.rs`.
struct Order {
    /// From left to right. A module uses only modules to its right.
    flow: Vec<String>,
    /// Every module may use these.
    everywhere: Vec<String>,
}

impl Order {
    fn read() -> Self {
        let lib = fs::read_to_string(Path::new(ROOT).join("host/src/lib.rs")).unwrap();
        let comments: Vec<_> = lib.lines().filter_map(|line| line.strip_prefix("// ")).collect();
        let comments = comments.join("\n");
        let (_, order) = comments.split_once("Modules, left to right; ").unwrap();
        let (_, order) = order.split_once(":\n").unwrap();
        let (flow, everywhere) = order.split_once("Named from everywhere:").unwrap();
        let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        Self { flow: names(flow), everywhere: names(everywhere.lines().next().unwrap()) }
    }
}

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

/// The module of each file in `host/src`, and its code without comments and tests. A module of the program is
/// `host/NAME`.
fn modules() -> Vec<(String, String)> {
    let source = Path::new(ROOT).join("host/src");
    let of = |path: &PathBuf| {
        let path_in_source = path.strip_prefix(&source).unwrap();
        let (prefix, rest) = match path_in_source.strip_prefix("bin/host") {
            Ok(rest) => ("host/", rest),
            Err(_) => ("", path_in_source),
        };
        let first = rest.iter().next().unwrap().to_str().unwrap();
        let module = format!("{prefix}{}", first.trim_end_matches(".rs"));
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().lines();
        let code = code.filter(|line| !line.trim_start().starts_with("//"));
        (module, code.collect::<Vec<_>>().join("\n"))
    };
    rust_files("host/src").iter().map(of).collect()
}

/// The program and the modules that re-export others may use every module.
#[test]
fn a_module_uses_only_modules_to_its_right() {
    let Order { flow, everywhere } = Order::read();
    let modules = modules();
    for listed in flow.iter().chain(&everywhere) {
        assert!(modules.iter().any(|(module, _)| module == listed), "missing module `{listed}`");
    }
    for (module, code) in modules {
        let Some(place) = flow.iter().position(|name| *name == module) else {
            let is_free = module.starts_with("host/") || ["lib", "internals"].contains(&&*module);
            assert!(
                is_free || everywhere.contains(&module),
                "module `{module}` is missing from the order"
            );
            continue;
        };
        for named in code.split("crate::").skip(1) {
            let name: String =
                named.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let is_allowed = flow[place..].contains(&name) || everywhere.contains(&name);
            assert!(is_allowed, "`{module}` uses `{name}`, which is to its left");
        }
    }
}

#[test]
fn each_external_crate_is_used_only_in_its_modules() {
    let places: [(&str, &[&str]); 12] = [
        ("anstyle", &["host/commands", "host/console", "host/screen"]),
        ("chacha20", &["sandbox"]),
        ("clap", &["host/cli", "host/main"]),
        ("etcetera", &["sandbox"]),
        ("hyper", &["server", "request", "reply", "testing", "egress"]),
        ("rustls", &["egress", "server"]),
        ("socket2", &["server"]),
        ("std::process", &["host/exit", "host/main", "sandbox", "testing"]),
        ("terminal_size", &["host/screen"]),
        ("tokio::signal", &["shutdown"]),
        ("wasmtime", &["sandbox"]),
        ("webbrowser", &["browser"]),
    ];
    for (module, code) in modules() {
        for (library, allowed) in places {
            let names =
                code.contains(&format!("{library}::")) || code.contains(&format!("use {library}"));
            assert!(!names || allowed.contains(&module.as_str()), "`{module}` uses {library}");
        }
    }
}

/// All waits use the monotonic clock, because a change of the wall clock must not make them longer.
#[test]
fn the_wall_clock_is_used_only_for_timestamps() {
    for (module, code) in modules() {
        let looks = code.contains("SystemTime");
        assert!(
            !looks
                || ["event", "host/journal", "identity", "sandbox", "testing"].contains(&&*module),
            "{module}"
        );
    }
}

#[test]
fn no_unfinished_code_is_left() {
    // The words are built at run time, so that the search does not match this file.
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
