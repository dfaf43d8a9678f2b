//! Writes results to standard output. The outcome of `host run` is written on a thread of its own, so that a blocked
//! reader does not delay the page.

use std::io::{self, IsTerminal as _, Write as _};
use std::thread;

use curtaincall::internals::outcome::{self, Format};
use curtaincall::internals::visible::{CAUSE, NAME, beginning, list, visible};
use curtaincall::{Failure, Outcome};
use tokio::sync::oneshot;

/// Returns the error message for a flow that ended with a failure. The text comes from the callback or the guest, so it
/// is escaped and truncated. The sandbox has redacted it.
pub(crate) fn failure_message(failure: &Failure) -> String {
    let shown = |text: &str, limit| beginning(&visible(text), limit);
    let error = shown(&failure.error, NAME);
    match failure.description.as_deref() {
        Some(text) if !text.is_empty() => {
            format!("the sign-in failed with `{error}`: {}", shown(text, CAUSE))
        }
        _ => format!("the sign-in failed with `{error}`"),
    }
}

/// The form in which the outcome is printed.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// The whole outcome.
    Whole(Format),
    /// One value, unquoted.
    Value(String),
}

/// Why the outcome was not written to standard output.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// `--print` names a value that the outcome does not have.
    #[error("the outcome has no value `{wanted}`: expected {}", alternatives(.names))]
    NoSuchValue {
        /// The name given to `--print`.
        wanted: String,
        /// The names of the outcome's values.
        names: Vec<String>,
    },
    /// Standard output is closed, full or broken.
    #[error("cannot write the outcome to standard output: {0}")]
    Write(#[from] io::Error),
    /// The operating system does not start the thread that writes.
    #[error("cannot start the thread that writes the outcome: {0}")]
    Thread(io::Error),
    /// The thread that writes ended early.
    #[error("the thread that writes the outcome panicked")]
    Panicked,
}

fn alternatives(names: &[String]) -> String {
    let one_of = if names.len() > 1 { "one of " } else { "" };
    format!("{one_of}{}", list(names))
}

/// A background write of the outcome to standard output. An error if its thread did not start.
pub(crate) struct Writing(io::Result<oneshot::Receiver<Result<(), OutputError>>>);

impl Writing {
    /// Starts to write `outcome`.
    pub(crate) fn start(outcome: &Outcome, form: &Form) -> Self {
        let (sender, receiver) = oneshot::channel();
        let (outcome, form) = (outcome.clone(), form.clone());
        let write = move || {
            // A program gets the values unchanged. A terminal would execute the control characters in them.
            let is_raw = matches!(form, Form::Value(_) | Form::Whole(Format::Env));
            let must_escape = is_raw && io::stdout().is_terminal();
            let outcome = if must_escape { escaped(outcome) } else { outcome };
            let written = render(&outcome, &form).and_then(|text| Ok(print(text.as_bytes())?));
            // The receiver is gone if a signal ended the program.
            drop(sender.send(written));
        };
        let thread = thread::Builder::new().name("output".to_owned()).spawn(write);
        Self(thread.map(|_| receiver))
    }

    /// Waits until the outcome is written and flushed.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub(crate) async fn written(self) -> Result<(), OutputError> {
        let receiver = self.0.map_err(OutputError::Thread)?;
        receiver.await.unwrap_or(Err(OutputError::Panicked))
    }
}

/// Escapes the control characters in the values, for the two forms that print values unescaped.
fn escaped(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Success(values) => Outcome::Success(
            values.into_iter().map(|(name, value)| (name, visible(&value))).collect(),
        ),
        Outcome::Failure(mut failure) => {
            failure.error = visible(&failure.error);
            failure.description = failure.description.map(|text| visible(&text));
            Outcome::Failure(failure)
        }
    }
}

fn render(outcome: &Outcome, form: &Form) -> Result<String, OutputError> {
    match form {
        Form::Whole(format) => Ok(outcome::render(outcome, *format)),
        // Print nothing for a failure, so that a script does not mistake its reason for a value.
        Form::Value(_) if matches!(outcome, Outcome::Failure(_)) => Ok(String::new()),
        Form::Value(wanted) => {
            outcome.get(wanted).map(|value| format!("{value}\n")).ok_or_else(|| {
                let names = outcome.fields().into_iter().map(|(name, _)| name.to_owned()).collect();
                OutputError::NoSuchValue { wanted: wanted.clone(), names }
            })
        }
    }
}

/// Writes a page's body to standard output. On a terminal, control characters except line feeds are escaped.
pub(crate) fn print_body(body: &[u8]) -> io::Result<()> {
    if !io::stdout().is_terminal() {
        return print(body);
    }
    let text = String::from_utf8_lossy(body);
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    print(lines.join("\n").as_bytes())
}

/// Writes `content` to standard output and flushes it.
pub(crate) fn print(content: &[u8]) -> io::Result<()> {
    if started_closed() {
        return Err(io::Error::other("the stream is closed"));
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(content)?;
    stdout.flush()
}

/// Returns whether standard output was closed when the program started (`host run >&-`). Before `main`, Rust's standard
/// library replaces a closed standard output with `/dev/null`, where every write succeeds.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(
    unsafe_code,
    reason = "only a constructor runs before the standard library replaces a closed descriptor"
)]
fn started_closed() -> bool {
    use std::os::fd::BorrowedFd;
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    extern "C" fn check() {
        // SAFETY: the descriptor is only queried for its flags, which also works if it is closed.
        let stdout = unsafe { BorrowedFd::borrow_raw(1) };
        CLOSED.store(rustix::io::fcntl_getfd(stdout).is_err(), Ordering::Relaxed);
    }

    // SAFETY: this section is an array of functions, which the loader calls once, on one thread.
    #[unsafe(link_section = ".init_array")]
    #[used]
    static CHECK: extern "C" fn() = check;

    CLOSED.load(Ordering::Relaxed)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn started_closed() -> bool {
    false
}
