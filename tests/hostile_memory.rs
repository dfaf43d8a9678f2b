//! What a guest makes its host hold besides linear memory, and what is refused before it runs.

use std::path::Path;

#[cfg(target_os = "linux")]
use crate::hostile_guests::{GUEST_MEMORY, HOST_MEMORY};
use crate::hostile_guests::{attack, memory_is_bounded};
use crate::support::guest;
use crate::support::host::{Host, Running};

const MEMORY: &str = "the guest reached its limit of 64MiB of memory; raise it with `--max-memory`";
const INSTANCES: &str =
    "the guest reached its limit of 100 instances; raise it with `--max-instances`";
/// A build for tests is slow: what is tested here is not time.
const PATIENT: [&str; 4] = ["--max-cpu-time", "25s", "--max-wall-time", "25s"];

/// Run `tests/guests/<name>.wat`: the attack ends at `limit`, within memory, and the host goes on.
#[track_caller]
fn ends(name: &str, limit: &str) {
    let host = Host::run().arg(guest::from_wat(name)).args(PATIENT).start();
    // What one call took is given back before the next.
    for _ in 0..2 {
        let page = attack(&host);
        assert_eq!(page.status(), 500, "{name}: {}", page.head);
    }
    host.wait_for_line(&format!("warning: {limit}: still waiting"));
    memory_is_bounded(&host);
    assert_eq!(host.navigate("/callback?good").text(), "good", "{name}");
    host.finish().code(0).stdout("{\"good\":\"good\"}\n");
}

#[test]
fn strings_in_requests_that_are_not_sent() {
    ends("http-methods", MEMORY);
}

#[test]
fn bodies_that_are_not_sent() {
    ends("http-bodies", MEMORY);
}

#[test]
fn header_fields_with_large_values() {
    ends("http-fields", MEMORY);
}

#[test]
fn header_fields_with_many_names() {
    ends("many-fields", MEMORY);
}

#[test]
fn paths_and_authorities() {
    ends("http-authorities", MEMORY);
}

#[test]
fn a_list_of_pollables_without_end() {
    let limit =
        "the guest reached its limit of 1000 resource handles; raise it with `--max-handles`";
    ends("poll-many", limit);
}

#[test]
fn zeroes_without_end() {
    let host = Host::run().arg(guest::from_wat("zeroes")).start();
    assert_eq!(attack(&host).status(), 500);
    host.wait_for_line(
        "warning: the guest trapped: cannot write more zeroes than `check_write` allows",
    );
    memory_is_bounded(&host);
}

#[test]
fn a_large_configuration_again_and_again() {
    let values = (0..16).map(|n| format!("v{n} = \"{}\"\n", "y".repeat(50_000)));
    let file = guest::write("large-configuration.toml", values.collect::<String>().as_bytes());
    let host = Host::run().arg(guest::from_wat("get-all"));
    let host = host.arg("--config-file").arg(file).args(["--max-cpu-time", "500ms"]).start();
    assert_eq!(attack(&host).status(), 500);
    host.wait_for_line("warning: the guest reached its limit of 500ms of CPU time");
    memory_is_bounded(&host);
}

/// With a limit that is too high, the same guest takes what the limit saves.
#[cfg(target_os = "linux")]
#[test]
fn without_the_limit_the_host_would_hold_it_all() {
    let host = Host::run().arg(guest::from_wat("http-methods")).args(PATIENT);
    let host = host.args(["--max-memory", "1GiB", "--max-handles", "300"]).start();
    assert_eq!(attack(&host).status(), 500);
    host.wait_for_line("the guest reached its limit of 300 resource handles");
    assert!(host.peak_memory() > GUEST_MEMORY + HOST_MEMORY, "{}", host.peak_memory());
}

#[track_caller]
fn is_not_loaded(guest: &Path, args: &[&str], limit: &str) {
    let finished = Host::run().arg(guest).args(args).finish().code(3).stdout("");
    finished.stderr(&format!("error: cannot load the guest `{}`: {limit}\n", guest.display()));
}

/// It is loaded where it may take more.
#[track_caller]
fn is_loaded(guest: &Path, args: &[&str]) -> Running {
    Host::run().arg(guest).args(args).start()
}

#[test]
fn memory_at_start() {
    let guest = guest::from_wat("memory-at-start");
    is_not_loaded(&guest, &[], MEMORY);
    is_loaded(&guest, &["--max-memory", "128MiB"]);
}

#[test]
fn many_of_anything() {
    for more in ["(memory 0)", "(table 0 funcref)"] {
        let guest = guest::with_more("trap", &more.repeat(20));
        let limit = "the guest reached its limit of 10 instances; raise it with `--max-instances`";
        is_not_loaded(&guest, &["--max-instances", "10"], limit);
        is_loaded(&guest, &["--max-instances", "30"]);
    }
    let instances = "(core instance (instantiate $empty))".repeat(101);
    let guest = guest::component_with_more("trap", &format!("(core module $empty) {instances}"));
    is_not_loaded(&guest, &[], INSTANCES);
    is_loaded(&guest, &["--max-instances", "110"]);
}

