//! The command line: clap's types, and the one place that names clap.

mod call;
mod deferred;
mod grants;
mod inspect;
mod limits;
mod run;
mod test;

use bytesize::ByteSize;
use clap::{Parser, Subcommand, ValueEnum};
use curtaincall::internals::limits::Amount;
use curtaincall::internals::sandbox::COMPILE_SUBCOMMAND;

pub(crate) use call::{CallArgs, CallArgsError, ReplyFormat};
use deferred::Deferred;
use grants::GrantArgs;
pub(crate) use inspect::InspectArgs;
use limits::LimitArgs;
pub(crate) use run::RunArgs;
pub(crate) use test::{ReportFormat, TestArgs};

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
    Run(Deferred<RunArgs>),
    /// Put one request to a guest, without a socket or a browser, and print its reply
    Call(Deferred<CallArgs>),
    /// Run cases against a guest: requests, and what is expected of each
    Test(Deferred<TestArgs>),
    /// Show what a guest is, what it could reach, and whether `run` would take it
    Inspect(Deferred<InspectArgs>),
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

impl Color {
    /// Whether colours go to a stream.
    pub(crate) fn applies(self, is_terminal: bool) -> bool {
        let declined = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && !declined(),
        }
    }
}
