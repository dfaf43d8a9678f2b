//! The command-line program `host`: parses the arguments, runs a command and returns its exit code.

mod cli;
mod commands;
mod console;
mod error;
mod exit;
mod hint;
mod journal;
mod link;
mod output;
mod repeats;
mod screen;
mod sink;
#[cfg_attr(not(unix), path = "terminal/absent.rs")]
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use clap::error::ErrorKind;
use curtaincall::CountingAllocator;
use curtaincall::internals::visible::{CAUSE, beginning, visible};

use cli::{Cli, Command};
use console::Console;
use error::CommandError;
use exit::Exit;
use screen::MARGIN;
use sink::Sink;

/// Counts the memory that the host holds for a guest towards the guest's memory limit.
#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let stderr = Arc::new(Sink::stderr());
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let Cli { command, color } = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return print_clap_error(&error, &arguments, &stderr).into(),
    };
    let is_verbose = matches!(&command, Command::Run(args) if args.verbose > 0);
    let console = Console::new(Arc::clone(&stderr), color, is_verbose);
    let result = match command {
        Command::Run(args) => block_on(&console, commands::run(&args, &console, &stderr)),
        Command::Call(args) => block_on(&console, commands::call(&args, &console)),
        Command::Test(args) => commands::test(&args, color, &console),
        Command::Inspect(args) => block_on(&console, commands::inspect(&args)),
        Command::Presets(args) => commands::presets(&args),
        Command::Compile(args) => Ok(commands::compile(&args)),
    };
    let exit = result.unwrap_or_else(|error| {
        console.error(&error);
        error.exit
    });
    exit.into()
}

/// Prints why the command line is invalid, or the help or version that it asks for. Returns the exit code.
fn print_clap_error(error: &clap::Error, arguments: &[OsString], stderr: &Sink) -> Exit {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
    if exit == Exit::Success || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        let _ = error.print();
        return exit;
    }
    // An argument may contain a line feed, and so forge a line of the message. Therefore, the arguments are escaped and
    // parsed again, which fails in the same way. Every line break in that message comes from clap.
    let escaped = arguments.iter().map(|argument| visible(&argument.to_string_lossy()));
    let message = match Cli::try_parse_from(escaped) {
        Err(error) if error.use_stderr() => error.render().to_string(),
        _ => {
            let message = error.render().to_string();
            visible(message.split("\n\n").next().unwrap_or_default())
        }
    };
    for line in message.lines() {
        let line = beginning(&visible(line), CAUSE);
        let rows = screen::rows(&line, 0, screen::columns());
        stderr.line(&rows.join(format!("\n{MARGIN}").as_str()));
    }
    exit
}

/// Runs a command to completion.
fn block_on(
    console: &Console,
    command: impl Future<Output = Result<Exit, CommandError>>,
) -> Result<Exit, CommandError> {
    let runtime = commands::runtime()?;
    let result = runtime.block_on(command);
    console.settle();
    // A guest call may still be running, and a browser command may never return: do not wait for them. A shutdown of
    // the runtime would wake a call that waits for another host. It would then panic, because its timer is gone.
    std::mem::forget(runtime);
    result
}