/// A global takes 16 bytes of its instance.
#[test]
fn many_globals_in_many_instances() {
    let globals = "(global (mut i64) (i64.const 0))".repeat(60_000);
    let instances = "(core instance (instantiate $g))".repeat(90);
    let more = format!("(core module $g {globals}) {instances}");
    let guest = guest::component_with_more("trap", &more);
    is_not_loaded(&guest, &[], MEMORY);
    let host = is_loaded(&guest, &["--max-memory", "256MiB"]);
    assert_eq!(attack(&host).status(), 500);
    host.wait_for_line("wasm `unreachable` instruction executed");
}

/// A few kilobytes: each component instantiates the one in it twice.
#[test]
fn components_in_components() {
    let nested = |depth| {
        let around = |inner: String, _| {
            let twice = "(instance (instantiate $c))".repeat(2);
            format!("(component $c {inner} {twice})")
        };
        let nested = (0..depth).fold("(component $c)".to_owned(), around);
        guest::component_with_more("trap", &format!("{nested} (instance (instantiate $c))"))
    };
    is_not_loaded(&nested(20), &[], INSTANCES);
    is_loaded(&nested(4), &[]);
}

/// The same segment of elements for each of many instances.
#[test]
fn elements_that_are_copied_again_and_again() {
    let segment = format!("(elem (i32.const 0) func {})", "$f ".repeat(5_000));
    let segments = segment.repeat(20);
    let module = format!("(core module $e (func $f) (table 5000 funcref) {segments})");
    let instances = "(core instance (instantiate $e))".repeat(90);
    let guest = guest::component_with_more("trap", &format!("{module} {instances}"));
    let args = ["--max-table-elements", "1000000"];
    is_not_loaded(&guest, &args, MEMORY);
    is_loaded(&guest, &[&args[..], &["--max-memory", "128MiB"]].concat());
}

#[test]
fn more_code_than_it_may_compile_to() {
    let guest = guest::from_wat("done");
    let limit =
        "the guest reached its limit of 1KiB of compiled code; raise it with `--max-compiled`";
    is_not_loaded(&guest, &["--max-compiled", "1KiB"], limit);
    is_loaded(&guest, &["--max-compiled", "1MiB"]);
}

/// What a component becomes in its host, once it is loaded, is measured where it is compiled.
#[test]
fn a_component_that_is_larger_than_its_code_once_it_is_loaded() {
    // Of this module there is no instance at all.
    let globals = "(global (mut i64) (i64.const 0))".repeat(60_000);
    let guest = guest::component_with_more("trap", &format!("(core module $unused {globals})"));
    let limit = "the guest reached its limit of 1MiB of memory; raise it with `--max-memory`";
    is_not_loaded(&guest, &["--max-memory", "1MiB"], limit);
    is_loaded(&guest, &[]);
}

/// Two kilobytes of types: each has the one before it twice.
#[test]
fn types_in_types() {
    let twice = |n| {
        let inner = |name| format!("(export \"{name}\" (instance (type $t{n})))");
        format!("(type $t{} (instance {} {}))", n + 1, inner("a"), inner("b"))
    };
    let types = (0..16).map(twice).collect::<String>();
    let first = "(type $t0 (instance (export \"f\" (func (param \"x\" string)))))";
    let import = "(import \"wasi:io/types-in-types\" (instance (type $t16)))";
    let guest = guest::component_with_more("trap", &format!("{first} {types} {import}"));
    let limit = "the guest reached its limit of 8MiB of memory; raise it with `--max-memory`";
    is_not_loaded(&guest, &["--max-memory", "8MiB"], limit);
    let finished = Host::run().arg(&guest).finish().code(3);
    assert!(finished.stderr.contains("cannot link the guest"), "{}", finished.stderr);
}

/// The sum over every guest in `tests/guests`, whatever it does: no host takes more than its guest may, and a
/// fixed amount.
#[cfg(target_os = "linux")]
#[test]
fn no_guest_makes_its_host_take_more_than_it_may() {
    use crate::support::client::navigation;
    let limits = ["--max-cpu-time", "1s", "--max-wall-time", "2s", "--grace", "0s"];
    let guests = std::fs::read_dir(guest::folder()).unwrap().map(|entry| entry.unwrap().path());
    let guests = guests.filter(|path| path.extension().is_some_and(|extension| extension == "wat"));
    let mut run = 0;
    for path in guests {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // They are of other worlds, or not loaded at all.
        let others = ["authorizer", "declines", "other-world", "unknown-import", "memory-at-start"];
        if others.contains(&&*name) {
            continue;
        }
        let host = Host::run().arg(guest::from_wat(&name)).args(limits).start();
        let mut client = host.client();
        client.send(navigation(host.addr, &format!("/callback?evil={}", "x".repeat(2000))));
        client.read_to_end_or_reset();
        // A host that is done has ended already.
        let Some(peak) = peak_of(host.id()) else { continue };
        assert!(peak < GUEST_MEMORY + HOST_MEMORY, "{name}: {peak}");
        run += 1;
    }
    assert!(run > 60, "{run}");
}

/// The most memory that a process had, in bytes; proc(5). Nothing once it has ended.
#[cfg(target_os = "linux")]
fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}
