//! A folder that other users can neither write to nor replace.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, mkdirat};
use rustix::io::Errno;

use super::Folder;

impl Folder {
    /// Opens the folder at `path`, and creates it if it is missing.
    ///
    /// Every folder on the path, from the root down, is checked through its descriptor, and the next one is opened
    /// relative to it. Other users therefore cannot replace a folder between the check and the use.
    ///
    /// # Errors
    /// Fails if a folder cannot be opened or created, or if other users could change it. The message names the folder.
    pub fn private(path: &Path) -> Result<Self, String> {
        let uncreated = |error: io::Error| format!("cannot create `{}`: {error}", path.display());
        let (real, missing) = resolve(path).map_err(uncreated)?;
        let mut at = PathBuf::from("/");
        let unopened =
            |at: &Path, error: io::Error| format!("cannot open `{}`: {error}", at.display());
        let mut folder = Self::open(&at).map_err(|error| unopened(&at, error))?;
        folder.check(&at, false)?;
        for part in real.components() {
            let Component::Normal(name) = part else { continue };
            at.push(name);
            folder = folder.enter(name).map_err(|error| unopened(&at, error))?;
            folder.check(&at, at == real && missing.is_empty())?;
        }
        for (left, name) in missing.iter().enumerate().rev() {
            at.push(name);
            match mkdirat(&folder.0, *name, Mode::from_raw_mode(0o700)) {
                // `EXIST`: another process created the folder at the same time.
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(uncreated(error.into())),
            }
            folder = folder.enter(name).map_err(|error| unopened(&at, error))?;
            folder.check(&at, left == 0)?;
        }
        Ok(folder)
    }

    /// Checks that other users cannot replace entries of this folder. In the last folder, they must not even be able to
    /// add entries.
    fn check(&self, at: &Path, is_last: bool) -> Result<(), String> {
        let place = at.display();
        let metadata = self.0.metadata().map_err(|e| format!("cannot read `{place}`: {e}"))?;
        let (owner, mode) = (metadata.uid(), metadata.mode());
        let is_own = owner == rustix::process::geteuid().as_raw();
        if !is_own && (is_last || owner != 0) {
            return Err(format!("`{place}` belongs to another user"));
        }
        // In a sticky folder such as `/tmp`, users can replace only their own entries.
        let is_sticky = mode & 0o1000 != 0;
        if mode & 0o022 != 0 && (is_last || !is_sticky) {
            Err(format!("`{place}` is writable by other users"))
        } else {
            Ok(())
        }
    }
}

/// Splits `path` into its existing part, with links resolved, and the names of the missing folders below it, last
/// first.
fn resolve(path: &Path) -> io::Result<(PathBuf, Vec<&OsStr>)> {
    let (mut existing, mut missing) = (path, Vec::new());
    loop {
        match fs::canonicalize(existing) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (existing.parent(), existing.file_name()) else {
                    return Err(error);
                };
                missing.push(name);
                existing = parent;
            }
            resolved => return Ok((resolved?, missing)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn home(name: &str) -> PathBuf {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/private-tests").join(name);
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).unwrap();
        fs::canonicalize(home).unwrap()
    }

    #[track_caller]
    fn refused(path: &Path, at: &Path, why: &str) {
        let error = Folder::private(path).unwrap_err();
        assert_eq!(error, format!("`{}` {why}", at.display()));
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_missing_folder_is_created_private_and_a_link_to_an_own_folder_is_followed() {
        let home = home("missing");
        symlink(&home, home.join("link")).unwrap();
        Folder::private(&home.join("link/a/b")).unwrap();
        let created = fs::metadata(home.join("a/b")).unwrap();
        assert_eq!(created.mode() & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_other_users_can_write_to_is_refused_anywhere_on_the_path() {
        let home = home("writable");
        let (parent, last) = (home.join("parent"), home.join("parent/last"));
        fs::create_dir_all(&last).unwrap();
        for folder in [&parent, &last] {
            for open in [0o777, 0o770, 0o702] {
                mode(folder, open);
                refused(&last, folder, "is writable by other users");
            }
            mode(folder, 0o700);
            Folder::private(&last).unwrap();
        }
        // A sticky folder, such as `/tmp`: other users can add entries, but not replace those of this user.
        mode(&parent, 0o1777);
        Folder::private(&last).unwrap();
        mode(&last, 0o1777);
        refused(&last, &last, "is writable by other users");
    }
}
