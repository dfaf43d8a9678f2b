//! The command line of `host inspect`.

use clap::Args;

use super::{GuestArg, LimitArgs, ReplyFormat};

/// Flags of `host inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A component file (`.wasm` or `.wat`), the file of a preset (`.toml`), or the name of an embedded guest or a preset
    pub guest: GuestArg,
    /// Format of the result
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub format: ReplyFormat,

    #[command(flatten)]
    pub limits: LimitArgs,
}
