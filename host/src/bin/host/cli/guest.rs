//! The guest of a command.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use curtaincall::error::PresetError;
use curtaincall::{Guest, Preset};

/// The guest of a command: a component file, an embedded guest, or the guest of a preset. A preset or an embedded guest
/// wins over a file of the same name.
#[derive(Debug, Clone)]
pub(crate) enum GuestArg {
    Guest(Guest),
    Preset(Box<Preset>),
    /// The file of a preset, which a command reads later. Its name ends in `.toml`.
    PresetFile(PathBuf),
}

/// The guest that a command loads, and the preset that configures it.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) guest: Guest,
    pub(crate) preset: Option<Preset>,
}

impl GuestArg {
    /// Returns the guest and the preset. Reads the file of a preset.
    ///
    /// # Errors
    /// Fails if the file of a preset is invalid or cannot be read.
    pub(crate) fn read(&self) -> Result<Chosen, PresetError> {
        let preset = match self {
            Self::Guest(guest) => return Ok(Chosen { guest: guest.clone(), preset: None }),
            Self::Preset(preset) => Preset::clone(preset),
            Self::PresetFile(path) => Preset::from_file(path)?,
        };
        Ok(Chosen { guest: preset.guest(), preset: Some(preset) })
    }

    /// Returns the path, if the argument is a file.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Guest(guest) => guest.path(),
            Self::Preset(_) => None,
            Self::PresetFile(path) => Some(path),
        }
    }
}

impl Default for GuestArg {
    fn default() -> Self {
        Self::Guest(Guest::default())
    }
}

impl FromStr for GuestArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Some(preset) = Preset::named(text) {
            return Ok(Self::Preset(Box::new(preset)));
        }
        let guest: Guest = text.parse()?;
        let is_preset = guest.path().and_then(Path::extension).is_some_and(|ext| ext == "toml");
        Ok(if is_preset { Self::PresetFile(text.into()) } else { Self::Guest(guest) })
    }
}

impl fmt::Display for GuestArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guest(guest) => write!(f, "{guest}"),
            Self::Preset(preset) => f.write_str(preset.name()),
            Self::PresetFile(path) => write!(f, "{}", path.display()),
        }
    }
}
