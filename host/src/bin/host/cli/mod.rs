//! The definition of the command line. Only this module and `main` use clap.

mod call;
mod deferred;
mod grants;
mod guest;
mod inspect;
mod limits;
mod net;
mod presets;
#[cfg(test)]
mod reference;
mod run;
mod test;
mod tls;
mod variables;

use bytesize::ByteSize;
use clap::{Parser, Subcommand, ValueEnum};
use curtaincall::internals::limits::Amount;
use curtaincall::internals::sandbox::{COMPILE_SUBCOMMAND, Terms};
use curtaincall::{Compiler, PageGrants};

pub(crate) use call::{CallArgs, CallArgsError, ReplyFormat};
use deferred::Deferred;
use grants::GrantArgs;
pub(crate) use grants::{GrantArgsError, Granted};
pub(crate) use guest::{Chosen, GuestArg};
pub(crate) use inspect::InspectArgs;
use limits::LimitArgs;
pub(crate) use presets::PresetsArgs;
pub(crate) use run::RunArgs;
pub(crate) use test::{ReportFormat, TestArgs};
pub(crate) use tls::{TlsArgs, TlsArgsError};
pub(crate) use variables::VariableArgsError;

/// Receive one HTTP callback on loopback, show a page, print the result and exit
#[derive(Debug, Parser)]
#[command(name = "host", version, propagate_version = true)]
pub(crate) struct Cli {
    /// The command to run
    #[command(subcommand)]
    pub command: Command,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Wait for one callback, show the guest's page and print the outcome
    Run(Deferred<RunArgs>),
    /// Send one request to a guest, without a socket or a browser, and print the reply
    Call(Deferred<CallArgs>),
    /// Run test cases against a guest: requests and the expected replies
    Test(Deferred<TestArgs>),
    /// Show what a guest imports, what it could reach, and whether `run` accepts it
    Inspect(Deferred<InspectArgs>),
    /// List the providers that `run` can sign in with, or show one in full
    Presets(Deferred<PresetsArgs>),
    /// Compile a component from standard input to standard output, within a memory limit
    #[command(name = COMPILE_SUBCOMMAND, hide = true)]
    Compile(CompileArgs),
}

/// Flags of the hidden subcommand that [`curtaincall::Compiler::Program`] runs.
#[derive(Debug, clap::Args)]
pub(crate) struct CompileArgs {
    /// Memory that the compiler may use
    #[arg(value_parser = <ByteSize as Amount>::parse)]
    pub memory: ByteSize,
    /// Compile so that calls count fuel
    #[arg(long)]
    pub metered: bool,
    /// Name of the component; given when the input is text
    pub text: Option<String>,
}

impl LimitArgs {
    /// Returns the settings to load a guest within these limits, without page grants. `host inspect` shows no page, and
    /// in `host test` each case sets its own grants.
    pub(crate) fn terms(&self, compiler: Compiler) -> Terms {
        let (limits, page) = (self.0.clone(), PageGrants::default());
        Terms { limits, page, compiler, reveal: true, metered: false }
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// on a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// also when the output is not a terminal
    Always,
    /// no colours
    Never,
}

impl Color {
    /// Returns whether to use colours on a stream.
    pub(crate) fn applies(self, is_terminal: bool) -> bool {
        let declined = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && !declined(),
        }
    }
}
