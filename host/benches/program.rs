//! The program `host`, as the benchmarks start it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

static HOST: LazyLock<PathBuf> = LazyLock::new(|| copy(Path::new(env!("CARGO_BIN_EXE_host"))));

/// A `host` command with a compile cache for the benchmarks, and without standard input.
pub fn host() -> Command {
    let mut host = Command::new(&*HOST);
    host.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    // Cargo sets this for its own libraries. A dynamically linked program would search there too.
    host.env_remove("LD_LIBRARY_PATH");
    host
}

/// Copy a program, read the copy once, and return its path.
///
/// A file that the linker has just written starts about 0.6 ms slower than a copy of it, such as an installed program.
pub fn copy(program: &Path) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
    fs::create_dir_all(&folder).unwrap();
    let copy = folder.join(program.file_name().unwrap());
    // A process that an earlier run left behind may still execute the last copy. Such a file cannot be overwritten.
    let _ = fs::remove_file(&copy);
    fs::copy(program, &copy).unwrap();
    // Otherwise the system would write the file to the disk during the first runs.
    File::options().append(true).open(&copy).unwrap().sync_all().unwrap();
    fs::read(&copy).unwrap();
    copy
}
