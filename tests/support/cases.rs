//! Folders of cases, and runs of `host test` in them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::guest;
use super::host::Host;

/// Create a folder with these files.
pub fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = guest::write(&format!("cases-{name}"), b"").with_extension("d");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        fs::write(folder.join(file), text).unwrap();
    }
    folder
}

/// Create a named pipe in this folder.
#[cfg(unix)]
#[track_caller]
pub fn pipe(folder: &Path, name: &str) -> PathBuf {
    let pipe = folder.join(name);
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}

/// `host test` of a guest, in this folder.
pub fn host(folder: &Path, guest: impl AsRef<OsStr>) -> Host {
    Host::bare().arg("test").arg(guest).arg(".").current_dir(folder)
}

/// Run one case against the default guest, and expect this exit code. Returns standard output.
#[track_caller]
pub fn tested(name: &str, case: &str, code: i32) -> String {
    host(&folder(name, &[("a.case", case)]), "default").finish().code(code).stdout
}
