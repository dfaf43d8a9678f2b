//! An open folder, whose files are reached relative to its descriptor and never through a link.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::fs::{fchmod, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::{Readers, is_link, no_random_bytes, only_regular};

/// The flag to open a folder only for access to its files. With `PATH`, this also works without permission to list it.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SEARCH: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SEARCH: OFlags = OFlags::RDONLY;

/// An open folder. It stays the same folder even if its path is replaced later.
#[derive(Debug)]
pub struct Folder(pub(super) File);

impl Folder {
    /// Opens the folder at `path`. An empty path means the current folder. Links in the path are followed.
    ///
    /// # Errors
    /// Fails if the folder is missing, not a folder, or not accessible.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let flags = SEARCH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?.into()))
    }

    /// Opens the folder at `path` below this folder.
    ///
    /// # Errors
    /// Fails as [`Folder::open`] does, and if `path` contains a link, is absolute, or contains `..`.
    pub fn folder(&self, path: &Path) -> io::Result<Self> {
        let here = Self(self.0.try_clone()?);
        path.components().try_fold(here, |folder, part| match part {
            Component::Normal(name) => folder.enter(name),
            _ => Err(io::Error::other("the path leads out of the folder")),
        })
    }

    /// Opens the regular file at `path` below this folder, for reading.
    ///
    /// # Errors
    /// Fails if the file is missing or not a regular file, or if `path` contains a link, is absolute, or contains `..`.
    pub fn file(&self, path: &Path) -> io::Result<File> {
        let nameless = || io::Error::other("the path does not name a file");
        let name = path.file_name().ok_or_else(nameless)?;
        self.folder(path.parent().unwrap_or(Path::new("")))?.regular(name)
    }

    /// Returns a path that leads to `file` while it is open, even if another file replaces it in the folder.
    pub fn path_of(&self, file: &File, _: &Path) -> PathBuf {
        let descriptors = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
        Path::new(descriptors).join(file.as_raw_fd().to_string())
    }

    /// Returns whether the folder has an entry with this name, including a dangling link.
    pub fn has(&self, name: &OsStr) -> bool {
        self.kind(name).is_some()
    }

    /// Returns the names of all entries.
    ///
    /// # Errors
    /// Fails if the folder cannot be listed.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut names = Vec::new();
        for entry in Dir::new(openat(&self.0, ".", flags, Mode::empty())?)? {
            let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Replaces the file `name` with one that has this content. A link is replaced, not followed.
    ///
    /// A reader sees either the old file or the complete new one. Until the new file is complete, its name is `name`, a
    /// dot and 16 hexadecimal digits. A crash can leave that file behind.
    ///
    /// # Errors
    /// Fails if the file cannot be written. The old file is then unchanged.
    pub fn replace(&self, name: &OsStr, content: &[&[u8]], readers: Readers) -> io::Result<()> {
        let random = getrandom::u64().map_err(|_| no_random_bytes())?;
        let mut unfinished = name.to_owned();
        unfinished.push(format!(".{random:016x}"));
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let mode = match readers {
            Readers::User => Mode::from_raw_mode(0o600),
            Readers::Umask => Mode::from_raw_mode(0o666),
        };
        let file = File::from(openat(&self.0, &*unfinished, flags, mode)?);
        let written = write(file, content, readers)
            .and_then(|()| Ok(renameat(&self.0, &*unfinished, &self.0, name)?));
        if written.is_err() {
            let _ = self.remove(&unfinished);
        }
        written
    }

    /// Removes the file or link `name`.
    ///
    /// # Errors
    /// Fails if it is missing, or a folder.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(super) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let flags = SEARCH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(&self.0, name, flags, Mode::empty());
        Ok(Self(opened.map_err(|error| self.refused(name, error))?.into()))
    }

    fn regular(&self, name: &OsStr) -> io::Result<File> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = openat(&self.0, name, flags, Mode::empty());
        only_regular(opened.map_err(|error| self.refused(name, error))?.into())
    }

    /// Returns the error for a failed open. Systems use different error codes for a link that must not be followed.
    fn refused(&self, name: &OsStr, error: Errno) -> io::Error {
        match self.kind(name) {
            Some(FileType::Symlink) => is_link(),
            _ => error.into(),
        }
    }

    fn kind(&self, name: &OsStr) -> Option<FileType> {
        let stat = statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(FileType::from_raw_mode(stat.st_mode))
    }
}

