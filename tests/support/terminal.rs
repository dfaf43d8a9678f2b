//! `host` on a pseudoterminal, and what its screen shows.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::DEADLINE;
use super::client::{Response, navigate};
use super::host::with_browser_here;

/// A `host` whose standard output and standard error are a terminal. Killed when dropped.
pub struct Terminal {
    child: Child,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// Start `host` on a terminal with this many columns.
    #[track_caller]
    pub fn host<A: AsRef<OsStr>>(columns: u16, args: impl IntoIterator<Item = A>) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::<u8>::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = File::from(rustix::fs::open(name, flags, Mode::empty()).unwrap());
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).unwrap();
        let child = with_browser_here(&mut Command::new(env!("CARGO_BIN_EXE_host")))
            .args(args)
            .env_remove("BROWSER")
            .env("NO_COLOR", "1")
            .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal)
            .spawn()
            .unwrap();
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let (sink, mut master) = (Arc::clone(&seen), File::from(master));
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            // Linux reports an error once the other end is closed.
            while let Ok(count @ 1..) = master.read(&mut chunk) {
                sink.0.lock().unwrap().bytes.extend(&chunk[..count]);
                sink.1.notify_all();
            }
            sink.0.lock().unwrap().ended = true;
            sink.1.notify_all();
        });
        Self { child, seen }
    }

    /// Wait until `host` listens, request this path as a browser tab, and follow a redirect to the last page.
    #[track_caller]
    pub fn navigate(&self, path_with_query: &str) -> Response {
        let seen = self
            .wait_for("Waiting for the callback at http://", |text| text.contains("/callback\r\n"));
        let (_, rest) = seen.split_once("Waiting for the callback at http://").unwrap();
        let addr: SocketAddr = rest.split('/').next().unwrap().parse().unwrap();
        navigate(addr, path_with_query)
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
