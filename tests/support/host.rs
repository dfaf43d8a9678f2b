//! The real `host`, started and watched.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use super::DEADLINE;
use super::client::{Client, Response, navigate};

/// A `host run` to be started.
pub struct Host {
    pub(super) command: Command,
    stdout: Option<Stdio>,
}

/// A `host run` that waits for its callback. Killed when dropped.
pub struct Running {
    child: Child,
    pub redirect_uri: String,
    pub addr: SocketAddr,
    stdout: Option<JoinHandle<String>>,
    stderr: Lines,
}

/// A `host` that has ended by itself.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Host {
    /// `host run` with the default guest and no browser.
    pub fn run() -> Self {
        Self::bare().args(["run", "--no-browser"])
    }

    /// `host` alone, in an environment that the tests know.
    pub fn bare() -> Self {
        Self::program(env!("CARGO_BIN_EXE_host"))
    }

    /// A shell command that runs `host`.
    pub fn shell(command: &str) -> Self {
        Self::program("sh").args(["-c", command])
    }

    fn program(program: &str) -> Self {
        let mut command = Command::new(program);
        command
            .env_remove("BROWSER")
            .env_remove("NO_COLOR")
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        Self { command, stdout: None }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Where standard output goes instead of into the test.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// As another user, who has to be allowed to read the program.
    #[cfg(unix)]
    pub fn user(mut self, id: u32) -> Self {
        use std::os::unix::process::CommandExt as _;
        self.command.uid(id);
        self
    }

    /// Start, whether it listens or not.
    pub fn start_unseen(self) -> Running {
        let (child, stdout, stderr) = self.spawn();
        let addr = (std::net::Ipv4Addr::LOCALHOST, 0).into();
        Running { child, redirect_uri: String::new(), addr, stdout, stderr }
    }

    /// Start, and wait until it listens.
    #[track_caller]
    pub fn start(self) -> Running {
        let (child, stdout, stderr) = self.spawn();
        let line = stderr.wait_for("Waiting for the callback at ");
        let redirect_uri = line.rsplit(' ').next().unwrap().to_owned();
        let authority = redirect_uri.split('/').nth(2).unwrap();
        let addr = authority.replace("localhost", "127.0.0.1").parse().unwrap();
        Running { child, redirect_uri, addr, stdout, stderr }
    }

    /// Start, and wait until it ends by itself.
    #[track_caller]
    pub fn finish(self) -> Finished {
        let (mut child, stdout, stderr) = self.spawn();
        finished(&mut child, stdout, &stderr)
    }

    fn spawn(mut self) -> (Child, Option<JoinHandle<String>>, Lines) {
        self.command.stdout(self.stdout.take().unwrap_or_else(Stdio::piped));
        let mut child = self.command.spawn().unwrap();
        let stdout = child.stdout.take().map(|stdout| thread::spawn(move || read_all(stdout)));
        let stderr = Lines::of(child.stderr.take().unwrap());
        (child, stdout, stderr)
    }
}

impl Running {
    /// Wait for a line of standard error that contains `text`, and return it.
    #[track_caller]
    pub fn wait_for_line(&self, text: &str) -> String {
        self.stderr.wait_for(text)
    }

    /// What stood on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    pub fn client(&self) -> Client {
        Client::connect(self.addr)
    }

    /// What a browser tab gets at this path: where it is sent on, it goes there.
    #[track_caller]
    pub fn navigate(&self, path_with_query: &str) -> Response {
        navigate(self.addr, path_with_query)
    }

    /// The `state` in the authorization URL on standard error.
    #[track_caller]
    pub fn state(&self) -> String {
        let line = self.wait_for_line("Open this URL in a browser: ");
        let (_, rest) = line.split_once("state=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it had at a time, in bytes; proc(5).
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Send a signal by name, e.g. `INT`.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Wait until it ends by itself.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        finished(&mut self.child, self.stdout.take(), &self.stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// It ended as it should: with this code, and without a panic.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// That, and this on standard output.
    #[track_caller]
    pub fn stdout(self, stdout: &str) -> Self {
        assert_eq!(self.stdout, stdout, "{}", self.stderr);
        self
    }

    /// That, and exactly this on standard error, once ports are replaced.
    #[track_caller]
    pub fn stderr(self, stderr: &str) -> Self {
        assert_eq!(without_ports(&self.stderr), stderr);
        self
    }
}

/// `text` with every port of a loopback authority as `PORT`.
pub fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let digits = part.chars().take_while(char::is_ascii_digit).count();
        out + "127.0.0.1:" + if digits > 0 { "PORT" } else { "" } + &part[digits..]
    })
}

#[track_caller]
fn finished(child: &mut Child, stdout: Option<JoinHandle<String>>, stderr: &Lines) -> Finished {
    // Standard error ends when the process does.
    if !stderr.wait_until(|seen| seen.ended) {
        let _ = child.kill();
        panic!("host did not end; standard error: {}", stderr.text());
    }
    let finished = Finished {
        code: child.wait().unwrap().code(),
        stdout: stdout.map(|reader| reader.join().unwrap()).unwrap_or_default(),
        stderr: stderr.text(),
    };
    // A guest may panic; the host never does.
    let mut ours = finished.stderr.lines().filter(|line| !line.contains("[guest]"));
    assert!(!ours.any(|line| line.contains("panicked")), "{}", finished.stderr);
    finished
}

fn read_all(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

/// Standard error, line by line as it comes.
#[derive(Clone, Default)]
struct Lines(Arc<(Mutex<Seen>, Condvar)>);

#[derive(Default)]
struct Seen {
    text: String,
    ended: bool,
}

impl Lines {
    fn of(stderr: ChildStderr) -> Self {
        let lines = Self::default();
        let sink = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                sink.change(|seen| seen.text += &(line.unwrap() + "\n"));
            }
            sink.change(|seen| seen.ended = true);
        });
        lines
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn text(&self) -> String {
        self.0.0.lock().unwrap().text.clone()
    }

    /// Wait until `done`, or until the deadline: then false.
    fn wait_until(&self, done: impl Fn(&Seen) -> bool) -> bool {
        let seen = self.0.0.lock().unwrap();
        let waited = self.0.1.wait_timeout_while(seen, DEADLINE, |seen| !done(seen)).unwrap();
        !waited.1.timed_out()
    }

    #[track_caller]
    fn wait_for(&self, text: &str) -> String {
        self.wait_until(|seen| seen.ended || seen.text.contains(text));
        let seen = self.text();
        let line = seen.lines().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("no `{text}` on standard error: {seen}")).to_owned()
    }
}
