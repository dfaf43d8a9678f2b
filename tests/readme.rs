//! The documents are correct: their commands work, their guest matches the repository, and their links have a target.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::cases::{folder, host};
use crate::support::guest;
use crate::support::host::Host;
use crate::support::tls::loopback_flags;

const README: &str = include_str!("../README.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The fenced blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = README.split(fence.as_str()).skip(1);
    after.map(|block| block.split("```").next().unwrap()).collect()
}

/// The command that signs in with a preset. Its provider cannot be reached in a test.
const PRESET: &str = "host run github";

fn commands() -> impl Iterator<Item = &'static str> {
    blocks("sh").into_iter().flat_map(str::lines)
}

/// A folder with `host`, `guest.wasm`, a certificate and its key, for the commands of the README.
fn bin() -> PathBuf {
    let folder = guest::write("readme", b"").with_extension("bin");
    fs::create_dir_all(&folder).unwrap();
    let _ = fs::hard_link(env!("CARGO_BIN_EXE_host"), folder.join("host"));
    fs::copy(guest::hello(), folder.join("guest.wasm")).unwrap();
    let [_, certificate, _, key] = loopback_flags();
    fs::copy(certificate, folder.join("cert.pem")).unwrap();
    fs::copy(key, folder.join("key.pem")).unwrap();
    folder
}

#[cfg(unix)]
#[test]
fn every_host_command_completes_a_flow() {
    let bin = bin();
    let example = commands().find(|command| command.contains("--open")).unwrap();
    let mut run = Vec::new();
    let completes = |command: &&str| command.contains("host run") && !command.contains(PRESET);
    for command in commands().filter(completes) {
        let echo = format!("{command}; echo \"exit $?\"; echo \"[$code$CALLBACK_CODE]\"");
        let host = Host::shell(&echo)
            .current_dir(&bin)
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .env("BROWSER", "true")
            .start();
        let opened = command.contains("--open");
        let state = opened.then(|| {
            let line = host.wait_for_line("Opening the browser at ");
            let (_, rest) = line.split_once("state=").unwrap();
            rest.split('&').next().unwrap().to_owned()
        });
        let state = state.unwrap_or_default();
        assert_eq!(
            host.navigate(&format!("/callback?code=abc&state={state}")).status(),
            200,
            "{command}"
        );
        let finished = host.finish().code(0);
        let stdout = finished.stdout;
        assert!(stdout.contains("exit 0\n"), "{command}: {stdout}");
        let code = if command.starts_with("host") { "{\"code\":\"abc\"}" } else { "[abc]" };
        assert!(stdout.contains(code), "{command}: {stdout}");
        if command == example {
            let outcome = stdout.split("exit 0").next().unwrap();
            assert_eq!(of_any_run(&(finished.stderr + outcome)), of_any_run(blocks("text")[0]));
        }
        run.push(command);
    }
    assert!(run.contains(&"host run") && run.contains(&example), "{run:?}");
    assert!(run.iter().any(|command| command.contains("--tls-cert")), "{run:?}");
}

#[cfg(unix)]
#[test]
fn the_command_for_a_token_opens_the_page_of_the_provider() {
    let bin = Path::new(env!("CARGO_BIN_EXE_host")).parent().unwrap();
    let command = commands().find(|command| command.contains(PRESET)).unwrap();
    let host = Host::shell(&format!("{command}; echo \"exit $? [$token]\""))
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("BROWSER", "true")
        .env("GITHUB_SECRET", "hunter2")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("https_proxy", "http://127.0.0.1:1")
        .env("NO_PROXY", "")
        .env("no_proxy", "")
        .start();
    let shown = blocks("text").into_iter().find(|text| text.contains("Signing in")).unwrap();
    let opening = shown.lines().last().unwrap().trim_end_matches("...");
    let line = host.wait_for_line(opening);
    assert_eq!(host.stderr().lines().next(), shown.lines().next());
    let (_, state) = line.split_once("&state=").unwrap();
    let state = state.split('&').next().unwrap();
    assert_eq!(host.navigate(&format!("/callback?code=abc&state={state}")).status(), 200);
    host.finish().code(0).stdout("exit 1 []\n");
}

/// The output of the example, without the port and the `state`, which differ between runs.
fn of_any_run(text: &str) -> String {
    let (_, state) = text.split_once("&state=").unwrap();
    let state = state.split_whitespace().next().unwrap();
    let (_, port) = text.split_once("127.0.0.1:").unwrap();
    let port = port.split('/').next().unwrap();
    text.replace(state, "STATE").replace(port, "PORT")
}

