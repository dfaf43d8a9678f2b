//! `host`: the command-line program. Parses, runs a command, picks the exit code.

mod cli;
mod commands;
mod console;
mod journal;
mod report;
mod sink;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use curtaincall::Exit;
use curtaincall::sandbox::CountingAllocator;
use tokio::runtime::Builder;

use cli::{Cli, Command};
use console::Console;
use sink::Sink;

/// What the host holds for a guest counts towards the guest's memory.
#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let Cli { command, color } = Cli::parse();
    let stderr = Arc::new(Sink::stderr());
    let console = |verbose| Console::new(Arc::clone(&stderr), color, verbose);
    match command {
        Command::Run(args) => {
            let console = console(args.verbose > 0);
            serve(&console, commands::run(&args, &console, &stderr))
        }
        Command::Call(args) => {
            let console = console(false);
            serve(&console, commands::call(&args, &console))
        }
        Command::Test(args) => commands::test(&args, color, &console(false)),
        Command::Inspect(args) => {
            let console = console(false);
            serve(&console, commands::inspect(&args, &console))
        }
        Command::Compile(args) => commands::compile(&args),
    }
    .into()
}

/// Guest calls have threads of their own, so one thread serves everything else.
fn serve(console: &Console, command: impl Future<Output = Exit>) -> Exit {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console.fatal(&format!("cannot start: {error}"));
            return Exit::Listen;
        }
    };
    let exit = runtime.block_on(command);
    // A guest that still computes, or a browser that never returns, holds nobody up.
    runtime.shutdown_background();
    exit
}
