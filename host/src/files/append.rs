//! Opens a private file to append lines to it.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens the file at `path` to append to it.
///
/// - If the file is missing, it is created with access for this user only.
/// - If it is a named pipe without a reader, this blocks until a reader opens it.
/// - If it is a device, such as `/dev/stderr`, its owner and mode are not checked.
///
/// # Errors
/// Fails if the file cannot be opened, is a link, belongs to another user, or is accessible to other users.
pub fn append(path: &Path) -> io::Result<File> {
    let file = open(path)?;
    check(path, &file)?;
    Ok(file)
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    use rustix::io::Errno;

    // Another user may have put a link there, to a private file of this user.
    let links = if super::is_inherited(path) { OFlags::empty() } else { OFlags::NOFOLLOW };
    let existing = |flags: OFlags| options(flags | links).open(path);
    let opened = match existing(OFlags::NONBLOCK | OFlags::NOCTTY) {
        // The pipe has no reader yet. Without `NONBLOCK`, opening it waits for one.
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            return existing(OFlags::NOCTTY);
        }
        // `create_new` does not create the target of a dangling link.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match options(OFlags::NOFOLLOW).create_new(true).open(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    existing(OFlags::NONBLOCK | OFlags::NOCTTY)
                }
                created => created,
            }
        }
        opened => opened,
    };
    let file = opened.map_err(|error| {
        if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
            io::Error::other("it is a symbolic link: expected the file itself")
        } else {
            error
        }
    })?;
    // Writes may block: the writer checks first whether the pipe has space.
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

#[cfg(unix)]
fn options(flags: rustix::fs::OFlags) -> std::fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = File::options();
    options.append(true).mode(0o600).custom_flags(flags.bits() as i32);
    options
}

/// Checks the owner and the mode of the open file. The path may already lead to another file.
#[cfg(unix)]
fn check(path: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    let metadata = file.metadata()?;
    let (is_file, is_pipe) = (metadata.is_file(), metadata.file_type().is_fifo());
    if super::is_inherited(path) || !(is_file || is_pipe) {
        return Ok(());
    }
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    if !(is_own || is_pipe && metadata.uid() == 0) {
        return Err(io::Error::other("it belongs to another user: expected a file of this user"));
    }
    if is_file && metadata.mode() & 0o077 != 0 {
        Err(io::Error::other("other users can read or write it: expected mode 0600"))
    } else {
        Ok(())
    }
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

#[cfg(not(unix))]
fn check(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}
