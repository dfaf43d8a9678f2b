//! Chromium, controlled by chromedriver.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::w3c::W3c;

/// Flags that keep Chromium from contacting its vendor and from delaying background tabs. Chromium still requests
/// updates and accounts, so the flags give it addresses where nothing listens.
const FLAGS: [&str; 20] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-popup-blocking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--window-size=800,600",
    "--disable-extensions",
    "--disable-component-extensions-with-background-pages",
    "--disable-default-apps",
    "--metrics-recording-only",
    "--gaia-url=http://127.0.0.1:9",
    "--component-updater=url-source=http://127.0.0.1:9/",
    "--disable-features=OptimizationHints,OptimizationGuideModelDownloading,\
     NetworkTimeServiceQuerying,MediaRouter,Translate,AutofillServerCommunication",
];

/// The number of attempts to start chromedriver.
const ATTEMPTS: usize = 5;

/// Start with these flags too, and with this home folder instead of that of the user.
#[track_caller]
pub fn start(mut capabilities: Value, more: &[&str], home: Option<&Path>) -> (Vec<Child>, W3c) {
    let (driver, port) = start_driver(home);
    let args: Vec<_> = FLAGS.iter().chain(more).collect();
    capabilities["goog:chromeOptions"] = json!({ "args": args, "binary": "/usr/bin/chromium" });
    (vec![driver], W3c::new(port, &capabilities))
}

/// Start chromedriver. Returns its port. It chooses a free port of `[::1]`, and exits if the same port of `127.0.0.1`
/// is taken. Other tests take thousands of ports, so this retries.
#[track_caller]
fn start_driver(home: Option<&Path>) -> (Child, u16) {
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        if let Some(home) = home {
            command.env("HOME", home);
        }
        let mut driver = command.spawn().unwrap();
        for line in BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some((_, port)) = line.split_once(" started successfully on port ") {
                return (driver, port.trim_end_matches('.').parse().unwrap());
            }
            said.push_str(&line);
            said.push('\n');
        }
        let _ = driver.kill();
        let _ = driver.wait();
    }
    panic!("chromedriver did not start:\n{said}");
}
