//! Memory that a guest makes the host allocate besides linear memory, and guests that are refused before they run.

use std::path::Path;

#[cfg(target_os = "linux")]
use crate::hostile_guests::{GUEST_MEMORY, HOST_MEMORY};
use crate::hostile_guests::{attack, memory_is_bounded};
use crate::support::guest;
use crate::support::host::{Host, Running};

const MEMORY: &str = "the guest reached its limit of 64MiB of memory; raise it with `--max-memory`";
const INSTANCES: &str =
    "the guest reached its limit of 100 instances; raise it with `--max-instances`";
/// A high limit of time, because debug builds are slow and these tests are about memory.
const PATIENT: [&str; 4] = ["--max-cpu-time", "25s", "--max-wall-time", "25s"];

/// Run `tests/guests/<name>.wat`. The attack ends at `limit`, the host stays within its memory, and continues.
#[track_caller]
fn ends(name: &str, limit: &str) {
    let host = Host::run().arg(guest::from_wat(name)).args(PATIENT).start();
    // The host frees the memory of one call before the next.
    for _ in 0..2 {
        let page = attack(&host);
        assert_eq!(page.status(), 500, "{name}: {}", page.head);
    }
    let (problem, remedy) = limit.split_once("; ").unwrap();
    host.wait_for_line(&format!("warning: {problem}: still waiting; {remedy}"));
    memory_is_bounded(&host);
    assert_eq!(host.navigate("/callback?good").text(), "good", "{name}");
    host.finish().code(0).stdout("{\"good\":\"good\"}\n");
}

#[test]
fn strings_in_unsent_requests_count_as_memory() {
    ends("http-methods", MEMORY);
}

#[test]
fn unsent_bodies_count_as_memory() {
    ends("http-bodies", MEMORY);
}

#[test]
fn large_header_values_count_as_memory() {
    ends("http-fields", MEMORY);
}

#[test]
fn many_header_names_count_as_memory() {
    ends("many-fields", MEMORY);
}

#[test]
fn paths_and_authorities_count_as_memory() {
    ends("http-authorities", MEMORY);
}

/// If the memory of a handle depended on the secret, a guest could fill its memory and count how many handles fit.
#[test]
fn the_number_of_handles_does_not_measure_a_secret() {
    let world = "package test:hoards; world hoards { import curtaincall:callback/secrets@0.1.0; \
                 export curtaincall:callback/handler@0.1.0; }";
    let guest = guest::component("hoards-secrets", "hoards", world);
    let host = |length: usize| {
        let host = Host::run().arg(&guest).env("SECRET", "s".repeat(length)).args(PATIENT);
        host.args(["--secret", "key=env:SECRET", "--max-memory", "16MiB"]).start()
    };
    let holds = |host: &Running, pages: u32, handles: u32| {
        host.navigate(&format!("/callback?{pages:04}{handles:04}")).status() == 200
    };
    let (short, long) = (host(8), host(12_000));
    let pages = (0..256).rev().find(|pages| holds(&short, *pages, 0)).unwrap();
    let mut results = Vec::new();
    for pages in pages - 2..=pages + 1 {
        for handles in [0, 1, 10, 100, 200, 400, 800] {
            let result = holds(&short, pages, handles);
            assert_eq!(holds(&long, pages, handles), result, "{pages} pages, {handles} handles");
            results.push(result);
        }
    }
    // The counter-check: handles cost memory.
    assert!(results[..7].contains(&true) && results[14..21].contains(&false), "{results:?}");
}

#[test]
fn an_endless_list_of_pollables_reaches_the_handle_limit() {
    let limit =
        "the guest reached its limit of 1000 resource handles; raise it with `--max-handles`";
    ends("poll-many", limit);
}

#[test]
fn writing_endless_zeroes_traps() {
    let host = Host::run().arg(guest::from_wat("zeroes")).start();
    assert_eq!(attack(&host).status(), 500);
    host.wait_for_line(
        "warning: the guest trapped: cannot write more zeroes than `check_write` allows",
    );
    memory_is_bounded(&host);
}

#[test]
fn reading_a_large_configuration_repeatedly_keeps_memory_bounded() {
    let values = (0..16).map(|n| format!("v{n} = \"{}\"\n", "y".repeat(50_000)));
    let file = guest::write("large-configuration.toml", values.collect::<String>().as_bytes());
    let host = Host::run().arg(guest::from_wat("get-all"));
    let host = host.arg("--config-file").arg(file).args(["--max-cpu-time", "500ms"]).start();
    assert_eq!(attack(&host).status(), 500);
    host.wait_for_line("warning: the guest reached its limit of 500ms of CPU time");
    memory_is_bounded(&host);
}

