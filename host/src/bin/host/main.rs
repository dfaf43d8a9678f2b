//! `host`: the command-line program. Parses, runs a command, picks the exit code.

mod cli;
mod commands;
mod console;
mod fatal;
mod hint;
mod journal;
mod repeats;
mod report;
mod screen;
mod sink;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use clap::error::ErrorKind;
use curtaincall::CountingAllocator;
use curtaincall::internals::Exit;
use curtaincall::internals::visible::{CAUSE, beginning, visible};
use tokio::runtime::Builder;

use cli::{Cli, Command};
use console::Console;
use fatal::Fatal;
use screen::MARGIN;
use sink::Sink;

/// What the host holds for a guest counts towards the guest's memory.
#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let stderr = Arc::new(Sink::stderr());
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let Cli { command, color } = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return misused(&error, &arguments, &stderr).into(),
    };
    let is_verbose = matches!(&command, Command::Run(args) if args.verbose > 0);
    let console = Console::new(Arc::clone(&stderr), color, is_verbose);
    let ended = match command {
        Command::Run(args) => serve(&console, commands::run(&args, &console, &stderr)),
        Command::Call(args) => serve(&console, commands::call(&args, &console)),
        Command::Test(args) => commands::test(&args, color, &console),
        Command::Inspect(args) => serve(&console, commands::inspect(&args)),
        Command::Compile(args) => Ok(commands::compile(&args)),
    };
    let exit = ended.unwrap_or_else(|fatal| {
        console.fatal(&fatal);
        fatal.exit
    });
    exit.into()
}

/// Say what is wrong with a command line, which may have anything in it; or help, where that is asked for.
fn misused(error: &clap::Error, arguments: &[OsString], stderr: &Sink) -> Exit {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
    if exit == Exit::Success || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        let _ = error.print();
        return exit;
    }
    // What is wrong is the same with all of it visible, and then each line of the message is clap's own.
    let shown = arguments.iter().map(|argument| visible(&argument.to_string_lossy()));
    let message = match Cli::try_parse_from(shown) {
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

/// Guest calls have threads of their own, so one thread serves everything else.
fn serve(
    console: &Console,
    command: impl Future<Output = Result<Exit, Fatal>>,
) -> Result<Exit, Fatal> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fatal::new(Exit::Listen, format!("cannot start: {error}")))?;
    let ended = runtime.block_on(command);
    console.settle();
    // The program does not wait for a guest that still computes, or a browser that never returns.
    runtime.shutdown_background();
    ended
}
