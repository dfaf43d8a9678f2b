//! Opens files whose paths come from the user or from an untrusted source.
//!
//! Except in [`text`], opening a file to read never blocks. The checks use the open descriptor. A path from an
//! untrusted source is opened below a [`Folder`], and links in it are not followed.

mod append;
#[cfg(unix)]
mod folder;
#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod private;

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

pub use append::append;
#[cfg(unix)]
pub use folder::Folder;
#[cfg(not(unix))]
pub use portable::Folder;

/// The largest text file: variables, grants, a preset, or a secret. In bytes.
pub const TEXT_LIMIT: u64 = 1 << 20;

/// Who may read a newly created file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Only this user, independent of the umask.
    User,
    /// All users that the umask allows.
    Umask,
}

/// Opens a regular file for reading. Fails at once for other kinds of files, because reading a pipe may never end.
///
/// # Errors
/// Fails if the file is missing or not a regular file.
pub fn regular(path: &Path) -> io::Result<File> {
    // On Windows, opening a folder fails with a misleading error: permission denied.
    if cfg!(windows) && path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
    }
    only_regular(options.open(path)?)
}

fn only_regular(file: File) -> io::Result<File> {
    let metadata = file.metadata()?;
    if metadata.is_file() {
        Ok(file)
    } else if metadata.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

/// Returns the error for a link that must not be followed.
fn is_link() -> io::Error {
    io::Error::other("it is a symbolic link, and links are not followed here")
}

/// Returns the error for a failed random number generator.
fn no_random_bytes() -> io::Error {
    io::Error::other("cannot read random bytes from the operating system")
}

/// Reads `source` to its end. It must have at most `limit` bytes.
///
/// # Errors
/// Fails if `source` cannot be read, or is longer than `limit`.
pub fn content(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        Err(io::Error::other(format!("it is larger than {} MiB", limit >> 20)))
    } else {
        Ok(content)
    }
}

/// Reads the text of the file or pipe at `path`. It must be UTF-8, and have at most [`TEXT_LIMIT`] bytes.
///
/// # Errors
/// Fails if the file cannot be read, is too large or is not UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    utf8(File::open(path)?)
}

/// Reads the text of the regular file at `path`, within the limits of [`text`]. Never blocks.
///
/// # Errors
/// Fails as [`text`] does, and if the file is not a regular file.
pub fn regular_text(path: &Path) -> io::Result<String> {
    utf8(regular(path)?)
}

fn utf8(file: File) -> io::Result<String> {
    String::from_utf8(content(file, TEXT_LIMIT)?)
        .map_err(|_| io::Error::other("it is not valid UTF-8"))
}

/// Returns whether the path is the usual name of an inherited descriptor, such as standard input or the pipe of a
/// shell's `<(command)`. Other users cannot replace such a file.
pub fn is_inherited(path: &Path) -> bool {
    let is_standard =
        ["/dev/stdin", "/dev/stdout", "/dev/stderr"].iter().any(|name| path == Path::new(name));
    let folders = ["/dev/fd", "/proc/self/fd"];
    let is_numbered =
        path.parent().is_some_and(|parent| folders.iter().any(|name| parent == Path::new(name)));
    cfg!(unix) && (is_standard || is_numbered)
}

/// Returns whether a named pipe is at `path`.
pub fn is_pipe(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Returns whether `metadata` describes a regular file that this user owns.
#[cfg(unix)]
pub fn is_own(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Returns whether `metadata` describes a regular file that this user owns and that no other user can write to.
///
/// A file with a second hard link does not qualify, because it is also reachable from another folder.
#[cfg(unix)]
pub fn is_own_alone(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    is_own(metadata) && metadata.nlink() == 1 && metadata.mode() & 0o022 == 0
}

/// Returns whether `metadata` describes a regular file. On this system, the folders of a user are private by default.
#[cfg(not(unix))]
pub fn is_own(metadata: &Metadata) -> bool {
    metadata.is_file()
}

/// Returns the same as [`is_own`] on this system.
#[cfg(not(unix))]
pub fn is_own_alone(metadata: &Metadata) -> bool {
    is_own(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_over_the_limit_is_an_error() {
        let long = vec![b'x'; (1 << 20) + 1];
        assert_eq!(content(&long[1..], 1 << 20).unwrap().len(), 1 << 20);
        let error = content(&long[..], 1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 1 MiB");
    }

    #[cfg(unix)]
    #[test]
    fn only_a_regular_file_is_opened() {
        assert_eq!(regular(Path::new("/dev/zero")).unwrap_err().to_string(), "not a regular file");
        assert_eq!(regular(Path::new("/")).unwrap_err().to_string(), "is a directory");
        regular(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn an_inherited_descriptor_is_recognized_by_its_path() {
        for name in ["/dev/stdin", "/dev/fd/63", "/proc/self/fd/0"] {
            assert!(is_inherited(Path::new(name)), "{name}");
        }
        for name in ["/dev/shm/x", "/dev/fd", "stdin", "/dev/fd/../shm/x", "/proc/1/fd/0"] {
            assert!(!is_inherited(Path::new(name)), "{name}");
        }
    }
}
