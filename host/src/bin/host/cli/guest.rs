//! The guest of a command.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use curtaincall::{Guest, Preset};

/// The guest of a command: a component file, an embedded guest, or the guest of a preset. A preset or an embedded guest
/// wins over a file of the same name.
#[derive(Debug, Clone, Default)]
pub(crate) struct GuestArg {
    guest: Guest,
    preset: Option<Preset>,
}

impl GuestArg {
    /// Returns the guest.
    pub(crate) fn guest(&self) -> &Guest {
        &self.guest
    }

    /// Returns the preset, if the argument is the name of one.
    pub(crate) fn preset(&self) -> Option<&Preset> {
        self.preset.as_ref()
    }
}

impl FromStr for GuestArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let preset = Preset::named(text);
        let guest = match &preset {
            Some(preset) => preset.guest(),
            None => text.parse()?,
        };
        Ok(Self { guest, preset })
    }
}

impl fmt::Display for GuestArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.preset {
            Some(preset) => f.write_str(preset.name()),
            None => write!(f, "{}", self.guest),
        }
    }
}
