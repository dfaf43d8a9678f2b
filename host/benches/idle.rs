//! How often an idle `host run` wakes up while it waits for the callback.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::figures::Verdict;
use crate::program;
use crate::support::terminal::Terminal;

const TIME: Duration = Duration::from_secs(2);
/// How long the start of the program may keep its threads busy.
const SETTLE: Duration = Duration::from_millis(500);

pub fn run(verdict: &mut Verdict) {
    let mut child = program::host()
        .args(["run", "--no-browser"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    let woken = wake_ups(child.id());
    println!("wake-ups in {} s, with output to a pipe: {woken}", TIME.as_secs());
    verdict.require("an idle wait does not wake up", woken == 0);
    child.kill().unwrap();
    child.wait().unwrap();

    let on_terminal = |timeout: &str| {
        let terminal = Terminal::shell(80, &[], &format!("id run --timeout {timeout}"));
        terminal.see(" left");
        let woken = wake_ups(terminal.id());
        println!("wake-ups in {} s, on a terminal, with {timeout} left: {woken}", TIME.as_secs());
        woken
    };
    on_terminal("5m");
    // Counter-check: in the last ten seconds, the time is shown each second.
    verdict.require("a countdown wakes up", on_terminal("9s") > 0);
}

/// Count how often the threads of a process wake up in [`TIME`].
fn wake_ups(id: u32) -> u64 {
    sleep(SETTLE);
    let before = switches(id);
    sleep(TIME);
    let after = switches(id);
    after.iter().map(|(thread, count)| count - before.get(thread).unwrap_or(&0)).sum()
}

/// The voluntary context switches of each thread; proc(5). A thread that sleeps has one more after it wakes up.
fn switches(id: u32) -> HashMap<String, u64> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).unwrap().map(Result::unwrap);
    let count = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    };
    let of = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("status")).ok()?;
        Some((thread.file_name().into_string().unwrap(), count(status)))
    };
    threads.filter_map(of).collect()
}
