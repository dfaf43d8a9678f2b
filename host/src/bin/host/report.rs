//! The outcome on standard output: on a thread of its own, so that a blocked reader never delays the page.

use std::io::{self, IsTerminal as _, Write as _};
use std::thread;

use curtaincall::Outcome;
use curtaincall::internals::outcome::Format;
use curtaincall::internals::visible::{list, visible};
use tokio::sync::oneshot;

/// What is said where a flow ended with a failure: the guest's words are data, and stay on standard output.
pub(crate) const FAILURE: &str = "the flow ended without a result";

/// Which form the outcome is printed in.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// All of it.
    Whole(Format),
    /// One value, raw.
    Value(String),
}

/// Why the outcome is not on standard output.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReportError {
    /// `--print` names a value that is not there.
    #[error("the outcome has no value `{wanted}`; it has {}", list(.names))]
    NoSuchValue {
        /// What `--print` asked for.
        wanted: String,
        /// The names that there are.
        names: Vec<String>,
    },
    /// Standard output is closed, full or broken.
    #[error("the outcome could not be written to standard output: {0}")]
    Write(#[from] io::Error),
}

/// An outcome that is being written to standard output.
pub(crate) struct Writing(oneshot::Receiver<Result<(), ReportError>>);

impl Writing {
    /// Start to write `outcome`.
    pub(crate) fn start(outcome: &Outcome, form: &Form) -> Self {
        let (sender, receiver) = oneshot::channel();
        let (outcome, form) = (outcome.clone(), form.clone());
        // Nobody listens any more once a signal ended the program.
        let write = move || {
            // To programs, values go as they are; a terminal would obey what is in them.
            let is_raw = matches!(form, Form::Value(_) | Form::Whole(Format::Env));
            let is_shown = is_raw && io::stdout().is_terminal();
            let outcome = if is_shown { seen(outcome) } else { outcome };
            let written = render(&outcome, &form).and_then(|text| Ok(print(text.as_bytes())?));
            drop(sender.send(written));
        };
        // Should the thread not start, the sender is dropped with the closure: an error below.
        let _ = thread::Builder::new().name("report".to_owned()).spawn(write);
        Self(receiver)
    }

    /// Wait until it is written and flushed.
    ///
    /// # Errors
    /// When it is not, and will not be.
    pub(crate) async fn written(self) -> Result<(), ReportError> {
        self.0.await.unwrap_or_else(|_| Err(io::Error::other("no thread to write it").into()))
    }
}

/// The outcome with values that can be seen, for the two forms that give them raw.
fn seen(outcome: Outcome) -> Outcome {
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

fn render(outcome: &Outcome, form: &Form) -> Result<String, ReportError> {
    match form {
        Form::Whole(format) => Ok(outcome.render(*format)),
        // A failure has no value to print: a script must not take the reason for a code.
        Form::Value(_) if matches!(outcome, Outcome::Failure(_)) => Ok(String::new()),
        Form::Value(wanted) => {
            outcome.get(wanted).map(|value| format!("{value}\n")).ok_or_else(|| {
                let names = outcome.fields().into_iter().map(|(name, _)| name.to_owned()).collect();
                ReportError::NoSuchValue { wanted: wanted.clone(), names }
            })
        }
    }
}

/// Write a page's body to standard output: as it is, but line by line visible on a terminal.
pub(crate) fn print_body(body: &[u8]) -> io::Result<()> {
    if !io::stdout().is_terminal() {
        return print(body);
    }
    let text = String::from_utf8_lossy(body);
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    print(lines.join("\n").as_bytes())
}

/// Write to standard output, all of it.
pub(crate) fn print(content: &[u8]) -> io::Result<()> {
    if started_closed() {
        return Err(io::Error::other("it is closed"));
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(content)?;
    stdout.flush()
}

/// Whether there was no standard output when the program started (`host run >&-`): before `main`,
/// Rust's standard library puts `/dev/null` in its place, where every write succeeds.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[expect(unsafe_code, reason = "only a constructor runs before the standard library does")]
fn started_closed() -> bool {
    use std::os::fd::BorrowedFd;
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    extern "C" fn look() {
        // SAFETY: the descriptor is asked for its flags and for nothing else, closed or not.
        let stdout = unsafe { BorrowedFd::borrow_raw(1) };
        CLOSED.store(rustix::io::fcntl_getfd(stdout).is_err(), Ordering::Relaxed);
    }

    // SAFETY: the section is an array of such functions, which the loader calls once, on one thread.
    #[unsafe(link_section = ".init_array")]
    #[used]
    static LOOK: extern "C" fn() = look;

    CLOSED.load(Ordering::Relaxed)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn started_closed() -> bool {
    false
}
