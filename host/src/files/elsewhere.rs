//! A folder on systems without descriptors of folders: links are looked for before a file is opened.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use super::{Readers, regular};

/// A folder, by its path.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Open the folder that somebody named; an empty path is the current one.
    ///
    /// # Errors
    /// When it is missing, or not a folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        if fs::metadata(path)?.is_dir() {
            Ok(Self(path.to_owned()))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Open the folder at `path`, and create it if it is missing. A user's folders are private as the system
    /// makes them.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn private(path: &Path) -> Result<Self, String> {
        let made = fs::create_dir_all(path).and_then(|()| Self::open(path));
        made.map_err(|error| format!("`{}` cannot be created: {error}", path.display()))
    }

    /// Open the folder at `path` below this one.
    ///
    /// # Errors
    /// As [`Folder::open`], and where the path has a link in it, or leads upwards.
    pub fn folder(&self, path: &Path) -> io::Result<Self> {
        Self::open(&self.below(path)?)
    }

    /// Open the regular file at `path` in this folder or below, for reading.
    ///
    /// # Errors
    /// When it is missing or not regular, and where the path has a link in it, or leads upwards.
    pub fn file(&self, path: &Path) -> io::Result<File> {
        regular(&self.below(path)?)
    }

    /// The path of an open file of this folder.
    pub fn path_of(&self, _: &File, path: &Path) -> PathBuf {
        self.0.join(path)
    }

    /// Whether there is anything of this name.
    pub fn has(&self, name: &OsStr) -> bool {
        fs::symlink_metadata(self.0.join(name)).is_ok()
    }

    /// The names of all that is in this folder.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    /// Put a file with this content in the place of `name`.
    ///
    /// # Errors
    /// When it cannot be written; then nothing has changed.
    pub fn replace(&self, name: &OsStr, content: &[&[u8]], _: Readers) -> io::Result<()> {
        let random = getrandom::u64().map_err(|_| io::Error::other("no random bytes"))?;
        let mut unfinished = self.0.join(name).into_os_string();
        unfinished.push(format!(".{random:016x}"));
        let written = File::create_new(&unfinished)
            .and_then(|mut file| content.iter().try_for_each(|part| file.write_all(part)))
            .and_then(|()| fs::rename(&unfinished, self.0.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Remove the file or link called `name`.
    ///
    /// # Errors
    /// When it is missing, or a folder.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn below(&self, path: &Path) -> io::Result<PathBuf> {
        path.components().try_fold(self.0.clone(), |folder, part| {
            let Component::Normal(name) = part else {
                return Err(io::Error::other("the path leads out of its folder"));
            };
            let path = folder.join(name);
            if fs::symlink_metadata(&path)?.is_symlink() {
                Err(io::Error::other("it is a symbolic link, and none is followed here"))
            } else {
                Ok(path)
            }
        })
    }
}
