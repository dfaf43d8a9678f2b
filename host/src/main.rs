//! `host`: the command-line program. Parses, runs, prints at most one error, picks the exit code.

mod cli;
mod console;
mod journal;
mod report;
mod sink;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bytesize::ByteSize;
use clap::Parser as _;
use curtaincall::sandbox::compile_standard_input;
use curtaincall::{Compiler, Error, Exit, Flow, Outcome, Signal, Signals};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task;

use cli::{Cli, Command, RunArgs};
use console::Console;
use journal::Journal;
use report::Report;
use sink::Sink;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let stderr = Arc::new(Sink::stderr());
    let args = match cli.command {
        Command::Run(args) => args,
        Command::Compile { memory, text } => return compile(memory, text.as_deref()),
    };
    let console = Console::new(Arc::clone(&stderr), cli.color, args.verbose > 0);
    // Guest calls have threads of their own, so one thread serves everything else.
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console.fatal(&format!("cannot start: {error}"));
            return Exit::Listen.into();
        }
    };
    let exit = runtime.block_on(run(&args, &console, &stderr));
    // A guest that still computes, or a browser that never returns, holds nobody up.
    runtime.shutdown_background();
    exit.into()
}

/// The other end of [`Compiler::Program`]: 1 is a component that is not valid, and says why.
fn compile(memory: ByteSize, text: Option<&str>) -> ExitCode {
    match compile_standard_input(memory, text) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(_) => ExitCode::from(2),
    }
}

/// `host run`: the flow until its end, or until a second signal.
async fn run(args: &RunArgs, console: &Console, stderr: &Arc<Sink>) -> Exit {
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => {
            console.fatal(&format!("cannot handle signals: {error}"));
            return Exit::Listen;
        }
    };
    let journal = match open_journal(args, stderr, &signals).await {
        Ok(journal) => journal,
        Err(NoJournal::Signal(signal)) => return Error::Interrupted(signal).exit(),
        Err(NoJournal::Open(path, error)) => {
            let path = path.display();
            console.fatal(&format!("cannot write the events to `{path}`: {error}"));
            return Exit::Usage;
        }
    };
    let (started, mut report) = oneshot::channel();
    let (form, events_console) = (args.form(), console.clone());
    let compiler = match Compiler::this_program() {
        Ok(compiler) => compiler,
        Err(error) => {
            console.fatal(&format!("cannot find this program to compile with: {error}"));
            return Exit::Guest;
        }
    };
    let flow = Flow::from(args.config(compiler))
        .shutdown(signals.nth(1))
        .on_event(move |event| {
            if let Some(journal) = &journal {
                journal.event(event);
            }
            events_console.event(event);
        })
        .on_done(move |outcome| {
            // The receiver lives as long as this function.
            let _ = started.send(Report::start(outcome, &form));
        });
    tokio::select! {
        result = flow.run() => conclude(result, report.try_recv().ok(), &signals, console).await,
        signal = signals.nth(2) => Error::Interrupted(signal).exit(),
    }
}

/// Why there is no journal.
enum NoJournal {
    Open(PathBuf, io::Error),
    Signal(Signal),
}

/// Open the file for the events. A named pipe waits here for its reader, on a thread that nobody waits for.
async fn open_journal(
    args: &RunArgs,
    stderr: &Arc<Sink>,
    signals: &Signals,
) -> Result<Option<Journal>, NoJournal> {
    let Some(path) = args.events.clone() else { return Ok(None) };
    let (to_open, stderr) = (path.clone(), Arc::clone(stderr));
    tokio::select! {
        opened = task::spawn_blocking(move || Journal::open(&to_open, &stderr)) => {
            let opened = opened.unwrap_or_else(|error| Err(error.into()));
            opened.map(Some).map_err(|error| NoJournal::Open(path, error))
        }
        signal = signals.nth(1) => Err(NoJournal::Signal(signal)),
    }
}

/// Wait for the report, and say how it all ended.
async fn conclude(
    result: Result<Outcome, Error>,
    report: Option<Report>,
    signals: &Signals,
    console: &Console,
) -> Exit {
    let interrupted = matches!(result, Err(Error::Interrupted(_)));
    if let Some(report) = report {
        // Nobody may ever read our standard output: then a signal ends the wait, one that is new.
        let written = tokio::select! {
            biased;
            written = report.written() => written,
            signal = signals.nth(if interrupted { 2 } else { 1 }) => {
                console.fatal("stopped before the outcome was written");
                return Error::Interrupted(signal).exit();
            }
        };
        if let Err(error) = written {
            console.fatal(&error.to_string());
            return Exit::Output;
        }
    }
    match result {
        Ok(Outcome::Success(_)) => Exit::Success,
        Ok(Outcome::Failure(_)) => {
            console.fatal(report::FAILURE);
            Exit::Failure
        }
        Err(error) => {
            console.error(&error);
            error.exit()
        }
    }
}