#[test]
fn every_cargo_command_is_run_by_ci() {
    let ci = fs::read_to_string(Path::new(ROOT).join(".ci/run")).unwrap();
    for command in commands().filter(|command| command.starts_with("cargo ")) {
        assert!(ci.lines().any(|line| line.contains(command)), "`{command}` is not in .ci/run");
    }
}

#[test]
fn the_guest_matches_the_one_in_the_repository() {
    let source = fs::read_to_string(Path::new(ROOT).join("guest/hello/src/lib.rs")).unwrap();
    let [block] = blocks("rust")[..] else { panic!("expected one Rust block") };
    assert!(source.ends_with(block), "guest/hello/src/lib.rs and the README differ");
}

/// The Markdown files of the repository.
fn documents() -> Vec<PathBuf> {
    let is_built_or_hidden = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name == "target" || name == "node_modules" || name.starts_with('.')
    };
    let (mut folders, mut documents) = (vec![PathBuf::from(ROOT)], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if is_built_or_hidden(&path) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents
}

/// The anchor of a heading in a document.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let title = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    title.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_points_to_a_file_and_a_heading() {
    let documents = documents();
    assert!(documents.contains(&Path::new(ROOT).join("README.md")), "{documents:?}");
    for document in documents {
        let shown = document.display();
        let text = fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                file => document.with_file_name(file),
            };
            assert!(target.exists(), "{shown}: {link}");
            if !heading.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(headings.any(|line| anchor(line) == heading), "{shown}: {link}");
            }
        }
    }
}

const TESTING: &str = include_str!("../guest/TESTING.md");

/// The cases in a text, each with its guest.
fn cases<'a>(text: &'a str, fence: &str) -> Vec<(&'a str, &'a str)> {
    let begin = format!("{fence}hurl");
    let blocks = text.split(begin.as_str()).skip(1);
    let blocks = blocks.map(|block| block.split(fence).next().unwrap().split_once('\n').unwrap());
    blocks.map(|(guest, case)| (guest.trim(), case)).collect()
}

#[test]
fn every_case_passes() {
    let mut all = cases(TESTING, "~~~");
    all.extend(cases(README, "```").into_iter().map(|(_, case)| ("hello", case)));
    assert!(!all.is_empty());
    for (guest, case) in all {
        let folder = folder(&format!("pasted-{guest}"), &[("a.case", case)]);
        let guest = match guest {
            embedded @ ("default" | "oauth2") => PathBuf::from(embedded),
            built => guest::built(built),
        };
        host(&folder, guest).finish().code(0).stdout("ok      ./a.case\n\n1 passed, 0 failed\n");
    }
}

#[cfg(unix)]
#[test]
fn every_guest_test_command_works() {
    let bin = bin();
    let case = cases(README, "```")[0].1;
    fs::create_dir_all(bin.join("cases")).unwrap();
    fs::write(bin.join("cases/denied.case"), case).unwrap();
    let testing =
        TESTING.split("```sh\n").skip(1).flat_map(|b| b.split("```").next().unwrap().lines());
    let all: Vec<_> =
        commands().chain(testing).filter(|command| command.starts_with("host ")).collect();
    let mut run = Vec::new();
    for command in all.iter().filter(|command| !command.starts_with("host run")) {
        // The case belongs to the guest of the README.
        let command = command.replace("host test default", "host test guest.wasm");
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let finished = Host::shell(&command).current_dir(&bin).env("PATH", path).finish();
        let expected = if command.contains("error=access_denied") { 1 } else { 0 };
        assert_eq!(
            finished.code,
            Some(expected),
            "{command}: {}{}",
            finished.stdout,
            finished.stderr
        );
        run.push(command);
    }
    for command in ["host test guest.wasm", "host call guest.wasm", "host inspect guest.wasm"] {
        assert!(run.iter().any(|run| run.starts_with(command)), "{command}: {run:?}");
    }
}

#[test]
fn every_flag_in_the_document_is_in_the_reference() {
    let reference = include_str!("../host/REFERENCE.md");
    for flag in TESTING.split("`--").skip(1).map(|rest| rest.split(['`', ' ']).next().unwrap()) {
        assert!(reference.contains(&format!("| `--{flag}")), "--{flag}");
    }
}

/// The Rust test of the document is compiled and run as `testing_pasted`.
#[test]
fn the_rust_test_of_the_document_runs_here() {
    let ours = include_str!("testing_pasted.rs");
    let [block] = TESTING.split("```rust\n").skip(1).collect::<Vec<_>>()[..] else {
        panic!("expected one Rust test")
    };
    let block = block.split("```").next().unwrap();
    assert!(ours.ends_with(&block.replace("\"guest.wasm\".parse()?", "GUEST.parse()?")), "{block}");
}
