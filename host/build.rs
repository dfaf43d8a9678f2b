//! Says which outside programs the tests can use: where one is missing they are reported as ignored,
//! and under `CI=true` they run and fail.

use std::env;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_chromium)");
    println!("cargo::rerun-if-env-changed=CI");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-changed=/usr/bin/chromedriver");
    let path = env::var_os("PATH").unwrap_or_default();
    let has = |program| env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if (has("chromium") && has("chromedriver")) || env::var("CI").is_ok_and(|ci| ci == "true") {
        println!("cargo::rustc-cfg=has_chromium");
    }
}
