//! The command line of `host presets`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use curtaincall::Preset;

use super::ReplyFormat;

/// Flags of `host presets`.
#[derive(Debug, Args)]
pub(crate) struct PresetsArgs {
    /// Show this preset in full
    #[arg(value_parser = PossibleValuesParser::new(Preset::names()))]
    pub name: Option<String>,
    /// Format of the result
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub format: ReplyFormat,
}
