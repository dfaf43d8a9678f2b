//! Guests that cannot be loaded. The host reports the error before it listens or opens a browser.

use crate::support::guest;
use crate::support::host::{Finished, Host};

/// Run a guest file that cannot be loaded. `GUEST` replaces its path in the output.
#[track_caller]
fn unloadable(path: &std::path::Path) -> Finished {
    // If the host continued, it would start this browser, which creates a file.
    let trace = path.with_extension("trace");
    let _ = std::fs::remove_file(&trace);
    let mut finished = Host::bare()
        .args(["run", "--open", "https://idp.example/?state={state}"])
        .arg(path)
        .env("BROWSER", format!("touch {} %s", trace.display()))
        .finish()
        .code(3)
        .stdout("");
    assert!(!trace.exists(), "a browser was opened");
    finished.stderr = finished.stderr.replace(&path.display().to_string(), "GUEST");
    finished
}

const BUILD_HINT: &str = "hint: build it with `cargo build --release --target wasm32-wasip2`, \
     or convert a module with `wasm-tools component new`\n";

#[test]
fn a_missing_guest_is_an_error() {
    unloadable("/nowhere/guest.wasm".as_ref()).stderr(
        "error: cannot read the guest `GUEST`\nCaused by:\n    No such file or directory (os error 2)\n\
         hint: give the path of a `.wasm` component or a `.toml` preset, `default` or `oauth2` for an embedded guest, or a name of `host presets`\n",
    );
}

#[test]
fn a_directory_is_not_a_guest() {
    unloadable(&guest::folder()).stderr(
        "error: cannot read the guest `GUEST`\nCaused by:\n    is a directory\n\
         hint: give the path of a `.wasm` component in this folder\n",
    );
}

#[cfg(unix)]
#[test]
fn a_device_is_not_a_guest() {
    unloadable("/dev/null".as_ref())
        .stderr("error: cannot read the guest `GUEST`\nCaused by:\n    not a regular file\n");
}

#[test]
fn an_empty_file_is_not_a_guest() {
    unloadable(&guest::write("empty.wasm", b""))
        .stderr(&format!("error: the guest `GUEST` is empty\n{BUILD_HINT}"));
}

#[test]
fn arbitrary_text_is_not_a_guest() {
    unloadable(&guest::write("text.wasm", b"hello"))
        .stderr(&format!("error: the guest `GUEST` is not WebAssembly\n{BUILD_HINT}"));
}

#[test]
fn a_core_module_is_not_a_guest() {
    let module = wat::parse_str("(module)").unwrap();
    unloadable(&guest::write("module.wasm", &module)).stderr(&format!(
        "error: the guest `GUEST` is a core WebAssembly module, not a component\n{BUILD_HINT}"
    ));
}

#[test]
fn a_hundred_megabytes_of_zeros_are_not_a_guest() {
    unloadable(&guest::write("zeros.wasm", &vec![0; 100 << 20])).stderr(
        "error: cannot load the guest `GUEST`: the guest reached its limit of 32MiB of component size; \
         raise it with `--max-component`\n",
    );
}

#[test]
fn a_truncated_component_is_not_a_guest() {
    let whole = std::fs::read(guest::hello()).unwrap();
    for length in [8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let path = guest::write(&format!("truncated-{length}.wasm"), &whole[..length]);
        let stderr = unloadable(&path).stderr;
        let known = [
            "is not a valid component\nCaused by:",
            "does not export `curtaincall:callback/handler@0.1.0`",
        ];
        assert!(known.iter().any(|text| stderr.contains(text)), "{length}: {stderr}");
    }
}

#[test]
fn a_syntax_error_in_text_format_shows_line_and_column() {
    let stderr = unloadable(&guest::write("broken.wat", b"(component\n  (oops))")).stderr;
    assert!(stderr.starts_with("error: cannot parse the guest `GUEST`\nCaused by:\n"), "{stderr}");
    assert!(stderr.contains("GUEST:2:4"), "{stderr}");
}

#[test]
fn a_component_of_another_world_is_not_a_guest() {
    let other = guest::component(
        "other-world",
        "other",
        "package test:other; world other { export greet: func(); }",
    );
    unloadable(&other).stderr(
        "error: the guest `GUEST` does not export `curtaincall:callback/handler@0.1.0`; it exports `greet`\n\
         hint: build the guest for the world `guest` or `provider` of the package `curtaincall:callback`\n",
    );
}

#[test]
fn an_import_that_is_not_granted_is_an_error() {
    let greedy = guest::from_wat("unknown-import");
    unloadable(&greedy).stderr(
        "error: the guest `GUEST` imports `wasi:keyvalue/store@0.2.0`, which the host does not provide\n\
         hint: import only `curtaincall:callback`, WASI 0.2, `wasi:http` and `wasi:config`\n",
    );
}

/// The author of a guest chooses its file name and the names of its imports.
#[test]
fn control_characters_from_a_guest_are_escaped_in_errors() {
    let (escapes, raw) = ("\\1b]0;owned\\07", "\u{1b}]0;owned\u{7}");
    for (name, text) in [
        (
            "core-import",
            format!(
                "(component (core module $m (import \"{escapes}\\0aerror: fake\" \"a\" (func))) (core instance (instantiate $m)))"
            ),
        ),
        ("comment", format!("(component ;; {raw}\n (nonsense) ;; {raw}\n)")),
    ] {
        let stderr = unloadable(&guest::write(&format!("{name}.wat"), text.as_bytes())).stderr;
        assert!(stderr.contains("\\u{1b}]0;owned\\u{7}"), "{name}: {stderr}");
        assert!(
            !stderr.contains('\u{1b}') && !stderr.contains("\nerror: fake"),
            "{name}: {stderr:?}"
        );
    }
    let import = format!("(import \"url=<{escapes}\\0aerror: fake>\" (func))");
    let stderr = unloadable(&guest::component_with_more("trap", &import)).stderr;
    let shown =
        "imports `url=<\\u{1b}]0;owned\\u{7}\\u{a}error: fake>`, which the host does not provide";
    assert!(stderr.contains(shown), "{stderr:?}");
}

/// A guest can contain any number of names and names of any length.
#[test]
fn long_errors_are_truncated() {
    let line = format!("(component (nonsense {}))", "x".repeat(1 << 20));
    let one_line = unloadable(&guest::write("one-line.wat", line.as_bytes())).stderr;
    assert!(
        one_line.contains("cannot parse the guest") && one_line.len() < 10_000,
        "{}",
        one_line.len()
    );
    let imports: String = (0..1000).map(|n| format!("(import \"a:b/c{n}\" (func))")).collect();
    let imports = unloadable(&guest::component_with_more("trap", &imports)).stderr;
    assert!(
        imports.contains("`a:b/c9` and 990 more, which the host does not provide"),
        "{imports}"
    );
}

/// The compiler process parses the text, so its limits apply to that too.
#[cfg(target_os = "linux")]
#[test]
fn text_that_needs_too_much_memory_to_parse_is_not_loaded() {
    let text = format!("(component (core module {}))", "(func)".repeat(1_000_000));
    let path = guest::write("many-functions.wat", text.as_bytes());
    let finished = Host::run().arg(&path).args(["--max-compile-memory", "64MiB"]).finish().code(3);
    let limit =
        "reached its limit of 64MiB of compile memory; raise it with `--max-compile-memory`";
    assert!(finished.stderr.contains(limit), "{}", finished.stderr);
}
