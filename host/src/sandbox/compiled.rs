//! The compiled form of a guest, as one block of bytes:
//!
//! 1. the footprint of its instances
//! 2. the number of bytes that the host allocates to load it
//! 3. the code
//!
//! The compiler writes each part as soon as it is known. A guest that exceeds a limit can therefore be refused before
//! it is compiled, or before its code is read.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::{Engine, Error};

use super::cache::{CacheEntry, Stored};
use super::estimate::estimate;
use super::footprint::Footprint;
use super::guest::{BinaryKind, Guest};
use super::heap::Heap;
use super::{LoadError, engine};
use crate::limits::{Limit, LimitError, Limits};
use crate::visible::beginning;

/// The length of the parts before the code, in bytes.
pub(super) const HEADER_LEN: usize = Footprint::LEN + size_of::<u64>();

/// The maximum length of a cause in an error, in bytes. Some causes quote a whole line of a guest in text format, and
/// that line can be the whole guest.
const CAUSE_LIMIT: usize = 4 << 10;

/// Why a guest does not compile. The compiler process sends this to the host.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum CompileError {
    /// The text is invalid. Holds the position and the reason.
    Text(String),
    /// The guest is not a component. Holds its first bytes, which tell what it is.
    NotAComponent(Vec<u8>),
    /// The component is invalid. Holds the chain of causes, outermost first.
    Invalid(Vec<String>),
    /// The component compiles, but there is not enough memory to load it.
    TooLarge,
}

impl CompileError {
    fn invalid(error: Error) -> Self {
        Self::Invalid(error.chain().map(|cause| beginning(&cause, CAUSE_LIMIT)).collect())
    }

    pub(super) fn into_load_error(self, guest: &Guest, limits: &Limits) -> LoadError {
        let guest = guest.clone();
        match self {
            Self::Text(why) => LoadError::Text { guest, source: why.into() },
            Self::NotAComponent(start) => {
                LoadError::NotAComponent { guest, kind: BinaryKind::of(&start) }
            }
            Self::Invalid(causes) => {
                let mut causes = causes.into_iter().rev();
                let root = Error::msg(causes.next().unwrap_or_default());
                LoadError::Invalid { guest, source: causes.fold(root, Error::context).into() }
            }
            Self::TooLarge => {
                let limit = LimitError::new(Limit::CompileMemory, limits);
                LoadError::Limit { guest, limit }
            }
        }
    }
}

/// Parses a guest. Returns the binary component and its footprint.
///
/// `text` is the name of a guest in text format, and `None` for a binary.
pub(super) fn parse<'a>(
    source: &'a [u8],
    text: Option<&str>,
) -> Result<(Cow<'a, [u8]>, Footprint), CompileError> {
    let wasm = match text {
        Some(name) => wat::parse_bytes(source).map_err(|mut error| {
            error.set_path(Path::new(name));
            CompileError::Text(beginning(&error, CAUSE_LIMIT))
        })?,
        None => Cow::Borrowed(source),
    };
    if BinaryKind::of(&wasm) != BinaryKind::Component {
        let start = wasm.iter().copied().take(BinaryKind::LEN);
        return Err(CompileError::NotAComponent(start.collect()));
    }
    let footprint = estimate(&wasm).map_err(CompileError::invalid)?;
    Ok((wasm, footprint))
}

/// Compiles a component. Returns the number of bytes that a host allocates to load it, and its code.
pub(super) fn compile(wasm: &[u8], metered: bool) -> Result<(u64, Vec<u8>), CompileError> {
    let engine = engine::compiling(metered).map_err(CompileError::invalid)?;
    let code = engine.precompile_component(wasm).map_err(CompileError::invalid)?;
    // A loaded component can be far larger than its code. Its size is measured here because the compiler process has
    // a limit on its memory.
    let heap = Heap::now();
    let component = deserialize(&engine, &code).map_err(|_| CompileError::TooLarge)?;
    let loaded_bytes = heap.grown() as u64;
    drop(component);
    Ok((loaded_bytes, code))
}