/// Counter-check: without the limit, the same guest exceeds the memory that the other tests allow.
#[cfg(target_os = "linux")]
#[test]
fn without_the_memory_limit_the_host_holds_more() {
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

/// Start a host that loads the guest with a higher limit.
#[track_caller]
fn is_loaded(guest: &Path, args: &[&str]) -> Running {
    Host::run().arg(guest).args(args).start()
}

#[test]
fn a_memory_over_the_limit_at_the_start_is_not_loaded() {
    let guest = guest::from_wat("memory-at-start");
    is_not_loaded(&guest, &[], MEMORY);
    is_loaded(&guest, &["--max-memory", "128MiB"]);
}

#[test]
fn too_many_memories_tables_or_instances_are_not_loaded() {
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

/// Each global takes 16 bytes in every instance.
#[test]
fn many_globals_in_many_instances_are_not_loaded() {
    let globals = "(global (mut i64) (i64.const 0))".repeat(60_000);
    let instances = "(core instance (instantiate $g))".repeat(90);
    let more = format!("(core module $g {globals}) {instances}");
    let guest = guest::component_with_more("trap", &more);
    is_not_loaded(&guest, &[], MEMORY);
    let host = is_loaded(&guest, &["--max-memory", "256MiB"]);
    assert_eq!(attack(&host).status(), 500);
    host.wait_for_line("wasm `unreachable` instruction executed");
}

/// The component has a few kilobytes. Each nested component instantiates the next one twice.
#[test]
fn deeply_nested_components_are_not_loaded() {
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

/// Many instances copy the same element segment.
#[test]
fn repeatedly_copied_elements_are_not_loaded() {
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
fn compiled_code_over_the_limit_is_not_loaded() {
    let guest = guest::from_wat("done");
    let limit =
        "the guest reached its limit of 1KiB of compiled code; raise it with `--max-compiled`";
    is_not_loaded(&guest, &["--max-compiled", "1KiB"], limit);
    is_loaded(&guest, &["--max-compiled", "1MiB"]);
}

/// The compiler process measures how much memory the loaded component will take in the host.
#[test]
fn a_component_that_is_too_large_once_loaded_is_not_loaded() {
    // The component does not instantiate this module.
    let globals = "(global (mut i64) (i64.const 0))".repeat(60_000);
    let guest = guest::component_with_more("trap", &format!("(core module $unused {globals})"));
    let limit = "the guest reached its limit of 1MiB of memory; raise it with `--max-memory`";
    is_not_loaded(&guest, &["--max-memory", "1MiB"], limit);
    is_loaded(&guest, &[]);
}

/// The types have two kilobytes. Each one contains the previous one twice.
#[test]
fn deeply_nested_types_are_not_loaded() {
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

/// Run every guest in `tests/guests`. The host never uses more than the memory limit of the guest and a fixed amount.
#[cfg(target_os = "linux")]
#[test]
fn no_guest_makes_the_host_exceed_its_memory_limit() {
    use crate::support::client::navigation;
    let limits = ["--max-cpu-time", "1s", "--max-wall-time", "2s", "--grace", "0s"];
    let guests = std::fs::read_dir(guest::folder()).unwrap().map(|entry| entry.unwrap().path());
    let guests = guests.filter(|path| path.extension().is_some_and(|extension| extension == "wat"));
    let mut run = 0;
    for path in guests {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // These guests are of other worlds, or are not loaded.
        let others = [
            "authorizer",
            "authorizer-session",
            "declines",
            "hoards-secrets",
            "memory-at-start",
            "other-world",
            "reveals",
            "unknown-import",
            "uses-handles",
        ];
        if others.contains(&&*name) {
            continue;
        }
        let host = Host::run().arg(guest::from_wat(&name)).args(limits).start();
        let mut client = host.client();
        client.send(navigation(host.addr, &format!("/callback?evil={}", "x".repeat(2000))));
        client.read_to_end_or_reset();
        // A host whose flow is complete has already exited.
        let Some(peak) = peak_of(host.id()) else { continue };
        assert!(peak < GUEST_MEMORY + HOST_MEMORY, "{name}: {peak}");
        run += 1;
    }
    assert!(run > 60, "{run}");
}

/// The peak memory of a process, in bytes; proc(5). `None` once it has exited.
#[cfg(target_os = "linux")]
fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}
