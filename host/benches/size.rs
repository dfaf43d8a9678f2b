//! The sizes of the program and of the guests that it contains.

use std::fs;
use std::path::Path;

use crate::figures::Verdict;

/// The limit for the guest `oauth2`, in bytes.
const OAUTH2_MOST: u64 = 150_000;
/// The limit for the program, in bytes. Before guests could use the network, it had 27.4 MB. Issue 10 allows 4 MB more.
const HOST_MOST: u64 = 31_400_000;
/// The size of a program depends on the system and the profile. The limit is for this one.
const IS_COMPARABLE: bool =
    cfg!(all(target_os = "linux", target_arch = "x86_64", not(debug_assertions)));

pub fn run(verdict: &mut Verdict) {
    let host = print("the program `host`", Path::new(env!("CARGO_BIN_EXE_host")));
    if IS_COMPARABLE {
        verdict.require("the program has at most 31.4 MB", host <= HOST_MOST);
    } else {
        println!("  not compared: the limit is for a release build for Linux on x86-64");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    let mut guests: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    guests.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    guests.sort_unstable();
    for guest in guests {
        let name = guest.file_stem().unwrap().to_str().unwrap();
        let size = print(&format!("the embedded guest `{name}`"), &guest);
        if name == "oauth2" {
            verdict.require("`oauth2` has at most 150 KB", size <= OAUTH2_MOST);
        }
    }
}

/// Print the size of a file, and return it in bytes.
fn print(what: &str, file: &Path) -> u64 {
    let size = fs::metadata(file).unwrap().len();
    println!("{what:<58} {size:>13} bytes");
    size
}
