//! Where a guest comes from: a file, or this binary.

use std::convert::Infallible;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::LoadError;
use crate::files;
use crate::limits::{Limit, LimitError, Limits};

/// The guests that this binary carries, by name.
const EMBEDDED: [(&str, &[u8]); 1] = [("default", include_bytes!("../../assets/default.wasm"))];

/// Which guest to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guest {
    /// One that this binary carries.
    Embedded(&'static str),
    /// A component file: `.wasm`, or `.wat` text.
    File(PathBuf),
}

impl Default for Guest {
    fn default() -> Self {
        Self::Embedded(EMBEDDED[0].0)
    }
}

impl FromStr for Guest {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let embedded = EMBEDDED.iter().find(|(name, _)| *name == text);
        Ok(embedded.map_or_else(|| Self::File(text.into()), |(name, _)| Self::Embedded(name)))
    }
}

impl fmt::Display for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Guest {
    /// The guest as it is stored. A binary is checked for being a component as far as its first bytes tell;
    /// text is the compiler's to parse.
    pub(super) fn read(&self, limits: &Limits) -> Result<Vec<u8>, LoadError> {
        let bytes = match self {
            Self::Embedded(name) => {
                let embedded = EMBEDDED.iter().find(|(known, _)| known == name);
                return Ok(embedded.map(|(_, bytes)| bytes.to_vec()).unwrap_or_default());
            }
            Self::File(path) => self.read_file(path, limits)?,
        };
        match Kind::of(&bytes) {
            Kind::Component => Ok(bytes),
            _ if self.is_text() => Ok(bytes),
            kind => Err(LoadError::NotAComponent { guest: self.clone(), kind }),
        }
    }

    /// Whether its name says that it is text: WebAssembly's own text format.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::File(path) if path.extension().is_some_and(|extension| extension == "wat"))
    }

    fn read_file(&self, path: &Path, limits: &Limits) -> Result<Vec<u8>, LoadError> {
        let unreadable = |source| LoadError::Read { guest: self.clone(), source };
        let file = files::regular(path).map_err(unreadable)?;
        let limit = limits.component.as_u64();
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limit {
            let limit = LimitError::new(Limit::Component, limits);
            Err(LoadError::Limit { guest: self.clone(), limit })
        } else {
            Ok(bytes)
        }
    }
}

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A binary component.
    Component,
    /// A core WebAssembly module.
    CoreModule,
    /// No bytes at all.
    Empty,
    /// Anything else.
    Unknown,
}

impl Kind {
    /// Preamble: magic, version, layer (component model, binary format).
    pub(super) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [] => Self::Empty,
            [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => Self::Component,
            [b'\0', b'a', b's', b'm', _, _, 0, 0, ..] => Self::CoreModule,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "a component",
            Self::CoreModule => "a core WebAssembly module, not a component",
            Self::Empty => "empty",
            Self::Unknown => "not WebAssembly",
        })
    }
}
