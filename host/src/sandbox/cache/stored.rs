//! A compiled guest on disk whose checksum is valid.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crc32fast::Hasher;

/// The length of the CRC-32 at the end of each entry, in bytes.
const CHECKSUM: usize = 4;
/// The size of the buffer for verifying the checksum, in bytes.
const BUFFER: usize = 32 << 10;

/// A compiled guest on disk. It is complete, and only this user can have written it.
pub(in super::super) struct Stored {
    path: PathBuf,
    file: File,
    /// The length without the checksum, in bytes.
    length: u64,
}

impl Stored {
    /// Verifies the checksum of `file`, which is at `path`. Returns `None` if it is wrong.
    pub(super) fn verify(path: PathBuf, file: File) -> io::Result<Option<Self>> {
        let Some(length) = file.metadata()?.len().checked_sub(CHECKSUM as u64) else {
            return Ok(None);
        };
        let stored = Self { path, file, length };
        let mut content = (&stored.file).take(length);
        let mut actual = Hasher::new();
        let mut buffer = [0; BUFFER];
        loop {
            match content.read(&mut buffer)? {
                0 => break,
                read => actual.update(&buffer[..read]),
            }
        }
        let mut checksum = [0; CHECKSUM];
        (&stored.file).read_exact(&mut checksum)?;
        Ok((checksum == actual.finalize().to_le_bytes()).then_some(stored))
    }

    /// Returns the same file, with a path that leads elsewhere.
    #[cfg(test)]
    pub(in super::super) fn at(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    /// Returns a path that leads to this open file.
    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the last `LENGTH` bytes of the content.
    pub(in super::super) fn tail<const LENGTH: usize>(&self) -> io::Result<[u8; LENGTH]> {
        let mut tail = [0; LENGTH];
        let start = self.length.checked_sub(LENGTH as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
        (&self.file).seek(SeekFrom::Start(start))?;
        (&self.file).read_exact(&mut tail)?;
        Ok(tail)
    }

    /// Returns the complete content.
    pub(in super::super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        (&self.file).seek(SeekFrom::Start(0))?;
        (&self.file).take(self.length).read_to_end(&mut content)?;
        Ok(content)
    }
}

/// Returns the checksum for an entry with this content.
pub(super) fn checksum<'a>(content: impl Iterator<Item = &'a [u8]>) -> [u8; CHECKSUM] {
    let mut checksum = Hasher::new();
    content.for_each(|part| checksum.update(part));
    checksum.finalize().to_le_bytes()
}
