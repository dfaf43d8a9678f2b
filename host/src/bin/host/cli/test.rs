//! The command line of `host test`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use curtaincall::internals::case::Mode;

use super::{GuestArg, LimitArgs};

/// Flags of `host test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// A component file (`.wasm` or `.wat`), the file of a preset (`.toml`), or the name of an embedded guest or a preset
    pub guest: GuestArg,
    /// Case files, and folders that contain `*.case` files
    #[arg(default_value = "cases")]
    pub cases: Vec<PathBuf>,

    /// Run only the cases whose name contains this text
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub filter: Option<String>,
    /// Write the snapshots of requests that have no expectation
    #[arg(long)]
    bless: bool,
    /// Treat warnings as failures
    #[arg(long)]
    strict: bool,
    /// Run again when the guest or a case changes
    #[arg(long, conflicts_with = "bless")]
    pub watch: bool,

    /// Format of the results
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub format: ReportFormat,
    /// Write a JUnit XML report to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub junit: Option<PathBuf>,

    #[command(flatten)]
    pub limits: LimitArgs,
}

/// Format of the results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// a line for each case, and the reason for each failure
    #[default]
    Text,
    /// a JSON object for each case, and one for the total
    Json,
}

impl TestArgs {
    /// Returns how to run the cases.
    pub(crate) fn mode(&self) -> Mode {
        Mode { bless: self.bless, strict: self.strict }
    }
}
