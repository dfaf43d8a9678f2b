//! The command line of `host test`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use curtaincall::internals::case::Mode;
use curtaincall::internals::sandbox::Terms;
use curtaincall::{Compiler, Guest, PageGrants};

use super::LimitArgs;

/// Flags of `host test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// A component file (`.wasm`, or `.wat` text), or the name of an embedded guest
    pub guest: Guest,
    /// Cases, and folders of them (`*.case`)
    #[arg(default_value = "cases")]
    pub cases: Vec<PathBuf>,

    /// Only cases with this text in their name
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub filter: Option<String>,
    /// Accept what comes, where a request has no expectation: write the snapshot beside the case
    #[arg(long)]
    bless: bool,
    /// A warning is a failure, e.g. a canned answer that no guest asked for
    #[arg(long)]
    strict: bool,
    /// Run again when the guest or a case changes
    #[arg(long, conflicts_with = "bless")]
    pub watch: bool,

    /// How to print what came of each case
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub format: ReportFormat,
    /// Write a report for machines to this file, as JUnit does
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub junit: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,
}

/// How to print what came of each case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A line a case, and what is wrong with it
    #[default]
    Text,
    /// One JSON object a case, and one for the sum
    Json,
}

impl TestArgs {
    pub(crate) fn mode(&self) -> Mode {
        Mode { bless: self.bless, strict: self.strict }
    }

    /// How the guest is loaded. A case grants the rest.
    pub(crate) fn terms(&self, compiler: Compiler) -> Terms {
        let (limits, page) = (self.limits.0.clone(), PageGrants::default());
        Terms { limits, page, compiler, metered: false }
    }
}
