//! `host run`: the flow until its end, or until a second signal.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use curtaincall::{Compiler, Error, Exit, Flow, Outcome, Signal, Signals};
use tokio::sync::oneshot;
use tokio::task;

use crate::cli::RunArgs;
use crate::console::Console;
use crate::journal::Journal;
use crate::report::{self, Report};
use crate::sink::Sink;

/// `host run`: the flow until its end, or until a second signal.
pub(crate) async fn run(args: &RunArgs, console: &Console, stderr: &Arc<Sink>) -> Exit {
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
    let compiler = match Compiler::this_program().map_err(Error::Program) {
        Ok(compiler) => compiler,
        Err(error) => {
            console.error(&error);
            return error.exit();
        }
    };
    let config = match args.config(compiler) {
        Ok(config) => config,
        Err(error) => {
            let error = Error::from(error);
            console.error(&error);
            return error.exit();
        }
    };
    let flow = Flow::from(config)
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
