//! A guest that takes long to compile is announced.

use std::fs;
use std::path::PathBuf;

use crate::support::guest;
use crate::support::host::{Finished, Host};

/// A guest with so much code that no machine compiles it within half a second. `seed` makes its bytes, and so its entry
/// in the cache, unique.
fn large(seed: u32) -> PathBuf {
    let step = "(local.set 0 (i32.rotl (i32.mul (local.get 0) (i32.const 31)) (local.get 1)))\
                (if (i32.eqz (local.get 0)) (then (local.set 1 (i32.popcnt (local.get 0)))))";
    let body = step.repeat(10);
    let functions: String = (0..12_000)
        .map(|number| {
            format!("(func (param i32 i32) (result i32) {body} (i32.add (local.get 0) (i32.const {number})))")
        })
        .collect();
    guest::with_more("done", &format!("(func (result i32) (i32.const {seed})){functions}"))
}

/// A run with an empty cache of its own.
fn run(cache: &str, args: &[&str]) -> Host {
    let cache = guest::write(cache, b"").with_extension("cache");
    fs::create_dir_all(&cache).unwrap();
    Host::bare()
        .args(["run", "--events", "-", "--timeout", "1ms"])
        .args(args)
        .env("XDG_CACHE_HOME", cache)
}

fn compiling(finished: &Finished) -> Vec<&str> {
    let is_compiling = |line: &&str| line.contains("\"event\":\"compiling\"");
    finished.stderr.lines().filter(is_compiling).collect()
}

#[test]
fn a_guest_that_takes_long_to_compile_is_an_event_once_and_never_from_the_cache() {
    let guest = large(0);
    let guest = guest.to_str().unwrap();
    let first = run("compiling", &[guest]).finish().code(124);
    let [event] = compiling(&first)[..] else { panic!("{}", first.stderr) };
    let size = fs::metadata(guest).unwrap().len();
    assert!(event.ends_with(&format!("\"bytes\":{size}}}")), "{event}");
    assert!(first.stderr.lines().next() == Some(event), "{}", first.stderr);
    // Only a person at a terminal reads it.
    assert!(!first.stderr.contains("Compiling"), "{}", first.stderr);
    let second = run("compiling", &[guest]).finish().code(124);
    assert!(compiling(&second).is_empty(), "{}", second.stderr);
}

/// Counter-check: a small guest is not announced, even if it is compiled.
#[test]
fn a_small_guest_is_compiled_without_a_word() {
    let finished = run("compiling-small", &[]).finish().code(124);
    assert!(compiling(&finished).is_empty(), "{}", finished.stderr);
}

#[cfg(unix)]
#[test]
fn a_person_at_a_terminal_reads_what_takes_so_long() {
    use crate::support::terminal::Terminal;
    let guest = large(std::process::id());
    let guest = guest.to_str().unwrap();
    let output = Terminal::host(80, ["run", "--timeout", "1ms", guest]).finish(124);
    assert!(output.starts_with("Compiling the guest ("), "{output}");
    assert!(output.contains(" MB) ...\r\nWaiting for the callback at "), "{output}");
    let again = Terminal::host(80, ["run", "--timeout", "1ms", guest]).finish(124);
    assert!(again.starts_with("Waiting for the callback at "), "{again}");
}
