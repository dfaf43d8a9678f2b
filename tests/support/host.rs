//! Start the real `host` and observe it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

use super::DEADLINE;
use super::client::{Client, Response, navigate_with};
use super::place::with_browser_here;
use super::tls;

/// How clients reach the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Http,
    /// With a certificate for loopback. [`Running::client`] trusts its authority.
    Https,
}

pub const BOTH: [Over; 2] = [Over::Http, Over::Https];

/// A `host` command before it starts.
pub struct Host {
    pub(super) command: Command,
    stdout: Option<Stdio>,
}

/// A running `host`. Killed when dropped.
pub struct Running {
    child: Child,
    pub redirect_uri: String,
    pub addr: SocketAddr,
    stdout: Option<JoinHandle<String>>,
    stderr: Lines,
}

/// A `host` that has exited by itself.
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

    /// `host` without arguments, in a known environment.
    pub fn bare() -> Self {
        Self::program(env!("CARGO_BIN_EXE_host"))
    }

    /// A shell command that runs `host`.
    pub fn shell(command: &str) -> Self {
        Self::program("sh").args(["-c", command])
    }

    fn program(program: &str) -> Self {
        let mut command = Command::new(program);
        for proxy in ["https_proxy", "http_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        with_browser_here(&mut command)
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

    /// Receive the callback over HTTP or HTTPS.
    pub fn over(self, over: Over) -> Self {
        match over {
            Over::Http => self,
            Over::Https => self.args(tls::loopback_flags()),
        }
    }

    /// Redirect standard output, which the test otherwise reads.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Run as another user, who must be allowed to read the program.
    #[cfg(unix)]
    pub fn user(mut self, id: u32) -> Self {
        use std::os::unix::process::CommandExt as _;
        self.command.uid(id);
        self
    }

    /// Start without waiting.
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
        let parse = |authority: &str| authority.replace("localhost", "127.0.0.1").parse();
        let addr = parse(redirect_uri.split('/').nth(2).unwrap()).unwrap_or_else(|_| {
            let line = stderr.wait_for("Listening on ");
            parse(line.trim_start_matches("Listening on ").trim_end_matches('.')).unwrap()
        });
        Running { child, redirect_uri, addr, stdout, stderr }
    }

    /// Start, and wait until it exits by itself.
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

    /// Everything on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    pub fn client(&self) -> Client {
        match self.redirect_uri.starts_with("https:") {
            true => Client::secure(self.addr, tls::loopback_client()),
            false => Client::connect(self.addr),
        }
    }

    /// Request this path as a browser tab, and follow a redirect to the last page.
    #[track_caller]
    pub fn navigate(&self, path_with_query: &str) -> Response {
        navigate_with(|| self.client(), self.addr, path_with_query)
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

    /// The peak memory of the process, in bytes; proc(5).
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

    /// Wait until it exits by itself.
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
    /// Expect this exit code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Expect exactly this on standard output.
    #[track_caller]
    pub fn stdout(self, stdout: &str) -> Self {
        assert_eq!(self.stdout, stdout, "{}", self.stderr);
        self
    }

    /// Expect exactly this on standard error, with every port replaced by `PORT`.
    #[track_caller]
    pub fn stderr(self, stderr: &str) -> Self {
        assert_eq!(without_ports(&self.stderr), stderr);
        self
    }
}

/// Replace the port of every loopback authority by `PORT`.
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
    // Standard error closes when the process exits.
    if !stderr.wait_until(|seen| seen.ended) {
        let _ = child.kill();
        panic!("host did not exit; standard error: {}", stderr.text());
    }
    let finished = Finished {
        code: child.wait().unwrap().code(),
        stdout: stdout.map(|reader| reader.join().unwrap()).unwrap_or_default(),
        stderr: stderr.text(),
    };
    // A guest may panic, but the host must not.
    let mut ours = finished.stderr.lines().filter(|line| !line.contains("[guest]"));
    assert!(!ours.any(|line| line.contains("panicked")), "{}", finished.stderr);
    finished
}

fn read_all(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

/// The lines of standard error, as they arrive.
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

    /// Wait until `done` returns true. Returns false at the deadline.
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
