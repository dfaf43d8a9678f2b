//! WebKitGTK, controlled by `WebKitWebDriver`, on its own virtual screen.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::DEADLINE;
use super::w3c::W3c;

/// Variables that keep GTK from using desktop services. GTK would start `dbus` on demand.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("DBUS_SESSION_BUS_ADDRESS", "disabled:"),
    ("GIO_USE_VFS", "local"),
    ("GIO_USE_PORTALS", "0"),
    ("GSETTINGS_BACKEND", "memory"),
    ("GTK_A11Y", "none"),
    ("NO_AT_BRIDGE", "1"),
    ("GDK_BACKEND", "x11"),
];

#[track_caller]
pub fn start(capabilities: &Value, folder: &Path) -> (Vec<Child>, W3c) {
    let mut screen = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut display = String::new();
    BufReader::new(screen.stdout.take().unwrap()).read_line(&mut display).unwrap();
    // The driver needs a given port and cannot report one that it chose. In a network that other tests share, another
    // process might take the port in the meantime.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let mut command = Command::new("WebKitWebDriver");
    command.arg(format!("--port={port}")).env("DISPLAY", format!(":{}", display.trim()));
    for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(name, folder);
    }
    command.envs(ENVIRONMENT).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    super::without_proxy(&mut command);
    let driver = command.spawn().unwrap();
    let started = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(started.elapsed() < DEADLINE, "WebKitWebDriver did not listen in time");
        thread::park_timeout(Duration::from_millis(20));
    }
    (vec![driver, screen], W3c::new(port, capabilities))
}
