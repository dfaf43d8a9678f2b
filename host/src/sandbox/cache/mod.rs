//! The compile cache: compiled guests on disk, in a folder that only this user can write to.
//!
//! This cache replaces that of wasmtime, for two reasons:
//!
//! - Each entry ends with a checksum, so a truncated or damaged file is a miss.
//! - Loading is many times faster, because an entry is mapped as it is.
//!
//! The entries run as native code. A checksum does not protect against a forged entry, but the folder does: no other
//! user can write to it or replace it.

mod file_kind;
mod stored;

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etcetera::app_strategy::{AppStrategy as _, AppStrategyArgs, choose_native_strategy};

use super::guest::sha256;
use crate::files::{self, Folder, Readers};
use file_kind::{FileKind, METERED};
pub(super) use stored::Stored;
use stored::checksum;

/// The maximum number of entries. The oldest entries are removed first.
const ENTRIES: usize = 64;
/// The age at which an unfinished file is removed: by then, no process is still writing it.
const UNFINISHED: Duration = Duration::from_secs(60 * 60);

/// The folder of compiled guests.
pub(super) struct Cache(Arc<Folder>);

impl Cache {
    /// Opens the user's cache. The error is the text of a warning, because a run without the cache only starts more
    /// slowly.
    pub(super) fn open() -> Result<Self, String> {
        let program =
            AppStrategyArgs { app_name: "curtaincall".to_owned(), ..AppStrategyArgs::default() };
        let folders = choose_native_strategy(program).map_err(|error| error.to_string())?;
        Self::at(&folders.cache_dir())
    }

    /// Opens the cache in this folder.
    pub(super) fn at(path: &Path) -> Result<Self, String> {
        Ok(Self(Arc::new(Folder::private(path)?)))
    }

    /// Returns the entry for the guest with these bytes.
    pub(super) fn entry(&self, source: &[u8], metered: bool) -> CacheEntry {
        // The name does not need wasmtime's version: wasmtime refuses code from another version, which is a miss.
        let metered = if metered { METERED } else { "" };
        let name = format!("{}-{}{metered}", sha256(source), env!("CARGO_PKG_VERSION"));
        CacheEntry { folder: Arc::clone(&self.0), name }
    }
}

/// One compiled guest in the cache, which may not exist yet.
pub(super) struct CacheEntry {
    folder: Arc<Folder>,
    name: String,
}

impl CacheEntry {
    /// Finds the compiled guest. An invalid file, or one that another user may have written, is a miss.
    pub(super) fn find(&self) -> Option<Stored> {
        let name = Path::new(&self.name);
        let file = self.folder.file(name).ok()?;
        if !files::is_own_alone(&file.metadata().ok()?) {
            return None;
        }
        Stored::verify(self.folder.path_of(&file, name), file).ok()?
    }

    /// Writes the entry, and prunes the cache. A concurrent reader sees the complete entry or none.
    pub(super) fn write(&self, content: &[&[u8]]) -> io::Result<()> {
        let checksum = checksum(content.iter().copied());
        let content = [content, &[&checksum]].concat();
        self.folder.replace(OsStr::new(&self.name), &content, Readers::User)?;
        self.prune()
    }

    /// Removes the oldest entries and abandoned unfinished files. Other files in the folder stay.
    fn prune(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for name in self.folder.names()? {
            let kind = name.to_str().map(FileKind::of_name);
            let Some(time) = self.time_of_own(Path::new(&name)) else { continue };
            match kind {
                Some(FileKind::Entry) => entries.push((time, name)),
                Some(FileKind::Unfinished)
                    if time.elapsed().is_ok_and(|elapsed| elapsed > UNFINISHED) =>
                {
                    self.folder.remove(&name)?;
                }
                _ => {}
            }
        }
        entries.sort();
        let excess = entries.len().saturating_sub(ENTRIES);
        entries.iter().take(excess).try_for_each(|(_, name)| self.folder.remove(name))
    }