fn write(mut file: File, content: &[&[u8]], readers: Readers) -> io::Result<()> {
    if readers == Readers::User {
        fchmod(&file, Mode::from_raw_mode(0o600))?;
    }
    content.iter().try_for_each(|part| file.write_all(part))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::super::content;
    use super::*;

    /// Creates a folder with a file in it, and next to it a folder with a secret file.
    fn folder(name: &str) -> (PathBuf, Folder) {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/folder-tests").join(name);
        let _ = fs::remove_dir_all(&here);
        fs::create_dir_all(here.join("in/sub")).unwrap();
        fs::create_dir_all(here.join("out")).unwrap();
        fs::write(here.join("in/sub/file"), "good").unwrap();
        fs::write(here.join("out/file"), "secret").unwrap();
        let folder = Folder::open(&here.join("in")).unwrap();
        (here, folder)
    }

    fn read(folder: &Folder, path: &str) -> Result<String, String> {
        let file = folder.file(Path::new(path)).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(content(file, 100).unwrap()).unwrap())
    }

    #[test]
    fn no_link_and_no_parent_path_leads_out_of_a_folder() {
        let (here, folder) = folder("out");
        assert_eq!(read(&folder, "sub/file").as_deref(), Ok("good"));
        symlink(here.join("out/file"), here.join("in/link")).unwrap();
        symlink(here.join("out"), here.join("in/away")).unwrap();
        symlink("sub", here.join("in/near")).unwrap();
        for path in ["link", "away/file", "near/file"] {
            let error = read(&folder, path).unwrap_err();
            assert!(error.contains("a symbolic link"), "{path}: {error}");
            // Counter-check: with links followed, each of these is a readable file.
            assert!(fs::read(here.join("in").join(path)).is_ok(), "{path}");
        }
        for path in ["../out/file", "sub/../../out/file", "/etc/passwd", "", ".."] {
            assert!(read(&folder, path).is_err(), "{path}");
        }
    }

    #[test]
    fn an_open_folder_stays_the_same_when_its_path_is_replaced() {
        let (here, folder) = folder("swapped");
        fs::rename(here.join("in"), here.join("was")).unwrap();
        fs::create_dir_all(here.join("in/sub")).unwrap();
        fs::write(here.join("in/sub/file"), "foreign").unwrap();
        assert_eq!(read(&folder, "sub/file").as_deref(), Ok("good"));
        folder.replace(OsStr::new("new"), &[b"x"], Readers::User).unwrap();
        assert!(here.join("was/new").exists() && !here.join("in/new").exists());
        assert_eq!(fs::read_to_string(here.join("in/sub/file")).unwrap(), "foreign");
    }

    #[test]
    fn replacing_a_link_does_not_change_its_target() {
        let (here, folder) = folder("replace");
        symlink(here.join("out/file"), here.join("in/link")).unwrap();
        folder.replace(OsStr::new("link"), &[b"ne", b"w"], Readers::User).unwrap();
        assert_eq!(fs::read_to_string(here.join("out/file")).unwrap(), "secret");
        assert_eq!(read(&folder, "link").as_deref(), Ok("new"));
        assert_eq!(fs::metadata(here.join("in/link")).unwrap().mode() & 0o777, 0o600);
        let mut names = folder.names().unwrap();
        names.sort();
        assert_eq!(names, ["link", "sub"]);
        // Replacing a folder fails, and leaves no unfinished file behind.
        folder.replace(OsStr::new("sub"), &[b"x"], Readers::Umask).unwrap_err();
        assert_eq!(folder.names().unwrap().len(), 2);
    }
}
