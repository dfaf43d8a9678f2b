//! Firefox, controlled through Marionette.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::DEADLINE;
use super::marionette::Marionette;

/// Preferences that turn off only the requests that Firefox sends by itself. Those of Marionette
/// (`remote.prefs.recommended`) would also turn off speculative connections.
const PREFERENCES: &str = include_str!("firefox.js");

#[track_caller]
pub fn start(capabilities: &Value, folder: &Path) -> (Vec<Child>, Marionette) {
    fs::write(folder.join("user.js"), PREFERENCES).unwrap();
    let mut command = Command::new("firefox-esr");
    command
        .args(["--marionette", "--headless", "--no-remote", "--profile"])
        .arg(folder)
        .env("HOME", folder)
        .env("MOZ_CRASHREPORTER_DISABLE", "1")
        // Without it, a release build accepts only the settings server of its vendor.
        .env("MOZ_REMOTE_SETTINGS_DEVTOOLS", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    super::without_proxy(&mut command);
    let browser = command.spawn().unwrap();
    let started = Instant::now();
    let port = loop {
        let port = fs::read_to_string(folder.join("MarionetteActivePort")).unwrap_or_default();
        if let Ok(port) = port.trim().parse() {
            break port;
        }
        assert!(
            started.elapsed() < DEADLINE * 2,
            "Firefox did not open its Marionette port in time"
        );
        thread::park_timeout(Duration::from_millis(20));
    };
    (vec![browser], Marionette::connect(port, capabilities))
}
