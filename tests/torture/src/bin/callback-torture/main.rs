//! The program `callback-torture`.

mod cli;
mod report;
mod rows;
mod stop;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use callback_torture::Provider;
use callback_torture::browser::Call;
use clap::Parser as _;

use cli::{Args, Exit};
use stop::Stop;

fn main() -> ExitCode {
    // A program under test starts this executable as its browser.
    if let Some(call) = Call::of(std::env::args_os().skip(1)) {
        return match call.deliver() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("cannot hand the URL over: {error}")),
        };
    }
    let args = Args::parse();
    match start(args) {
        Ok(code) => code,
        Err(error) => fail(&error.to_string()),
    }
}

/// Run the rows on a thread of their own, so that a signal ends the program at any time.
fn start(args: Args) -> io::Result<ExitCode> {
    let provider = Arc::new(Provider::start()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (sender, finished) = tokio::sync::oneshot::channel();
    let stop = Stop::default();
    let (code, worker) = runtime.block_on(async {
        // Before the first row, so that no signal is missed.
        let signal = stop::signal()?;
        let stopping = stop.clone();
        let worker = thread::Builder::new().name("rows".to_owned()).spawn(move || {
            // Nobody receives the result once a signal has come.
            let _ = sender.send(rows::run(&args, &provider, &stopping));
        })?;
        tokio::select! {
            result = finished => io::Result::Ok((result.unwrap_or(Ok(Exit::Fatal))?, worker)),
            exit = signal => {
                stop.now();
                Ok((exit, worker))
            }
        }
    })?;
    // After a signal the command is killed already, and the row in progress does not matter.
    if matches!(code, Exit::Passed | Exit::Failed | Exit::Fatal) {
        let _ = worker.join();
    }
    Ok(code.into())
}

fn fail(problem: &str) -> ExitCode {
    // If standard error is closed, the exit code remains.
    let _ = writeln!(io::stderr(), "error: {problem}");
    Exit::Fatal.into()
}
