//! What a guest is compiled to: one block of bytes.
//!
//! First comes what its instances weigh, then how many bytes the host allocates when it loads it, then its
//! code. Each is told as soon as it is known: what does not fit is given up before it is compiled, and before
//! its code is read.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wasmtime::component::Component;
use wasmtime::{Engine, Error};

use super::cache::{Entry, Stored};
use super::guest::{Guest, Kind};
use super::heap::Heap;
use super::scales::weigh;
use super::weight::Weight;
use super::{LoadError, engine};
use crate::limits::{Limit, LimitError, Limits};
use crate::visible::beginning;

/// The length of what stands before the code.
pub(super) const HEAD: usize = Weight::LEN + size_of::<u64>();

/// The longest cause that is told, in bytes: some quote a line of the guest, which may be all of it.
const CAUSE_LIMIT: usize = 4 << 10;

/// Why a guest does not compile: what one end tells the other.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Problem {
    /// The text does not parse: where and why.
    Text(String),
    /// The text is of something else.
    NotAComponent(Kind),
    /// The component is not valid: where and why, the outermost first.
    Invalid(Vec<String>),
    /// It compiles, but there is no memory to load it.
    TooLarge,
}

impl Problem {
    fn invalid(error: Error) -> Self {
        Self::Invalid(error.chain().map(|cause| beginning(&cause, CAUSE_LIMIT)).collect())
    }

    pub(super) fn with(self, guest: &Guest, limits: &Limits) -> LoadError {
        let guest = guest.clone();
        match self {
            Self::Text(why) => LoadError::Text { guest, source: why.into() },
            Self::NotAComponent(kind) => LoadError::NotAComponent { guest, kind },
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

/// The binary component that `source` is, and what it weighs.
pub(super) fn read<'a>(
    source: &'a [u8],
    text: Option<&str>,
) -> Result<(Cow<'a, [u8]>, Weight), Problem> {
    let wasm = match text {
        Some(name) => wat::parse_bytes(source).map_err(|mut error| {
            error.set_path(Path::new(name));
            Problem::Text(beginning(&error, CAUSE_LIMIT))
        })?,
        None => Cow::Borrowed(source),
    };
    match Kind::of(&wasm) {
        Kind::Component => {}
        kind => return Err(Problem::NotAComponent(kind)),
    }
    let weight = weigh(&wasm).map_err(Problem::invalid)?;
    Ok((wasm, weight))
}

/// Compile a component. Returns how many bytes a host allocates when it loads it, and its code.
pub(super) fn compile(wasm: &[u8], metered: bool) -> Result<(u64, Vec<u8>), Problem> {
    let engine = engine::compiling(metered).map_err(Problem::invalid)?;
    let code = engine.precompile_component(wasm).map_err(Problem::invalid)?;
    // What a component becomes once it is loaded can be far larger than its code. So it is measured here,
    // where memory is limited.
    let heap = Heap::now();
    let component = deserialize(&engine, &code).map_err(|_| Problem::TooLarge)?;
    let loaded = heap.grown() as u64;
    drop(component);
    Ok((loaded, code))
}

/// Whether a component fits, by as much as is known of what it was compiled to. Returns the bytes that it
/// takes once it is loaded.
pub(super) fn check(compiled: &[u8], limits: &Limits) -> Result<usize, LimitError> {
    let loaded = compiled.get(Weight::LEN..HEAD).and_then(|bytes| bytes.try_into().ok());
    let loaded = loaded.map_or(0, u64::from_le_bytes);
    if let Some(weight) = Weight::from_bytes(compiled) {
        weight.check(loaded, limits)?;
    }
    Ok(usize::try_from(loaded).unwrap_or(usize::MAX))
}

/// The component that was compiled to `compiled`, by this version of wasmtime for this machine, if it fits,
/// and how many bytes the host holds for it.
pub(super) fn load(
    engine: &Engine,
    compiled: &[u8],
    limits: &Limits,
) -> wasmtime::Result<(Component, usize)> {
    let loaded = check(compiled, limits)?;
    let component = deserialize(engine, compiled.get(HEAD..).unwrap_or_default())?;
    Ok((component, loaded))
}

/// Keep what a component was compiled to. Its code comes first there, so that it can be mapped.
pub(super) fn store(compiled: &[u8], entry: &Entry) -> io::Result<()> {
    let (head, code) = compiled.split_at_checked(HEAD).unwrap_or_default();
    entry.write(&[code, head])
}

/// As [`load`], of what was kept.
pub(super) fn load_stored(
    engine: &Engine,
    stored: &Stored,
    limits: &Limits,
) -> wasmtime::Result<(Component, usize)> {
    let loaded = check(&stored.end::<HEAD>()?, limits)?;
    // To copy costs a page fault for each page. But nothing runs from a folder that is mounted `noexec`, and
    // the path may need `/proc`.
    let component = match map(engine, stored.path()) {
        Ok(component) => component,
        Err(_) => deserialize(engine, &stored.read()?)?,
    };
    Ok((component, loaded))
}

#[expect(unsafe_code, reason = "compiled code is trusted code: see the safety comment")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: this comes from `compile` above: from this process, from the one that it started, or from
    // the cache, whose folder only this user can write to and whose checksum says that it is whole.
    // wasmtime refuses what another version compiled, or the same one with other settings.
    unsafe { Component::deserialize(engine, code) }
}

#[expect(unsafe_code, reason = "compiled code is trusted code: see the safety comment")]
fn map(engine: &Engine, code: &Path) -> wasmtime::Result<Component> {
    // SAFETY: as above. The cache puts another file in the place of an entry and never writes into one, so
    // what is mapped stays as it is.
    unsafe { Component::deserialize_file(engine, code) }
}
