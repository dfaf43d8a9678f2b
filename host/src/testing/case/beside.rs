//! What is beside a case: its bodies and its snapshot. A case may be a stranger's, so nothing outside of its
//! folder is read or written, and no link is followed.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::files::{self, Folder, Readers};

/// The longest body or snapshot in a file, in bytes.
const SIZE_LIMIT: u64 = 64 << 20;

/// The folder of a case, and the case in it.
#[derive(Debug)]
pub(super) struct Beside {
    /// Of the case, for messages.
    pub(super) file: PathBuf,
    /// Nothing is beside a case whose folder is not there.
    folder: io::Result<Folder>,
}

impl Beside {
    /// Of the case at `path` below `root`, which is a folder that somebody named.
    pub(super) fn of(root: &Path, path: &Path) -> Self {
        let folder =
            Folder::open(root).and_then(|root| root.folder(path.parent().unwrap_or(Path::new(""))));
        Self { file: root.join(path), folder }
    }

    /// The case itself. Standard input and the pipe of a shell are read as well, if that is what it is.
    pub(super) fn case(&self, limit: u64) -> io::Result<Vec<u8>> {
        if files::is_inherited(&self.file) {
            files::content(File::open(&self.file)?, limit)
        } else {
            self.content(Path::new(self.file.file_name().unwrap_or_default()), limit)
        }
    }

    /// The content of a file beside the case or below.
    pub(super) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.content(path, SIZE_LIMIT)
    }

    fn content(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        files::content(self.folder()?.file(path)?, limit)
    }

    /// The name of the snapshot, of `a.case` `a.snap`.
    pub(super) fn snapshot(&self) -> PathBuf {
        let name = Path::new(self.file.file_name().unwrap_or_default());
        name.with_extension("snap")
    }

    /// Whether there is anything of this name, a link included.
    pub(super) fn has(&self, name: &Path) -> bool {
        self.folder().is_ok_and(|folder| folder.has(name.as_os_str()))
    }

    /// Put a file into the place of `name`.
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
