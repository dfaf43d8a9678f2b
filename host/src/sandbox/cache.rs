//! The compile cache: compiled guests on disk, in a folder that only this user can write to.
//!
//! Ours and not wasmtime's, because what is loaded here runs as native code: every entry carries the
//! checksum of its content, so that a truncated or damaged file is a miss. It also halves the time to
//! load, since nothing is compressed. Against a file that somebody made on purpose the checksum is no
//! help; that nobody else can write to the folder is.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use directories_next::ProjectDirs;
use sha2::{Digest as _, Sha256};

/// How many compiled guests are kept; the oldest go first.
const ENTRIES: usize = 64;
/// The length of the CRC-32 at the end of each entry, in bytes.
const CHECKSUM: usize = 4;

/// The folder of compiled guests.
pub(super) struct Cache(PathBuf);

impl Cache {
    /// Open the user's cache, or say why there is none: a run without it is slower, and nothing else.
    pub(super) fn open() -> Result<Self, String> {
        let dirs = ProjectDirs::from("", "", "curtaincall").ok_or("there is no home folder")?;
        let folder = dirs.cache_dir().to_owned();
        match make_private(&folder) {
            Ok(()) => Ok(Self(folder)),
            Err(why) => Err(format!("`{}` {why}", folder.display())),
        }
    }

    /// Where the compiled form of these bytes is, or would be.
    pub(super) fn entry(&self, source: &[u8], metered: bool) -> Entry {
        let digest = Sha256::digest(source);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        // What another version of wasmtime compiled is a miss when it is read.
        let metered = if metered { "-metered" } else { "" };
        let name = format!("{digest}-{}{metered}", env!("CARGO_PKG_VERSION"));
        Entry { folder: self.0.clone(), path: self.0.join(name) }
    }
}

/// One compiled guest on disk.
pub(super) struct Entry {
    folder: PathBuf,
    path: PathBuf,
}

impl Entry {
    /// What the guest was compiled to, if it was compiled before.
    pub(super) fn read(&self) -> Option<Vec<u8>> {
        let mut content = fs::read(&self.path).ok()?;
        let compiled = content.len().checked_sub(CHECKSUM)?;
        let checksum = content.split_off(compiled);
        (checksum == crc32fast::hash(&content).to_le_bytes()).then_some(content)
    }

    /// Readers see all of an entry or nothing of it.
    pub(super) fn write(&self, compiled: &[u8]) -> io::Result<()> {
        let unfinished = self.path.with_extension(std::process::id().to_string());
        let mut file = File::create(&unfinished)?;
        let written = file
            .write_all(compiled)
            .and_then(|()| file.write_all(&crc32fast::hash(compiled).to_le_bytes()))
            .and_then(|()| fs::rename(&unfinished, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written.and_then(|()| self.prune())
    }

    fn prune(&self) -> io::Result<()> {
        let mut entries: Vec<(SystemTime, PathBuf)> = fs::read_dir(&self.folder)?
            .filter_map(|entry| entry.ok())
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        entries.sort();
        let excess = entries.len().saturating_sub(ENTRIES);
        entries.into_iter().take(excess).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// What is in the cache runs as native code, so nobody else may be able to put it there.
#[cfg(unix)]
fn make_private(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};

    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| format!("cannot be created: {error}"))?;
    let metadata = fs::metadata(folder).map_err(|error| format!("cannot be read: {error}"))?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("belongs to another user".to_owned());
    }
    match metadata.mode() & 0o022 {
        0 => Ok(()),
        _ => Err("is writable by other users".to_owned()),
    }
}

/// The cache folder of a Windows user is private as the system makes it.
#[cfg(not(unix))]
fn make_private(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("cannot be created: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(name: &str) -> Cache {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cache-tests").join(name);
        let _ = fs::remove_dir_all(&folder);
        make_private(&folder).unwrap();
        Cache(folder)
    }

    fn entries(cache: &Cache) -> Vec<PathBuf> {
        fs::read_dir(&cache.0).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    const COMPONENT: &[u8] = b"a component";
    const COMPILED: &[u8] = b"what it was compiled to";

    #[test]
    fn what_was_written_is_read() {
        let cache = cache("hit");
        let entry = cache.entry(COMPONENT, false);
        assert_eq!(entry.read(), None);
        entry.write(COMPILED).unwrap();
        assert_eq!(entry.read().as_deref(), Some(COMPILED));
        assert_eq!(entries(&cache), [entry.path]);
    }

    #[test]
    fn a_damaged_entry_is_a_miss() {
        let entry = cache("damaged").entry(COMPONENT, false);
        entry.write(COMPILED).unwrap();
        let good = fs::read(&entry.path).unwrap();
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 1;
        for bad in [&good[..good.len() - 1], &good[..10], b"", &flipped[..]] {
            fs::write(&entry.path, bad).unwrap();
            assert_eq!(entry.read(), None);
        }
        fs::write(&entry.path, good).unwrap();
        assert_eq!(entry.read().as_deref(), Some(COMPILED));
    }

    #[test]
    fn other_bytes_are_another_entry() {
        let cache = cache("other");
        assert_ne!(cache.entry(b"a", false).path, cache.entry(b"b", false).path);
        assert_ne!(cache.entry(b"a", false).path, cache.entry(b"a", true).path);
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let cache = cache("prune");
        for number in 0..ENTRIES + 3 {
            fs::write(cache.0.join(format!("{number}")), "").unwrap();
        }
        let entry = cache.entry(COMPONENT, false);
        entry.write(COMPILED).unwrap();
        assert_eq!(entries(&cache).len(), ENTRIES);
        assert!(entry.read().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let cache = cache("shared");
        fs::set_permissions(&cache.0, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(make_private(&cache.0), Err("is writable by other users".to_owned()));
        fs::set_permissions(&cache.0, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(make_private(&cache.0), Ok(()));
    }
}
