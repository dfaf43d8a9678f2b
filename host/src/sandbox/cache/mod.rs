//! The compile cache: compiled guests on disk, in a folder that only this user can write to.
//!
//! Ours and not wasmtime's, because what is loaded here runs as native code: every entry carries the
//! checksum of its content, so that a truncated or damaged file is a miss. It also takes a fraction of the time
//! to load, since an entry is mapped as it is. Against a file that somebody made on purpose the checksum is no
//! help; that nobody else can put one into the folder, or another folder in its place, is.

mod stored;
mod written;

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etcetera::app_strategy::{AppStrategy as _, AppStrategyArgs, choose_native_strategy};
use sha2::{Digest as _, Sha256};

use crate::files::{self, Folder, Readers};
pub(super) use stored::Stored;
use stored::checksum;
use written::{METERED, Written};

/// How many compiled guests are kept; the oldest go first.
const ENTRIES: usize = 64;
/// After so long, nobody is still writing an entry.
const UNFINISHED: Duration = Duration::from_secs(60 * 60);

/// The folder of compiled guests.
pub(super) struct Cache(Arc<Folder>);

impl Cache {
    /// Open the user's cache, or say why there is none: a run without it is slower, and nothing else.
    pub(super) fn open() -> Result<Self, String> {
        let program =
            AppStrategyArgs { app_name: "curtaincall".to_owned(), ..AppStrategyArgs::default() };
        let folders = choose_native_strategy(program).map_err(|error| error.to_string())?;
        Self::at(&folders.cache_dir())
    }

    fn at(path: &Path) -> Result<Self, String> {
        Ok(Self(Arc::new(Folder::private(path)?)))
    }

    /// Where the compiled form of these bytes is, or would be.
    pub(super) fn entry(&self, source: &[u8], metered: bool) -> Entry {
        let digest = Sha256::digest(source);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        // What another version of wasmtime compiled is a miss when it is read.
        let metered = if metered { METERED } else { "" };
        let name = format!("{digest}-{}{metered}", env!("CARGO_PKG_VERSION"));
        Entry { folder: Arc::clone(&self.0), name }
    }
}

/// One compiled guest on disk.
pub(super) struct Entry {
    folder: Arc<Folder>,
    name: String,
}

impl Entry {
    /// What the guest was compiled to, if it was compiled before. A file that somebody else may have written
    /// is a miss.
    pub(super) fn find(&self) -> Option<Stored> {
        let name = Path::new(&self.name);
        let file = self.folder.file(name).ok()?;
        if !files::is_own_alone(&file.metadata().ok()?) {
            return None;
        }
        Stored::whole(self.folder.path_of(&file, name), file).ok()?
    }

    /// Readers see all of an entry or nothing of it.
    pub(super) fn write(&self, content: &[&[u8]]) -> io::Result<()> {
        let checksum = checksum(content.iter().copied());
        let content = [content, &[&checksum]].concat();
        self.folder.replace(OsStr::new(&self.name), &content, Readers::User)?;
        self.prune()
    }

