//! The command line: clap's types, and the one place that names clap.

mod grants;
mod limits;
mod run;

use bytesize::ByteSize;
use clap::{Parser, Subcommand, ValueEnum};
use curtaincall::limits::Amount;
use curtaincall::sandbox::COMPILE_SUBCOMMAND;

use grants::GrantArgs;
use limits::LimitArgs;
pub(crate) use run::RunArgs;

/// Receive one HTTP callback on loopback, and leave.
#[derive(Debug, Parser)]
#[command(name = "host", version, about, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// When to use colours on standard error
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve one flow: wait for the callback, show the guest's page, print the outcome
    Run(Box<RunArgs>),
    /// Compile a component from standard input to standard output, within this much memory
    #[command(name = COMPILE_SUBCOMMAND, hide = true)]
    Compile(CompileArgs),
}

/// The other end of [`curtaincall::Compiler::Program`].
#[derive(Debug, clap::Args)]
pub(crate) struct CompileArgs {
    /// The most memory to use
    #[arg(value_parser = <ByteSize as Amount>::parse)]
    pub memory: ByteSize,
    /// Count fuel
    #[arg(long)]
    pub metered: bool,
    /// What comes is text, of this name
    pub text: Option<String>,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Even into a file
    Always,
    /// Not at all
    Never,
}
