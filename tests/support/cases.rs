//! Folders of cases, and `host test` in them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::guest;
use super::host::Host;

/// A new folder for cases, and in it these files.
pub fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = guest::write(&format!("cases-{name}"), b"").with_extension("d");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        fs::write(folder.join(file), text).unwrap();
    }
    folder
}

/// A new named pipe there.
#[cfg(unix)]
#[track_caller]
pub fn pipe(folder: &Path, name: &str) -> PathBuf {
    let pipe = folder.join(name);
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    pipe
}

/// `host test` of a guest, in a folder with these cases.
pub fn host(folder: &Path, guest: impl AsRef<OsStr>) -> Host {
    Host::bare().arg("test").arg(guest).arg(".").current_dir(folder)
}

/// What is printed for one case of the default guest.
#[track_caller]
pub fn tested(name: &str, case: &str, code: i32) -> String {
    host(&folder(name, &[("a.case", case)]), "default").finish().code(code).stdout
}
