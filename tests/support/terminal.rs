//! `host` on a pseudoterminal, directly or in a shell, and what its screen shows.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::DEADLINE;
use super::client::{Response, navigate};
use super::place::with_browser_here;

/// A program on a terminal. Killed when dropped.
pub struct Terminal {
    child: Child,
    master: File,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

/// What terminals set in the environment, besides `TERM`.
const TERMINALS: [&str; 4] = ["TERM_PROGRAM", "VTE_VERSION", "KONSOLE_VERSION", "WT_SESSION"];

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// Start `host` on a terminal with this many columns, which it does not own. Only standard output and standard error
    /// are the terminal, and it has no escape sequences.
    #[track_caller]
    pub fn host<A: AsRef<OsStr>>(columns: u16, args: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_host"));
        command.args(args).env("TERM", "dumb").stdin(Stdio::null());
        Self::start(columns, command, false)
    }

    /// Start a shell that owns the terminal, with this script. `$HOST` is the program, `run SCRIPT` prints the settings of
    /// the terminal before and after the script, and `id` prints the ID of the process, then becomes the program.
    #[track_caller]
    pub fn shell(columns: u16, env: &[(&str, &str)], script: &str) -> Self {
        let functions = "run() { echo \"before=$(stty -g)\"; \"$@\"; echo \"code=$?\"; echo \"after=$(stty -g)\"; }; \
            id() { sh -c 'echo pid=$$; exec \"$HOST\" \"$@\"' sh \"$@\"; }; ";
        Self::owner(columns, env, &["sh", "-c", &format!("{functions}{script}")])
    }

    /// Start an interactive shell that owns the terminal, with job control.
    #[track_caller]
    pub fn interactive(columns: u16) -> Self {
        Self::owner(columns, &[("PS1", "PROMPT> ")], &["bash", "--norc", "--noediting", "-i"])
    }

    fn owner(columns: u16, env: &[(&str, &str)], program: &[&str]) -> Self {
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .args(program)
            .env("TERM", "xterm")
            .env("HOST", env!("CARGO_BIN_EXE_host"));
        command.envs(env.iter().copied());
        Self::start(columns, command, true)
    }

    fn start(columns: u16, mut command: Command, reads: bool) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::<u8>::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = File::from(rustix::fs::open(name, flags, Mode::empty()).unwrap());
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).unwrap();
        if reads {
            command.stdin(terminal.try_clone().unwrap());
        }
        let given: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        for name in TERMINALS.into_iter().filter(|name| !given.iter().any(|given| given == name)) {
            command.env_remove(name);
        }
        let child = with_browser_here(&mut command)
            .env_remove("BROWSER")
            .env("NO_COLOR", "1")
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal)
            .spawn()
            .unwrap();
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        // The command has copies of the terminal, which would keep it open.
        drop(command);
        let master = File::from(master);
        let (sink, mut reader) = (Arc::clone(&seen), master.try_clone().unwrap());
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            // Linux reports an error once the other end is closed.
            while let Ok(count @ 1..) = reader.read(&mut chunk) {
                sink.0.lock().unwrap().bytes.extend(&chunk[..count]);
                sink.1.notify_all();
            }
            sink.0.lock().unwrap().ended = true;
            sink.1.notify_all();
        });
        Self { child, master, seen }
    }

    /// Type these characters, without waiting for a reader.
    pub fn type_in(&self, text: &str) {
        let (mut keyboard, text) = (self.master.try_clone().unwrap(), text.to_owned());
        thread::spawn(move || keyboard.write_all(text.as_bytes()));
    }

    /// Wait until this text is on the terminal. Returns everything that was written.
    #[track_caller]
    pub fn see(&self, text: &str) -> String {
        let seen = self.wait_for(&format!("{text:?}"), |seen| seen.contains(text));
        assert!(seen.contains(text), "no {text:?}: {seen}");
        seen
    }

    /// Wait until this text was written this many times.
    #[track_caller]
    pub fn see_times(&self, text: &str, times: usize) -> String {
        self.wait_for(&format!("{text:?}"), |seen| seen.matches(text).count() >= times)
    }

    /// Wait until `host` prints a line with the URL of the callback, and return the URL.
    #[track_caller]
    pub fn redirect_uri(&self) -> String {
        let seen = self.see("/callback\r\n");
        let (_, rest) = seen.split_once("Waiting for the callback at ").unwrap();
        rest.split("\r\n").next().unwrap().to_owned()
    }

    /// The address at which `host` listens.
    #[track_caller]
    pub fn addr(&self) -> SocketAddr {
        self.redirect_uri().split('/').nth(2).unwrap().parse().unwrap()
    }

    /// The `state` in the authorization URL on the terminal.
    #[track_caller]
    pub fn state(&self) -> String {
        let seen = self.see("&state=");
        let (_, rest) = seen.split_once("&state=").unwrap();
        rest.chars().take(43).collect()
    }

    /// The ID of the process that the script printed.
    #[track_caller]
    pub fn id(&self) -> u32 {
        let seen = self.see("/callback\r\n");
        seen.split("pid=").nth(1).and_then(|rest| rest.lines().next()).unwrap().parse().unwrap()
    }

    /// Send a signal by name to the process whose ID the script printed.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Wait until `host` listens, request this path as a browser tab, and follow a redirect to the last page.
    #[track_caller]
    pub fn navigate(&self, path_with_query: &str) -> Response {
        navigate(self.addr(), path_with_query)
    }

    /// Wait until it exits by itself, and expect this code. Returns everything that it wrote.
    #[track_caller]
    pub fn finish(mut self, code: i32) -> String {
        let text = self.wait_for("the end", |_| false);
        assert!(self.seen.0.lock().unwrap().ended, "host did not exit: {text}");
        assert_eq!(self.child.wait().unwrap().code(), Some(code), "{text}");
        text
    }

    /// Wait until `done` returns true, or until it exits, at most until the deadline. Returns everything that it wrote.
    fn wait_for(&self, what: &str, done: impl Fn(&str) -> bool) -> String {
        let text = |seen: &Seen| String::from_utf8_lossy(&seen.bytes).into_owned();
        let seen = self.seen.0.lock().unwrap();
        let waiting = |seen: &mut Seen| !seen.ended && !done(&text(seen));
        let (seen, waited) = self.seen.1.wait_timeout_while(seen, DEADLINE, waiting).unwrap();
        assert!(!waited.timed_out(), "no {what}: {}", text(&seen));
        text(&seen)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rows of a screen with this many columns. A line that is too long continues in the next row.
pub fn rows(output: &str, columns: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in output.replace("\r\n", "\n").split(['\n', '\r']) {
        let (mut row, mut width) = (String::new(), 0);
        for c in line.chars() {
            let wide = if c.is_ascii() { 1 } else { 2 };
            if width + wide > columns {
                rows.push(std::mem::take(&mut row));
                width = 0;
            }
            row.push(c);
            width += wide;
        }
        rows.push(row);
    }
    rows
}
