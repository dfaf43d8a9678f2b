//! The compile cache: compiled guests on disk, in a folder that only this user can write to.

use std::fs;
use std::path::{Path, PathBuf};

use directories_next::ProjectDirs;
use wasmtime::{Cache, CacheConfig};

/// Open the cache, or say why there is none: a run without it is slower, and nothing else.
pub(super) fn open() -> Result<Cache, String> {
    let directory = directory().ok_or("there is no home folder")?;
    private(&directory).map_err(|why| format!("`{}` {why}", directory.display()))?;
    let mut config = CacheConfig::new();
    config.with_directory(directory);
    Cache::new(config).map_err(|error| error.to_string())
}

fn directory() -> Option<PathBuf> {
    ProjectDirs::from("", "", "curtaincall").map(|dirs| dirs.cache_dir().to_owned())
}

/// What is in the cache runs as native code, so nobody else may be able to put it there.
#[cfg(unix)]
fn private(directory: &Path) -> Result<(), String> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};

    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| format!("cannot be created: {error}"))?;
    let metadata = fs::metadata(directory).map_err(|error| format!("cannot be read: {error}"))?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("belongs to another user".to_owned());
    }
    match metadata.mode() & 0o022 {
        0 => Ok(()),
        _ => Err("is writable by other users".to_owned()),
    }
}

/// The cache folder of a Windows user is private as the system makes it.
#[cfg(not(unix))]
fn private(directory: &Path) -> Result<(), String> {
    fs::create_dir_all(directory).map_err(|error| format!("cannot be created: {error}"))
}
