//! `host run`: the flow until its end, or until a second signal.

use std::io;
use std::panic;
use std::path::PathBuf;
use std::sync::Arc;

use curtaincall::error::VariableError;
use curtaincall::internals::Exit;
use curtaincall::internals::files::is_pipe;
use curtaincall::{Compiler, Error, Outcome, Signal, Signals, Variables};
use tokio::sync::oneshot;
use tokio::task;
use tokio::time::timeout;

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
    let opening = open_journal(args, stderr, &signals);
    let opened = match args.events.as_deref().is_some_and(is_pipe) {
        true => timeout(args.timeout, opening).await,
        false => Ok(opening.await),
    };
    let journal = match opened {
        Ok(Ok(Ok(journal))) => journal,
        Err(_) => {
            let time = humantime::format_duration(args.timeout);
            console.fatal(&format!("nobody read from the pipe of `--events` within {time}"));
            return Exit::Timeout;
        }
        Ok(Ok(Err((path, error)))) => {
            let path = path.display();
            console.fatal(&format!("cannot write the events to `{path}`: {error}"));
            return Exit::Usage;
        }
        Ok(Err(signal)) => return Error::Interrupted(signal).exit(),
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
    let flow = match timeout(args.timeout, variables(args, &signals)).await {
        Ok(Ok(Ok(variables))) => args.flow(compiler, variables),
        Ok(Ok(Err(error))) => {
            let error = Error::from(error);
            console.error(&error);
            return error.exit();
        }
        Ok(Err(signal)) => return Error::Interrupted(signal).exit(),
        Err(_) => {
            let time = humantime::format_duration(args.timeout);
            console.fatal(&format!(
                "nobody wrote to the pipe of `--config-file` or `--secret` within {time}"
            ));
            return Exit::Timeout;
        }
    };
    let flow = flow
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

/// Open the file for the events. A named pipe waits here for its reader.
async fn open_journal(
    args: &RunArgs,
    stderr: &Arc<Sink>,
    signals: &Signals,
) -> Result<Result<Option<Journal>, (PathBuf, io::Error)>, Signal> {
    let Some(path) = args.events.clone() else { return Ok(Ok(None)) };
    let stderr = Arc::clone(stderr);
    let open = move || match Journal::open(&path, &stderr) {
        Ok(journal) => Ok(Some(journal)),
        Err(error) => Err((path, error)),
    };
    unless_stopped(signals, open).await
}

/// What the guest is configured with. A named pipe waits here for its writer.
async fn variables(
    args: &RunArgs,
    signals: &Signals,
) -> Result<Result<Variables, VariableError>, Signal> {
    let grants = args.grants.clone();
    match grants.reads_files() {
        // A thread would take longer than that.
        false => Ok(grants.variables()),
        true => unless_stopped(signals, move || grants.variables()).await,
    }
}

/// Do what may wait for another program, at the other end of a pipe, on a thread that nobody waits for: a
/// signal ends the wait.
async fn unless_stopped<T: Send + 'static>(
    signals: &Signals,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Signal> {
    tokio::select! {
        done = task::spawn_blocking(work) => {
            Ok(done.unwrap_or_else(|error| panic::resume_unwind(error.into_panic())))
        }
        signal = signals.nth(1) => Err(signal),
    }
}

/// Wait for the report, and say how it all ended.
async fn conclude(
    result: Result<Outcome, Error>,
    report: Option<Report>,
    signals: &Signals,
    console: &Console,
) -> Exit {
    let seen = signals.seen();
    if let Some(report) = report {
        // Nobody may ever read our standard output: then a signal ends the wait, one that is new.
        let written = tokio::select! {
            biased;
            written = report.written() => written,
            signal = signals.nth(seen + 1) => {
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
