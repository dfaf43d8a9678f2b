//! The command `host test`: runs test cases against a guest, without a socket.

mod cases;
mod junit;
mod tally;
mod watch;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use curtaincall::internals::case::{
    Case, CaseError, CaseFailure, CaseReport, CaseWarning, FailureContext, Mode,
};
use curtaincall::internals::sandbox::{Sandbox, announced};
use curtaincall::internals::visible::{CAUSE, beginning, visible};

use crate::cli::{Color, TestArgs};
use crate::console::Console;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::hint;
use crate::output::print;
use cases::CaseFile;
use tally::Tally;

/// How many lines of a diff, a page or a log are printed for one failure.
const DETAIL_LINES: usize = 200;

/// The report of a case, with its name and its time.
struct TimedCase {
    name: String,
    report: CaseReport,
    took: Duration,
}

/// Runs all cases. With `--watch`, runs them again after every change.
pub(crate) fn test(args: &TestArgs, color: Color, console: &Console) -> Result<Exit, CommandError> {
    let run = || run(args, color, console);
    if args.watch { watch::every_change(args, console, run) } else { run() }
}

fn run(args: &TestArgs, color: Color, console: &Console) -> Result<Exit, CommandError> {
    let files = cases::find(&args.cases, args.filter.as_deref()).map_err(|error| CommandError {
        hint: error.is_missing().then_some(hint::MISSING_CASES.into()),
        ..CommandError::new(Exit::Usage, error.to_string())
    })?;
    let sandbox = load(args, console)?;
    if let Some(reason) = sandbox.cache_warning() {
        console.cache_unused(reason);
    }
    let mut tally = Tally::new(args.format, color);
    let mut all = Vec::new();
    let printed = run_all(&files, &sandbox, args.mode(), |result| {
        let printed = print_results(&tally.line(&result), args);
        all.push(result);
        printed
    });
    printed.and_then(|()| print_results(&tally.total(), args)).map_err(|error| {
        CommandError::new(Exit::Output, format!("cannot write the results: {error}"))
    })?;
    if let Some(file) = &args.junit {
        junit::write(file, &all).map_err(|error| {
            CommandError::new(Exit::Output, format!("cannot write `{}`: {error}", file.display()))
        })?;
    }
    Ok(if tally.passed() { Exit::Success } else { Exit::Failure })
}

/// Prints results. A closed pipe, as after `head -1`, is not an error, as in ripgrep. Unlike ripgrep, the run continues,
/// so that the exit code and the JUnit report include every case. With `--watch` the run would never end, so there a
/// closed pipe is an error.
fn print_results(text: &str, args: &TestArgs) -> io::Result<()> {
    match print(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe && !args.watch => Ok(()),
        printed => printed,
    }
}

/// Loads the guest in the same way as `host run`.
fn load(args: &TestArgs, console: &Console) -> Result<Sandbox, CommandError> {
    let (compiler, runtime) = (super::compiler()?, super::runtime()?);
    let silent = std::sync::Arc::new(|_| {});
    let guest = args.guest.read()?.guest;
    let size = guest.size();
    let loading = Sandbox::load(guest, args.limits.terms(compiler), silent);
    Ok(runtime.block_on(announced(loading, || console.compiling(size)))?)
}

/// Runs the cases on all cores. Calls `on_result` on this thread, in the order of the cases.
fn run_all(
    files: &[CaseFile],
    sandbox: &Sandbox,
    mode: Mode,
    mut on_result: impl FnMut(TimedCase) -> io::Result<()>,
) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from).min(files.len());
    let (done, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..cores {
            let (next, done) = (&next, done.clone());
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(at) else { break };
                    // The receiver is gone if the results can no longer be printed.
                    let _ = done.send((at, run_one(file, sandbox, mode)));
                }
            });
        }
        drop(done);
        let mut waiting = BTreeMap::new();
        let mut reported = 0;
        for (at, result) in results {
            waiting.insert(at, result);
            while let Some(result) = waiting.remove(&reported) {
                reported += 1;
                if let Err(error) = on_result(result) {
                    // The results cannot be printed, so do not start more cases.
                    next.store(files.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(())
    })
}

fn run_one(file: &CaseFile, sandbox: &Sandbox, mode: Mode) -> TimedCase {
    let started = Instant::now();
    let report = match catch_unwind(AssertUnwindSafe(|| load_and_run(file, sandbox, mode))) {
        Ok(report) => report,
        Err(_) => {
            let problem = "`host` panicked while it ran this case";
            failed(1, format!("{problem}: {}", hint::REPORT_BUG))
        }
    };
    let name = beginning(&visible(&file.path().display().to_string()), CAUSE);
    TimedCase { name, report: shortened(report), took: started.elapsed() }
}

/// Moves everything that is printed below a message into its detail, and truncates all texts. A guest can make a
/// message or a page arbitrarily long.
fn shortened(mut report: CaseReport) -> CaseReport {
    for CaseFailure { message, detail, context, can_bless, .. } in &mut report.failures {
        *message = beginning(&visible(message), CAUSE);
        if *can_bless {
            *message += &format!("; {}", hint::BLESS);
        }
        let FailureContext { reason, remedy, lines } = std::mem::take(context);
        let reason = reason.map(|reason| hint::case_reason(&reason, remedy));
        let lines: Vec<_> = detail.take().into_iter().chain(reason).chain(lines).collect();
        *detail = (!lines.is_empty()).then(|| excerpt(&lines.join("\n")));
    }
    for CaseWarning { message, .. } in &mut report.warnings {
        *message = beginning(&visible(message), CAUSE);
    }
    report
}

/// Returns the first lines of `text`, followed by the number of the others.
fn excerpt(text: &str) -> String {
    let lines = text.split('\n');
    let more = lines.clone().count().saturating_sub(DETAIL_LINES);
    let mut excerpt: Vec<_> =
        lines.take(DETAIL_LINES).map(|line| beginning(&visible(line), CAUSE)).collect();
    if more > 0 {
        excerpt.push(format!("... ({more} more lines)"));
    }
    excerpt.join("\n")
}

fn load_and_run(file: &CaseFile, sandbox: &Sandbox, mode: Mode) -> CaseReport {
    match Case::load_below(&file.root, &file.below) {
        Ok(case) => case.run(sandbox, mode).unwrap_or_else(|error| failed(1, error.to_string())),
        Err(CaseError::Parse(error)) => {
            let failure = CaseFailure::new(error.line, hint::case_message(&error), None);
            report_of(CaseFailure { column: Some(error.column), ..failure })
        }
        Err(CaseError::Read { source, .. }) => failed(1, format!("cannot read the case: {source}")),
    }
}

fn failed(line: usize, message: String) -> CaseReport {
    report_of(CaseFailure::new(line, message, None))
}

fn report_of(failure: CaseFailure) -> CaseReport {
    CaseReport { failures: vec![failure], ..CaseReport::default() }
}

/// Returns where a failure is, in the form that editors recognize: `a.case:4:2`.
fn place(name: &str, failure: &CaseFailure) -> String {
    match failure.column {
        Some(column) => format!("{name}:{}:{column}", failure.line),
        None => format!("{name}:{}", failure.line),
    }
}
