//! The error for a preset that cannot be used.

use std::io;

use super::Need;
use crate::grants::GrantError;
use crate::visible::list;

/// Why a preset cannot be used. `preset` is its name, or the path of its file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PresetError {
    /// Values or secrets are missing. This lists all of them.
    #[error("the preset `{preset}` needs {}", names(.needs))]
    Missing {
        /// The preset.
        preset: String,
        /// What is missing.
        needs: Vec<Need>,
    },
    /// A variable in a URL is not a plain name.
    #[error(
        "invalid value `{value}` of `{name}` for the preset `{preset}`: expected letters, digits, `.` and `-`"
    )]
    Variable {
        /// The preset.
        preset: String,
        /// The name of the variable.
        name: String,
        /// The value.
        value: String,
    },
    /// With these variables, the preset grants an invalid URL.
    #[error("invalid configuration of the preset `{preset}`: {problem}")]
    Grants {
        /// The preset.
        preset: String,
        /// What is wrong with the URL.
        problem: GrantError,
    },
    /// The file cannot be read, is larger than 1 MiB, or is not UTF-8.
    #[error("cannot read the preset `{preset}`")]
    #[non_exhaustive]
    Read {
        /// The preset.
        preset: String,
        /// The reason.
        source: io::Error,
    },
    /// The file is not TOML, lacks a key, has an unknown key, or grants something invalid.
    #[error("invalid preset `{preset}:{line}:{column}`: {message}")]
    #[non_exhaustive]
    File {
        /// The preset.
        preset: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A value in `[config]` is a list.
    #[error(
        "invalid value of `{name}` in the preset `{preset}`: expected text, a number or a boolean, got a list"
    )]
    #[non_exhaustive]
    List {
        /// The preset.
        preset: String,
        /// The name of the value.
        name: String,
    },
    /// A URL contains a variable without a default.
    #[error(
        "missing `{name}` in `[config]` of the preset `{preset}`: expected a default for `{{{name}}}`"
    )]
    #[non_exhaustive]
    NoDefault {
        /// The preset.
        preset: String,
        /// The name of the variable.
        name: String,
    },
}

fn names(needs: &[Need]) -> String {
    list(&needs.iter().map(|need| need.name.as_str()).collect::<Vec<_>>())
}
