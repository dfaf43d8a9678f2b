//! The error for a preset that cannot be used.

use super::Need;
use crate::grants::GrantError;
use crate::visible::list;

/// Why a preset cannot be used with the variables that the person gives.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresetError {
    /// Values or secrets are missing. This lists all of them.
    #[error("the preset `{preset}` needs {}", names(.needs))]
    Missing {
        /// The name of the preset.
        preset: &'static str,
        /// What is missing.
        needs: Vec<Need>,
    },
    /// A variable in a URL is not a plain name.
    #[error(
        "invalid value `{value}` of `{name}` for the preset `{preset}`: expected letters, digits, `.` and `-`"
    )]
    Variable {
        /// The name of the preset.
        preset: &'static str,
        /// The name of the variable.
        name: String,
        /// The value.
        value: String,
    },
    /// With these variables, the preset grants an invalid URL.
    #[error("invalid configuration of the preset `{preset}`: {problem}")]
    Grants {
        /// The name of the preset.
        preset: &'static str,
        /// What is wrong with the URL.
        problem: GrantError,
    },
}

fn names(needs: &[Need]) -> String {
    list(&needs.iter().map(|need| need.name.as_str()).collect::<Vec<_>>())
}
