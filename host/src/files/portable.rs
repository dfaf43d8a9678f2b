//! A folder for systems without folder descriptors. It checks a path for links before it opens the file.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use super::{Readers, is_link, no_random_bytes, regular};

/// A folder, identified by its path.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens the folder at `path`. An empty path means the current folder.
    ///
    /// # Errors
    /// Fails if the folder is missing, or not a folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        if fs::metadata(path)?.is_dir() {
            Ok(Self(path.to_owned()))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Opens the folder at `path`, and creates it if it is missing. On this system, the folders of a user are private
    /// by default.
    ///
    /// # Errors
    /// Fails if the folder cannot be created.
    pub fn private(path: &Path) -> Result<Self, String> {
        let made = fs::create_dir_all(path).and_then(|()| Self::open(path));
        made.map_err(|error| format!("cannot create `{}`: {error}", path.display()))
    }

    /// Opens the folder at `path` below this folder.
    ///
    /// # Errors
    /// Fails as [`Folder::open`] does, and if `path` contains a link, is absolute, or contains `..`.
    pub fn folder(&self, path: &Path) -> io::Result<Self> {
        Self::open(&self.below(path)?)
    }

    /// Opens the regular file at `path` below this folder, for reading.
    ///
    /// # Errors
    /// Fails if the file is missing or not a regular file, or if `path` contains a link, is absolute, or contains `..`.
    pub fn file(&self, path: &Path) -> io::Result<File> {
        regular(&self.below(path)?)
    }

    /// Returns the path of the file at `path` in this folder.
    pub fn path_of(&self, _: &File, path: &Path) -> PathBuf {
        self.0.join(path)
    }

    /// Returns whether the folder has an entry with this name, including a dangling link.
    pub fn has(&self, name: &OsStr) -> bool {
        fs::symlink_metadata(self.0.join(name)).is_ok()
    }

    /// Returns the names of all entries.
    ///
    /// # Errors
    /// Fails if the folder cannot be listed.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    /// Replaces the file `name` with one that has this content.
    ///
    /// # Errors
    /// Fails if the file cannot be written. The old file is then unchanged.
    pub fn replace(&self, name: &OsStr, content: &[&[u8]], _: Readers) -> io::Result<()> {
        let random = getrandom::u64().map_err(|_| no_random_bytes())?;
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

    /// Removes the file or link `name`.
    ///
    /// # Errors
    /// Fails if it is missing, or a folder.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn below(&self, path: &Path) -> io::Result<PathBuf> {
        path.components().try_fold(self.0.clone(), |folder, part| {
            let Component::Normal(name) = part else {
                return Err(io::Error::other("the path leads out of the folder"));
            };
            let path = folder.join(name);
            if fs::symlink_metadata(&path)?.is_symlink() { Err(is_link()) } else { Ok(path) }
        })
    }
}