    /// Returns the modification time of a file, if this user owns it.
    fn time_of_own(&self, name: &Path) -> Option<SystemTime> {
        let metadata = self.folder.file(name).and_then(|file| file.metadata()).ok()?;
        metadata.modified().ok().filter(|_| files::is_own(&metadata))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::PathBuf;

    use super::*;

    fn missing_folder(name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cache-tests").join(name);
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    fn cache(name: &str) -> (PathBuf, Cache) {
        let folder = missing_folder(name);
        let cache = Cache::at(&folder).unwrap();
        (folder, cache)
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    /// Returns the content of an entry, or `None` for a miss.
    fn read(entry: &CacheEntry) -> Option<Vec<u8>> {
        entry.find().map(|stored| stored.read().unwrap())
    }

    const COMPONENT: &[u8] = b"a component";
    const COMPILED: &[u8] = b"compiled code";

    #[test]
    fn an_entry_that_was_written_is_found() {
        let (folder, cache) = cache("hit");
        let entry = cache.entry(COMPONENT, false);
        assert_eq!(read(&entry), None);
        entry.write(&[COMPILED]).unwrap();
        assert_eq!(read(&entry).as_deref(), Some(COMPILED));
        let stored = entry.find().unwrap();
        assert_eq!(stored.tail::<2>().unwrap(), *b"de");
        assert!(stored.tail::<99>().is_err());
        assert!(fs::read(stored.path()).unwrap().starts_with(COMPILED));
        assert_eq!(count(&folder), 1);
        assert!(folder.join(&entry.name).is_file());
    }

    #[test]
    fn a_damaged_entry_is_a_miss() {
        let (folder, cache) = cache("damaged");
        let entry = cache.entry(COMPONENT, false);
        entry.write(&[COMPILED]).unwrap();
        let path = folder.join(&entry.name);
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 1;
        for bad in [&good[..good.len() - 1], &good[..10], b"", &flipped[..]] {
            fs::write(&path, bad).unwrap();
            assert_eq!(read(&entry), None);
        }
        fs::write(&path, good).unwrap();
        assert_eq!(read(&entry).as_deref(), Some(COMPILED));
    }

    #[test]
    fn different_bytes_have_different_entries() {
        let (_, cache) = cache("other");
        assert_ne!(cache.entry(b"a", false).name, cache.entry(b"b", false).name);
        assert_ne!(cache.entry(b"a", false).name, cache.entry(b"a", true).name);
    }

    #[test]
    fn only_the_oldest_entries_are_pruned() {
        let (folder, cache) = cache("prune");
        let others: [&str; 4] =
            ["notes.txt", "0123", &"f".repeat(64), &format!("{}-1.0", "f".repeat(64))];
        for other in others {
            fs::write(folder.join(other), "").unwrap();
        }
        for number in 0..ENTRIES + 3 {
            fs::write(folder.join(format!("{number:064x}-0.0.1")), "").unwrap();
        }
        let entry = cache.entry(COMPONENT, false);
        entry.write(&[COMPILED]).unwrap();
        assert_eq!(count(&folder), ENTRIES + others.len());
        assert!(read(&entry).is_some());
        assert!(others.iter().all(|other| folder.join(other).exists()));
    }

    #[test]
    fn an_unfinished_file_is_removed_when_it_is_old() {
        let (folder, cache) = cache("unfinished");
        let entry = cache.entry(COMPONENT, false);
        let [old, new] =
            ["0", "1"].map(|d| folder.join(format!("{}.{}", entry.name, d.repeat(16))));
        for path in [&old, &new] {
            fs::write(path, "").unwrap();
        }
        let then = SystemTime::now() - 2 * UNFINISHED;
        File::options().write(true).open(&old).unwrap().set_modified(then).unwrap();
        entry.write(&[COMPILED]).unwrap();
        assert!(!old.exists() && new.exists());
    }

    /// In each case the checksum is valid. Earlier versions loaded these entries.
    #[cfg(unix)]
    #[test]
    fn an_entry_that_others_may_have_written_is_a_miss() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let (folder, cache) = cache("foreign");
        let entry = cache.entry(COMPONENT, false);
        entry.write(&[COMPILED]).unwrap();
        let path = folder.join(&entry.name);
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for open in [0o666, 0o620, 0o602] {
            mode(open);
            assert_eq!(read(&entry), None, "{open:o}");
        }
        mode(0o600);
        assert!(read(&entry).is_some());
        fs::hard_link(&path, folder.join("second")).unwrap();
        assert_eq!(read(&entry), None);
        fs::remove_file(&path).unwrap();
        assert!(fs::read(folder.join("second")).is_ok());
        symlink("second", &path).unwrap();
        assert_eq!(read(&entry), None);
        // Writing the entry replaces the link.
        entry.write(&[COMPILED]).unwrap();
        assert_eq!(read(&entry).as_deref(), Some(COMPILED));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_replaces_the_cache_folder_is_not_used() {
        let (folder, cache) = cache("swapped");
        let entry = cache.entry(COMPONENT, false);
        entry.write(&[COMPILED]).unwrap();
        let foreign = super::tests::cache("swapped-foreign").1.entry(COMPONENT, false);
        foreign.write(&[b"foreign native code"]).unwrap();
        let moved = folder.with_file_name("swapped-moved");
        let _ = fs::remove_dir_all(&moved);
        fs::rename(&folder, &moved).unwrap();
        fs::rename(folder.with_file_name("swapped-foreign"), &folder).unwrap();
        assert_eq!(read(&entry).as_deref(), Some(COMPILED));
        // Counter-check: a cache that is opened by its path now has the foreign entry.
        let by_path = read(&Cache::at(&folder).unwrap().entry(COMPONENT, false));
        assert_eq!(by_path.as_deref(), Some(&b"foreign native code"[..]));
        entry.write(&[b"new"]).unwrap();
        assert_eq!(read(&Cache::at(&folder).unwrap().entry(COMPONENT, false)), by_path);
    }

    /// An earlier version deleted files in another folder through a link.
    #[cfg(unix)]
    #[test]
    fn pruning_does_not_follow_links() {
        use std::os::unix::fs::symlink;

        let (folder, cache) = cache("prune-links");
        let precious = missing_folder("prune-links-precious");
        fs::create_dir_all(&precious).unwrap();
        for number in 0..ENTRIES + 9 {
            let name = format!("{number:064x}-0.0.1");
            fs::write(precious.join(&name), "").unwrap();
            symlink(precious.join(&name), folder.join(&name)).unwrap();
        }
        cache.entry(COMPONENT, false).write(&[COMPILED]).unwrap();
        assert_eq!(count(&precious), ENTRIES + 9);
        assert_eq!(count(&folder), ENTRIES + 10, "links are not removed");
    }
}
