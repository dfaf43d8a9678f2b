//! Servers of `wasi:http` that run the bounce.

use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};

use super::DEADLINE;

/// The component.
pub const BOUNCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest/bounce/bounce.wasm");

/// The folder of `jco` and its npm packages.
pub const JCO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/system/jco");

/// The number of attempts to start `jco`.
const ATTEMPTS: usize = 5;

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    pub addr: SocketAddr,
    output: Output,
}

impl Server {
    /// `wasmtime serve` as in `guest/bounce/README.md`, on a free port.
    #[track_caller]
    pub fn wasmtime() -> Self {
        Self::wasmtime_within("10s")
    }

    /// The same with another limit on the time of a request.
    #[track_caller]
    pub fn wasmtime_within(timeout: &str) -> Self {
        let mut command = Command::new("wasmtime");
        command.args([
            "serve",
            "-W",
            &format!("timeout={timeout}"),
            "--addr",
            "127.0.0.1:0",
            BOUNCE,
        ]);
        Self::start(command, "Serving HTTP on http://").unwrap_or_else(|output| panic!("{output}"))
    }

    /// `jco serve`. It needs a given port and cannot report one that it chose. Another process might take the port in
    /// the meantime, so this retries.
    #[track_caller]
    pub fn jco() -> Self {
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port().to_string();
            drop(free);
            let mut command = Command::new("node");
            command.arg("node_modules/@bytecodealliance/jco/dist/jco.js").current_dir(JCO);
            command.args(["serve", BOUNCE, "--host", "127.0.0.1", "--port", &port]);
            match Self::start(command, "Server listening @ ") {
                Ok(server) => return server,
                Err(output) => said += &output,
            }
        }
        panic!("{said}");
    }

    /// Start, and wait for the line that begins with `announcement` and contains the address. Returns the output if the
    /// server ends before.
    fn start(mut command: Command, announcement: &str) -> Result<Self, String> {
        // `jco` starts another process, which does not end with it.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let output = Output::default();
        output.record(child.stdout.take().unwrap());
        output.record(child.stderr.take().unwrap());
        let mut server = Self { child, addr: (Ipv4Addr::LOCALHOST, 0).into(), output };
        let said = server.output.wait_for(announcement);
        let line = said.lines().find_map(|line| line.strip_prefix(announcement));
        match line.and_then(|line| line.trim_end_matches(['/', '.']).parse().ok()) {
            Some(addr) => {
                server.addr = addr;
                Ok(server)
            }
            None => Err(said),
        }
    }

    /// Everything that it has written so far.
    pub fn output(&self) -> String {
        self.output.0.0.lock().unwrap().text.clone()
    }

    /// The peak memory of the process, in bytes; proc(5).
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// What a server writes, as it arrives.
#[derive(Clone, Default)]
struct Output(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    text: String,
    /// The number of its streams that have ended.
    ended: usize,
}

impl Output {
    fn record(&self, stream: impl Read + Send + 'static) {
        let output = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                output.change(|written| written.text += &(line + "\n"));
            }
            output.change(|written| written.ended += 1);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Written)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// Wait for `text`, for the end of the output or for the deadline. Returns the output so far.
    fn wait_for(&self, text: &str) -> String {
        let is_open = |written: &mut Written| written.ended < 2 && !written.text.contains(text);
        let written = self.0.0.lock().unwrap();
        self.0.1.wait_timeout_while(written, DEADLINE, is_open).unwrap().0.text.clone()
    }
}
