//! One compiled guest on disk, whole.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;

/// The length of the CRC-32 at the end of each entry, in bytes.
const CHECKSUM: usize = 4;
/// How much is read at once to check it, in bytes.
const PIECE: usize = 32 << 10;

/// What a guest was compiled to, on disk: it is whole, and nobody else can have written it.
pub(in super::super) struct Stored {
    path: PathBuf,
    file: File,
    /// Without the checksum, in bytes.
    length: u64,
}

impl Stored {
    /// The content of `file`, to which `path` leads, where its checksum is right.
    pub(super) fn whole(path: PathBuf, file: File) -> io::Result<Option<Self>> {
        let Some(length) = file.metadata()?.len().checked_sub(CHECKSUM as u64) else {
            return Ok(None);
        };
        let stored = Self { path, file, length };
        let mut content = (&stored.file).take(length);
        let mut actual = Hasher::new();
        let mut piece = [0; PIECE];
        loop {
            match content.read(&mut piece)? {
                0 => break,
                read => actual.update(&piece[..read]),
            }
        }
        let mut checksum = [0; CHECKSUM];
        (&stored.file).read_exact(&mut checksum)?;
        Ok((checksum == actual.finalize().to_le_bytes()).then_some(stored))
    }

    /// A path that leads to this very file.
    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }

    /// The last bytes of the content.
    pub(in super::super) fn end<const LENGTH: usize>(&self) -> io::Result<[u8; LENGTH]> {
        let mut end = [0; LENGTH];
        let before = self.length.checked_sub(LENGTH as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
        (&self.file).seek(SeekFrom::Start(before))?;
        (&self.file).read_exact(&mut end)?;
        Ok(end)
    }

    /// The whole content.
    pub(in super::super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        (&self.file).seek(SeekFrom::Start(0))?;
        (&self.file).take(self.length).read_to_end(&mut content)?;
        Ok(content)
    }
}

/// What stands at the end of an entry with this content.
pub(super) fn checksum<'a>(content: impl Iterator<Item = &'a [u8]>) -> [u8; CHECKSUM] {
    let mut checksum = Hasher::new();
    content.for_each(|part| checksum.update(part));
    checksum.finalize().to_le_bytes()
}
