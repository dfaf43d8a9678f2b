//! Says which outside programs the tests can use: where one is missing they are reported as ignored,
//! and under `CI=true` they run and fail.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(is_root)");
    let is_ci = env::var("CI").is_ok_and(|ci| ci == "true");
    if is_root() || is_ci {
        println!("cargo::rustc-cfg=is_root");
    }
    println!("cargo::rustc-check-cfg=cfg(has_chromium)");
    println!("cargo::rustc-check-cfg=cfg(has_engines)");
    println!("cargo::rerun-if-env-changed=CI");
    println!("cargo::rerun-if-env-changed=PATH");
    // A file that is missing would count as changed every time.
    println!("cargo::rerun-if-changed=/usr/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let has = |program: &str| env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let ci = env::var("CI").is_ok_and(|ci| ci == "true");
    let chromium = has("chromium") && has("chromedriver");
    if ci || chromium {
        println!("cargo::rustc-cfg=has_chromium");
    }
    let others = ["firefox-esr", "WebKitWebDriver", "Xvfb", "ip"].into_iter().all(has);
    if ci || (chromium && others && namespaces()) {
        println!("cargo::rustc-cfg=has_engines");
    }
}

/// Whether a test can have a network of its own: as root, or in a user namespace.
fn namespaces() -> bool {
    let all = ["--net", "--mount", "--pid", "--fork", "--mount-proc"];
    [&[][..], &["--user", "--map-root-user"]].into_iter().any(|user| {
        let unshare = Command::new("unshare").args(all).args(user).arg("true").output();
        unshare.is_ok_and(|output| output.status.success())
    })
}

/// Only root can be another user.
#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