/// Checks a compiled guest against the limits. `compiled` may be incomplete: this checks the parts that it has.
///
/// Returns the number of bytes that the host needs for the loaded guest.
pub(super) fn check(compiled: &[u8], limits: &Limits) -> Result<usize, LimitError> {
    let loaded_bytes = compiled.get(Footprint::LEN..HEADER_LEN);
    let loaded_bytes = loaded_bytes.and_then(|bytes| bytes.try_into().ok());
    let loaded_bytes = loaded_bytes.map_or(0, u64::from_le_bytes);
    if let Some(footprint) = Footprint::from_bytes(compiled) {
        footprint.check(loaded_bytes, limits)?;
    }
    Ok(usize::try_from(loaded_bytes).unwrap_or(usize::MAX))
}

/// Loads a compiled guest within the limits. Returns the component and the number of bytes that the host uses for it.
///
/// This fails for code from another version of wasmtime or for another machine.
pub(super) fn load(
    engine: &Engine,
    compiled: &[u8],
    limits: &Limits,
) -> wasmtime::Result<(Component, usize)> {
    let loaded_bytes = check(compiled, limits)?;
    let component = deserialize(engine, compiled.get(HEADER_LEN..).unwrap_or_default())?;
    Ok((component, loaded_bytes))
}

/// Writes a compiled guest to the cache. The code comes first in the file, so that the file can be mapped.
pub(super) fn store(compiled: &[u8], entry: &CacheEntry) -> io::Result<()> {
    let (header, code) = compiled.split_at_checked(HEADER_LEN).unwrap_or_default();
    entry.write(&[code, header])
}

/// Loads a compiled guest from the cache. The result is the same as for [`load`].
pub(super) fn load_stored(
    engine: &Engine,
    stored: &Stored,
    limits: &Limits,
) -> wasmtime::Result<(Component, usize)> {
    let loaded_bytes = check(&stored.tail::<HEADER_LEN>()?, limits)?;
    // Mapping is faster: a copy costs a page fault per page. But mapping fails if the folder is mounted `noexec`,
    // or if the path needs `/proc` and that is missing.
    let component = match map(engine, stored.path()) {
        Ok(component) => component,
        Err(_) => deserialize(engine, &stored.read()?)?,
    };
    Ok((component, loaded_bytes))
}

#[expect(unsafe_code, reason = "the compiled code is trusted; see the safety comment")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` is the output of `compile` above. It comes from this process, from the compiler process that
    // this process started, or from the cache. Only this user can write to the folder of the cache, and a checksum
    // shows that the entry is complete. wasmtime refuses code from another version or with other settings.
    unsafe { Component::deserialize(engine, code) }
}

#[expect(unsafe_code, reason = "the compiled code is trusted; see the safety comment")]
fn map(engine: &Engine, code: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the code is trusted for the same reasons as in `deserialize`. The mapped file does not change: the
    // cache replaces an entry by a new file and never writes into an existing one.
    unsafe { Component::deserialize_file(engine, code) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::super::cache::Cache;
    use super::*;

    const COMPONENT: &[u8] = b"(component (core module (func (export \"f\"))))";

    #[test]
    fn a_stored_guest_is_loaded_even_if_it_cannot_be_mapped() {
        let limits = Limits::default();
        let engine = engine::running(limits.stack, false).unwrap();
        let wasm = wat::parse_bytes(COMPONENT).unwrap();
        let (loaded_bytes, code) = compile(&wasm, false).unwrap();
        let header = [&Footprint::default().to_bytes()[..], &loaded_bytes.to_le_bytes()].concat();
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cache-tests").join("unmapped");
        let _ = fs::remove_dir_all(&folder);
        let entry = Cache::at(&folder).unwrap().entry(&wasm, false);
        store(&[header, code].concat(), &entry).unwrap();

        let stored = entry.find().unwrap();
        map(&engine, stored.path()).unwrap();
        load_stored(&engine, &stored, &limits).unwrap();

        let unmapped = stored.at(PathBuf::from("missing"));
        // Counter-check: without the copy, the guest could not be loaded.
        assert!(map(&engine, unmapped.path()).is_err());
        load_stored(&engine, &unmapped, &limits).unwrap();
    }
}
