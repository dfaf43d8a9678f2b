//! Reads and writes the files beside a case: its bodies and its snapshot.
//!
//! A case may be untrusted. So nothing outside its folder is read or written, and links are not followed.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::files::{self, Folder, Readers};
use crate::testing::raw::FILE_LIMIT;

/// A case file and its folder.
#[derive(Debug)]
pub(super) struct CaseFolder {
    /// The path of the case file, for messages.
    pub(super) file: PathBuf,
    /// The open folder, or why it cannot be opened. A case from standard input that reads no file does not need it.
    folder: io::Result<Folder>,
}

impl CaseFolder {
    /// Opens the folder of the case at `path` below `root`. Links in `root` are followed, because the user named it.
    pub(super) fn of(root: &Path, path: &Path) -> Self {
        let folder =
            Folder::open(root).and_then(|root| root.folder(path.parent().unwrap_or(Path::new(""))));
        Self { file: root.join(path), folder }
    }

    /// Reads the case file itself. It may also be standard input or a pipe from the shell.
    pub(super) fn case(&self, limit: u64) -> io::Result<Vec<u8>> {
        if files::is_inherited(&self.file) {
            files::content(File::open(&self.file)?, limit)
        } else {
            self.content(Path::new(self.file.file_name().unwrap_or_default()), limit)
        }
    }

    /// Reads a file in the folder or below.
    pub(super) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.content(path, FILE_LIMIT)
    }

    fn content(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        files::content(self.folder()?.file(path)?, limit)
    }

    /// Returns the file name of the snapshot: `a.snap` for `a.case`.
    pub(super) fn snapshot_name(&self) -> PathBuf {
        let name = Path::new(self.file.file_name().unwrap_or_default());
        name.with_extension("snap")
    }

    /// Returns whether an entry with this name exists. A link counts, even if its target is missing.
    pub(super) fn has(&self, name: &Path) -> bool {
        self.folder().is_ok_and(|folder| folder.has(name.as_os_str()))
    }

    /// Writes the file `name`, replacing an existing one.
    pub(super) fn write(&self, name: &OsStr, content: &[u8]) -> io::Result<()> {
        self.folder()?.replace(name, &[content], Readers::Umask)
    }

    fn folder(&self) -> io::Result<&Folder> {
        self.folder.as_ref().map_err(|error| match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::other(error.to_string()),
        })
    }
}