    /// Remove the oldest entries, and what was left unfinished. Whatever else is in the folder stays.
    fn prune(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for name in self.folder.names()? {
            let kind = name.to_str().map(Written::of);
            let Some(time) = self.own(Path::new(&name)) else { continue };
            match kind {
                Some(Written::Entry) => entries.push((time, name)),
                Some(Written::Unfinished)
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

    /// When a file of this user's was written.
    fn own(&self, name: &Path) -> Option<SystemTime> {
        let metadata = self.folder.file(name).and_then(|file| file.metadata()).ok()?;
        metadata.modified().ok().filter(|_| files::is_own(&metadata))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::PathBuf;

    use super::*;

    fn place(name: &str) -> PathBuf {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cache-tests").join(name);
        let _ = fs::remove_dir_all(&place);
        place
    }

    fn cache(name: &str) -> (PathBuf, Cache) {
        let place = place(name);
        let cache = Cache::at(&place).unwrap();
        (place, cache)
    }

    fn count(place: &Path) -> usize {
        fs::read_dir(place).unwrap().count()
    }

    /// What an entry holds, where it is a hit.
    fn read(entry: &Entry) -> Option<Vec<u8>> {
        entry.find().map(|stored| stored.read().unwrap())
    }

    const COMPONENT: &[u8] = b"a component";
    const COMPILED: &[u8] = b"what it was compiled to";

    #[test]
    fn what_was_written_is_read() {
        let (place, cache) = cache("hit");
        let entry = cache.entry(COMPONENT, false);
        assert_eq!(read(&entry), None);
        entry.write(&[COMPILED]).unwrap();
        assert_eq!(read(&entry).as_deref(), Some(COMPILED));
        let stored = entry.find().unwrap();
        assert_eq!(stored.end::<2>().unwrap(), *b"to");
        assert!(stored.end::<99>().is_err());
        assert!(fs::read(stored.path()).unwrap().starts_with(COMPILED));
        assert_eq!(count(&place), 1);
        assert!(place.join(&entry.name).is_file());
    }

    #[test]
    fn a_damaged_entry_is_a_miss() {
        let (place, cache) = cache("damaged");
        let entry = cache.entry(COMPONENT, false);
        entry.write(&[COMPILED]).unwrap();
        let path = place.join(&entry.name);
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
    fn other_bytes_are_another_entry() {
        let (_, cache) = cache("other");
        assert_ne!(cache.entry(b"a", false).name, cache.entry(b"b", false).name);
        assert_ne!(cache.entry(b"a", false).name, cache.entry(b"a", true).name);
    }

    #[test]
    fn the_oldest_entries_make_room_and_nothing_else_does() {
        let (place, cache) = cache("prune");
        let others: [&str; 4] =
            ["notes.txt", "0123", &"f".repeat(64), &format!("{}-1.0", "f".repeat(64))];
        for other in others {
            fs::write(place.join(other), "").unwrap();
        }
        for number in 0..ENTRIES + 3 {
            fs::write(place.join(format!("{number:064x}-0.0.1")), "").unwrap();
        }
        let entry = cache.entry(COMPONENT, false);
        entry.write(&[COMPILED]).unwrap();
        assert_eq!(count(&place), ENTRIES + others.len());
        assert!(read(&entry).is_some());
        assert!(others.iter().all(|other| place.join(other).exists()));
    }

    #[test]
    fn what_was_left_unfinished_goes_once_nobody_can_still_write_it() {
        let (place, cache) = cache("unfinished");
        let entry = cache.entry(COMPONENT, false);
        let [old, new] = ["0", "1"].map(|d| place.join(format!("{}.{}", entry.name, d.repeat(16))));
        for path in [&old, &new] {
            fs::write(path, "").unwrap();
        }
        let then = SystemTime::now() - 2 * UNFINISHED;
        File::options().write(true).open(&old).unwrap().set_modified(then).unwrap();
        entry.write(&[COMPILED]).unwrap();
        assert!(!old.exists() && new.exists());
    }

    /// Each of these was loaded once: the checksum is right.
    #[cfg(unix)]
    #[test]
    fn an_entry_that_others_may_have_written_is_a_miss() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let (place, cache) = cache("foreign");
        let entry = cache.entry(COMPONENT, false);
        entry.write(&[COMPILED]).unwrap();
        let path = place.join(&entry.name);
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for open in [0o666, 0o620, 0o602] {
            mode(open);
            assert_eq!(read(&entry), None, "{open:o}");
        }
        mode(0o600);
        assert!(read(&entry).is_some());
        fs::hard_link(&path, place.join("second")).unwrap();
        assert_eq!(read(&entry), None);
        fs::remove_file(&path).unwrap();
        assert!(fs::read(place.join("second")).is_ok());
        symlink("second", &path).unwrap();
        assert_eq!(read(&entry), None);
        // It is made anew in their place.
        entry.write(&[COMPILED]).unwrap();
        assert_eq!(read(&entry).as_deref(), Some(COMPILED));
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_takes_the_place_of_the_cache_is_not_used() {
        let (place, cache) = cache("swapped");
        let entry = cache.entry(COMPONENT, false);
        entry.write(&[COMPILED]).unwrap();
        let foreign = super::tests::cache("swapped-foreign").1.entry(COMPONENT, false);
        foreign.write(&[b"what runs as native code"]).unwrap();
        let moved = place.with_file_name("swapped-moved");
        let _ = fs::remove_dir_all(&moved);
        fs::rename(&place, &moved).unwrap();
        fs::rename(place.with_file_name("swapped-foreign"), &place).unwrap();
        assert_eq!(read(&entry).as_deref(), Some(COMPILED));
        // Counter-check: by its path, the entry is the foreign one.
        let by_path = read(&Cache::at(&place).unwrap().entry(COMPONENT, false));
        assert_eq!(by_path.as_deref(), Some(&b"what runs as native code"[..]));
        entry.write(&[b"new"]).unwrap();
        assert_eq!(read(&Cache::at(&place).unwrap().entry(COMPONENT, false)), by_path);
    }

    /// Once, the files of another folder were deleted through a link.
    #[cfg(unix)]
    #[test]
    fn pruning_follows_no_link() {
        use std::os::unix::fs::symlink;

        let (place, cache) = cache("prune-links");
        let precious = super::tests::place("prune-links-precious");
        fs::create_dir_all(&precious).unwrap();
        for number in 0..ENTRIES + 9 {
            let name = format!("{number:064x}-0.0.1");
            fs::write(precious.join(&name), "").unwrap();
            symlink(precious.join(&name), place.join(&name)).unwrap();
        }
        cache.entry(COMPONENT, false).write(&[COMPILED]).unwrap();
        assert_eq!(count(&precious), ENTRIES + 9);
        assert_eq!(count(&place), ENTRIES + 10, "links are not the cache's own");
    }
}
