//! The command `host run`: runs a flow until it ends, or until a second signal.

use std::panic;
use std::sync::Arc;
use std::time::Duration;

use curtaincall::internals::files::is_pipe;
use curtaincall::internals::shutdown;
use curtaincall::{Browser, Error, Event, Flow, Outcome, Paste, Signal, Signals, TlsIdentity};
use tokio::sync::oneshot;
use tokio::task;
use tokio::time::sleep;

use crate::cli::{Chosen, Granted, RunArgs};
use crate::console::Console;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::hint;
use crate::journal::Journal;
use crate::output::{self, Writing};
use crate::place::Place;
use crate::sink::Sink;
use crate::terminal::Terminal;

/// Why the program ends before the flow begins.
enum Halt {
    Failed(CommandError),
    /// A signal arrived. The user sent it, so there is nothing to report.
    Stopped(Signal),
}

impl From<CommandError> for Halt {
    fn from(error: CommandError) -> Self {
        Self::Failed(error)
    }
}

/// Runs a flow until it ends, or until a second signal.
pub(crate) async fn run(
    args: &RunArgs,
    console: &Console,
    stderr: &Arc<Sink>,
) -> Result<Exit, CommandError> {
    let signals = Signals::install().map_err(|error| {
        CommandError::new(Exit::Listen, format!("cannot handle signals: {error}"))
    })?;
    let chosen = args.guest.read()?;
    let unregistered = chosen.preset.as_ref().filter(|preset| args.is_unregistered(preset));
    let unregistered = unregistered.map(hint::unregistered);
    let (journal, flow, has_secret) = match prepare(args, chosen, stderr, &signals).await {
        Ok(prepared) => prepared,
        Err(Halt::Failed(error)) => return Err(error),
        Err(Halt::Stopped(signal)) => return Ok(Exit::from(signal)),
    };
    let (started, mut writing) = oneshot::channel();
    let (form, events_console) = (args.form(), console.clone());
    let hides_redirect_uri = args.hides_redirect_uri();
    let pkce_off = hint::pkce_off(has_secret);
    let place = Place::detect();
    let browser = args.browser(&place);
    let opens = browser != Browser::None;
    let terminal = Terminal::of(console);
    let (paste, pasted) = Paste::channel();
    let end_terminal = terminal.as_ref().map(Terminal::ending);
    let flow = flow
        .browser(browser)
        .shutdown(signals.nth(1))
        .pasted(pasted)
        .on_event(move |event| {
            if let Some(journal) = &journal {
                journal.event(event);
            }
            events_console.event(event);
            if matches!(event, Event::PkceOff) {
                events_console.warning(pkce_off);
            }
            if hides_redirect_uri && matches!(event, Event::Listening { .. }) {
                events_console.warning(hint::NO_REDIRECT_URI);
            }
            if let (Some(warning), Event::Listening { .. }) = (&unregistered, event) {
                events_console.warning(warning);
            }
            if let Some(advice) = place.advice(event, opens) {
                events_console.advice(&advice);
            }
        })
        .on_done(move |outcome| {
            if let Some(end) = end_terminal {
                end();
            }
            // Sending cannot fail: the receiver lives as long as this function.
            let _ = started.send(Writing::start(outcome, &form));
        });
    let attending = async {
        match &terminal {
            Some(terminal) => terminal.attend(&paste, args.timeout).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        // The first branch reports what happened to a pasted text, before the flow ends.
        biased;
        never = attending => match never {},
        result = flow.run() => {
            conclude(result, writing.try_recv().ok(), &signals).await
        }
        signal = signals.nth(2) => Ok(Exit::from(signal)),
    }
}

/// Opens and reads the files, which may be named pipes that wait for another program. Also returns whether there is a
/// client secret.
async fn prepare(
    args: &RunArgs,
    chosen: Chosen,
    stderr: &Arc<Sink>,
    signals: &Signals,
) -> Result<(Option<Journal>, Flow, bool), Halt> {
    let journal = open_journal(args, stderr, signals).await?;
    let compiler = super::compiler()?;
    let granted = granted(args, signals).await?;
    let identity = identity(args, signals).await?;
    let has_secret = granted.variables.has_secret("client_secret");
    Ok((journal, args.flow(compiler, chosen, granted, identity), has_secret))
}

/// Opens the file of `--events`. Opening a named pipe waits for its reader.
async fn open_journal(
    args: &RunArgs,
    stderr: &Arc<Sink>,
    signals: &Signals,
) -> Result<Option<Journal>, Halt> {
    let Some(path) = args.events.clone() else { return Ok(None) };
    let limit = is_pipe(&path).then_some(args.timeout);
    let stderr = Arc::clone(stderr);
    let open = move || {
        Journal::open(&path, &stderr).map(Some).map_err(|error| {
            let message = format!("cannot write the events to `{}`: {error}", path.display());
            CommandError::new(Exit::Usage, message)
        })
    };
    unless_stopped(signals, limit, "no program read from the pipe of `--events`", open).await
}

/// Reads what the guest is granted. Reading a named pipe waits for its writer.
async fn granted(args: &RunArgs, signals: &Signals) -> Result<Granted, Halt> {
    let grants = args.grants.clone();
    let read = move || grants.read().map_err(CommandError::from);
    if !args.grants.reads_files() {
        // Nothing blocks here, and starting a thread would take longer.
        return read().map_err(Halt::Failed);
    }
    let problem =
        "no program wrote to the pipe of `--config-file`, `--secret`, `--grants` or `--ca-cert`";
    unless_stopped(signals, Some(args.timeout), problem, read).await
}

/// Reads the certificate and the private key. Reading a named pipe waits for its writer.
async fn identity(args: &RunArgs, signals: &Signals) -> Result<Option<TlsIdentity>, Halt> {
    if !args.tls.is_on() {
        return Ok(None);
    }
    let tls = args.tls.clone();
    let read = move || tls.read().map_err(CommandError::from);
    if args.tls.are_files() {
        // Nothing blocks here, and starting a thread would take longer.
        return read().map_err(Halt::Failed);
    }
    let problem = "no program wrote to the pipe of `--tls-cert` or `--tls-key`";
    unless_stopped(signals, Some(args.timeout), problem, read).await
}

/// Runs `work` on another thread, because it may block on a pipe. Stops waiting for it at a signal, or after `limit`
/// with `problem` as the error message. The thread then continues on its own.
async fn unless_stopped<T: Send + 'static>(
    signals: &Signals,
    limit: Option<Duration>,
    problem: &str,
    work: impl FnOnce() -> Result<T, CommandError> + Send + 'static,
) -> Result<T, Halt> {
    let overdue = async {
        match limit {
            Some(limit) => {
                sleep(limit).await;
                limit
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        done = task::spawn_blocking(work) => {
            let done = done.unwrap_or_else(|error| panic::resume_unwind(error.into_panic()));
            done.map_err(Halt::Failed)
        }
        signal = signals.nth(1) => Err(Halt::Stopped(signal)),
        limit = overdue => {
            let time = humantime::format_duration(limit);
            Err(Halt::Failed(CommandError::new(Exit::Timeout, format!("{problem} within {time}"))))
        }
    }
}

/// Waits until the outcome is written, and returns how the run ended.
async fn conclude(
    result: Result<Outcome, Error>,
    writing: Option<Writing>,
    signals: &Signals,
) -> Result<Exit, CommandError> {
    let seen = shutdown::seen(signals);
    if let Some(writing) = writing {
        // If no program reads standard output, this waits for another signal.
        let written = tokio::select! {
            biased;
            written = writing.written() => written,
            signal = signals.nth(seen + 1) => {
                let exit = Exit::from(signal);
                return Err(CommandError::new(exit, "stopped before the outcome was written"));
            }
        };
        written.map_err(|error| CommandError::new(Exit::Output, error.to_string()))?;
    }
    match result? {
        Outcome::Success(_) => Ok(Exit::Success),
        Outcome::Failure(failure) => {
            Err(CommandError::new(Exit::Failure, output::failure_message(&failure)))
        }
    }
}
