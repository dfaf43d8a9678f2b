//! Files that somebody named, a person or a stranger: opened without waiting for anybody, checked through
//! their descriptor, and where a stranger named them, not reached through a link.

mod append;
#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod folder;
#[cfg(unix)]
mod private;

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

pub use append::append;
#[cfg(not(unix))]
pub use elsewhere::Folder;
#[cfg(unix)]
pub use folder::Folder;

/// Who may read a file that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// This user alone, whatever the umask.
    User,
    /// Those that the umask allows.
    Umask,
}

/// Open a regular file for reading. Anything else fails at once: a pipe may never end.
///
/// # Errors
/// When there is no such file, or it is not regular.
pub fn regular(path: &Path) -> io::Result<File> {
    // Windows opens no folder, and calls that a lack of permission.
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

/// Everything that `source` has, which must be at most `limit` bytes.
///
/// # Errors
/// When it cannot be read, or is larger.
pub fn content(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        Err(io::Error::other(format!("it is larger than {} MiB", limit >> 20)))
    } else {
        Ok(content)
    }
}

/// Whether the path is the usual name of a descriptor that this process was started with: standard input,
/// or the pipe of a shell's `<(command)`. Nobody else can put anything there.
pub fn is_inherited(path: &Path) -> bool {
    let is_standard =
        ["/dev/stdin", "/dev/stdout", "/dev/stderr"].iter().any(|name| path == Path::new(name));
    let folders = ["/dev/fd", "/proc/self/fd"];
    let is_numbered =
        path.parent().is_some_and(|parent| folders.iter().any(|name| parent == Path::new(name)));
    cfg!(unix) && (is_standard || is_numbered)
}

/// Whether a named pipe is at `path`.
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

/// Whether it is a regular file of this user.
#[cfg(unix)]
pub fn is_own(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Whether it is a regular file of this user that nobody else can have written to.
#[cfg(unix)]
pub fn is_own_alone(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    is_own(metadata) && metadata.nlink() == 1 && metadata.mode() & 0o022 == 0
}

/// Other systems have other permissions: a user's folders are private as the system makes them.
#[cfg(not(unix))]
pub fn is_own(metadata: &Metadata) -> bool {
    metadata.is_file()
}

/// As [`is_own`].
#[cfg(not(unix))]
pub fn is_own_alone(metadata: &Metadata) -> bool {
    is_own(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_its_limit_is_not_read() {
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
    fn a_descriptor_of_this_process_is_known_by_its_name() {
        for name in ["/dev/stdin", "/dev/fd/63", "/proc/self/fd/0"] {
            assert!(is_inherited(Path::new(name)), "{name}");
        }
        for name in ["/dev/shm/x", "/dev/fd", "stdin", "/dev/fd/../shm/x", "/proc/1/fd/0"] {
            assert!(!is_inherited(Path::new(name)), "{name}");
        }
    }
}
