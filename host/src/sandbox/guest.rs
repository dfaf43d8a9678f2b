//! The source of a guest: a file, bytes from the caller, or a guest embedded in this library.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::LoadError;
use crate::files;
use crate::limits::{Limit, LimitError, Limits};
use crate::visible::list;

/// The guests that are embedded in this library: name and component.
const EMBEDDED: [(&str, &[u8]); 2] = [
    ("default", include_bytes!("../../assets/default.wasm")),
    ("oauth2", include_bytes!("../../assets/oauth2.wasm")),
];

/// The guest to run. The default is the embedded guest `default`.
///
/// A string is parsed as the name of an embedded guest. If no embedded guest has that name, it is the path of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Guest(GuestSource);

#[derive(Clone, PartialEq, Eq)]
enum GuestSource {
    Embedded { name: &'static str, component: &'static [u8] },
    File(PathBuf),
    Bytes { name: String, component: Bytes },
}

/// The error for an unknown embedded guest. The message lists the guests that exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown embedded guest `{name}`: expected {}", known())]
pub struct UnknownGuest {
    name: String,
}

fn known() -> String {
    list(&EMBEDDED.map(|(name, _)| name))
}

impl Default for Guest {
    fn default() -> Self {
        let [(name, component), ..] = EMBEDDED;
        Self(GuestSource::Embedded { name, component })
    }
}

impl FromStr for Guest {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::embedded(text).unwrap_or_else(|_| Self::file(text)))
    }
}

impl fmt::Display for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            GuestSource::Embedded { name, .. } => f.write_str(name),
            GuestSource::File(path) => write!(f, "{}", path.display()),
            GuestSource::Bytes { name, .. } => f.write_str(name),
        }
    }
}

/// Shows the guest's name, without its bytes.
impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            GuestSource::Embedded { name, .. } => f.debug_tuple("Embedded").field(name).finish(),
            GuestSource::File(path) => f.debug_tuple("File").field(path).finish(),
            GuestSource::Bytes { name, .. } => f.debug_tuple("Bytes").field(name).finish(),
        }
    }
}

impl Guest {
    /// Creates a guest from a component file: `.wasm`, or `.wat` text. The host reads the file when the flow runs.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(GuestSource::File(path.into()))
    }

    /// Returns the embedded guest named `name`: `default` or `oauth2`.
    ///
    /// # Errors
    /// Fails if no embedded guest has this name.
    pub fn embedded(name: &str) -> Result<Self, UnknownGuest> {
        let found = EMBEDDED.into_iter().find(|(known, _)| *known == name);
        let (name, component) = found.ok_or_else(|| UnknownGuest { name: name.to_owned() })?;
        Ok(Self(GuestSource::Embedded { name, component }))
    }

    /// Returns the embedded guest `oauth2`, the one that presets configure.
    pub(crate) fn oauth2() -> Self {
        let [_, (name, component)] = EMBEDDED;
        Self(GuestSource::Embedded { name, component })
    }

    /// Creates a guest from bytes in memory, such as those of [`include_bytes!`].
    ///
    /// Messages show `name`. If `name` ends in `.wat`, the bytes are parsed as text.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let component = match bytes.into() {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Self(GuestSource::Bytes { name: name.into(), component })
    }

    /// Returns the path of the component file, if the guest is a file.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            GuestSource::File(path) => Some(path),
            _ => None,
        }
    }

    /// Returns the size of the guest in bytes, or 0 if its file cannot be read.
    pub fn size(&self) -> u64 {
        match &self.0 {
            GuestSource::Embedded { component, .. } => component.len() as u64,
            GuestSource::File(path) => path.metadata().map_or(0, |metadata| metadata.len()),
            GuestSource::Bytes { component, .. } => component.len() as u64,
        }
    }

    /// Reads the guest's bytes. For a binary, this checks the component preamble. The compiler parses text later.
    pub(super) fn read(&self, limits: &Limits) -> Result<Vec<u8>, LoadError> {
        let bytes = match &self.0 {
            GuestSource::Embedded { component, .. } => return Ok(component.to_vec()),
            GuestSource::File(path) => self.read_file(path, limits)?,
            GuestSource::Bytes { component, .. } => component.to_vec(),
        };
        if bytes.len() as u64 > limits.component.as_u64() {
            let limit = LimitError::new(Limit::Component, limits);
            return Err(LoadError::Limit { guest: self.clone(), limit });
        }
        match BinaryKind::of(&bytes) {
            BinaryKind::Component => Ok(bytes),
            _ if self.is_text() => Ok(bytes),
            kind => Err(LoadError::NotAComponent { guest: self.clone(), kind }),
        }
    }

    /// Returns whether the guest is in WebAssembly's text format: its name ends in `.wat`.
    pub(super) fn is_text(&self) -> bool {
        let name = match &self.0 {
            GuestSource::Embedded { .. } => return false,
            GuestSource::File(path) => path.as_path(),
            GuestSource::Bytes { name, .. } => Path::new(name),
        };
        name.extension().is_some_and(|extension| extension == "wat")
    }

    /// Reads the file, but at most one byte more than the limit.
    fn read_file(&self, path: &Path, limits: &Limits) -> Result<Vec<u8>, LoadError> {
        let unreadable = |source| LoadError::Read { guest: self.clone(), source };
        let file = files::regular(path).map_err(unreadable)?;
        let limit = limits.component.as_u64();
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }
}

/// Returns the SHA-256 digest of a guest's bytes, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The kind of a binary, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BinaryKind {
    /// A binary component.
    Component,
    /// A core WebAssembly module.
    CoreModule,
    /// No bytes at all.
    Empty,
    /// Anything else.
    Unknown,
}

impl BinaryKind {
    /// The number of bytes that tell the kind.
    pub(super) const LEN: usize = 8;

    /// Detects the kind from the preamble: magic, version, layer (component model, binary format).
    pub(super) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::Empty,
            [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => Self::Component,
            [b'\0', b'a', b's', b'm', _, _, 0, 0, ..] => Self::CoreModule,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for BinaryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "a component",
            Self::CoreModule => "a core WebAssembly module, not a component",
            Self::Empty => "empty",
            Self::Unknown => "not WebAssembly",
        })
    }
}
