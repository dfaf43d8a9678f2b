//! The README is true: its commands run, its guest is the one in the repository, its tables are whole.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::guest;
use crate::support::host::Host;

const README: &str = include_str!("../README.md");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The fenced blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = README.split(fence.as_str()).skip(1);
    after.map(|block| block.split("```").next().unwrap()).collect()
}

fn commands() -> impl Iterator<Item = &'static str> {
    blocks("sh").into_iter().flat_map(str::lines)
}

/// A folder with `host` under its name and `guest.wasm`, to run the README's commands in.
fn bin() -> PathBuf {
    let folder = guest::write("readme", b"").with_extension("bin");
    fs::create_dir_all(&folder).unwrap();
    let _ = fs::hard_link(env!("CARGO_BIN_EXE_host"), folder.join("host"));
    fs::copy(guest::hello(), folder.join("guest.wasm")).unwrap();
    folder
}

#[cfg(unix)]
#[test]
fn every_host_command_completes_a_flow() {
    let bin = bin();
    let mut run = 0;
    for command in commands().filter(|command| !command.starts_with("cargo ")) {
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
        let stdout = host.finish().code(0).stdout;
        assert!(stdout.contains("exit 0\n"), "{command}: {stdout}");
        let code = if command.starts_with("host") { "{\"code\":\"abc\"}" } else { "[abc]" };
        assert!(stdout.contains(code), "{command}: {stdout}");
        run += 1;
    }
    assert_eq!(run, 4);
}

#[test]
fn every_cargo_command_is_run_by_ci() {
    let ci = fs::read_to_string(Path::new(ROOT).join(".ci/run")).unwrap();
    for command in commands().filter(|command| command.starts_with("cargo ")) {
        assert!(ci.lines().any(|line| line.contains(command)), "`{command}` is not in .ci/run");
    }
}

#[test]
fn the_guest_is_the_one_in_the_repository() {
    let source = fs::read_to_string(Path::new(ROOT).join("guest/hello/src/lib.rs")).unwrap();
    let [block] = blocks("rust")[..] else { panic!("not one guest") };
    assert!(source.ends_with(block), "guest/hello/src/lib.rs and the README differ");
    assert!(block.lines().count() <= 16, "{} lines", block.lines().count());
}

#[test]
fn the_exit_codes_are_the_program_s() {
    use curtaincall::Exit;
    let all = [
        Exit::Success,
        Exit::Failure,
        Exit::Usage,
        Exit::Guest,
        Exit::Listen,
        Exit::Output,
        Exit::Timeout,
        Exit::Interrupt,
        Exit::Terminate,
    ];
    let section = README.split("## Exit codes").nth(1).unwrap().split("\n## ").next().unwrap();
    let listed: Vec<u8> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .flat_map(|codes| codes.split(", ").filter_map(|code| code.parse().ok()))
        .collect();
    assert_eq!(listed, all.map(|exit| exit as u8));
}

#[test]
fn the_architecture_is_told_in_sixty_lines() {
    let section = README.split("## Architecture").nth(1).unwrap().split("\n## ").next().unwrap();
    assert!(section.lines().count() <= 60);
}
