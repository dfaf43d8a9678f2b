//! What browsers and strangers do to a callback receiver, and whether the legitimate callback still wins.
//!
//! Of 14 programs that were put to these shapes, none passed all. Each shape starts a receiver of its own.
//!
//! ```no_run
//! use std::process::Command;
//! use curtaincall::testing::torture::{Program, Torture};
//!
//! let torture = Torture::default();
//! let report = torture.run(|| {
//!     Program::start(Command::new("my-login").arg("--no-browser"), torture.deadline)
//! });
//! print!("{report}");
//! assert!(report.passed());
//! ```

mod program;
mod shape;

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use http::Uri;

pub use program::Program;
pub use shape::Shape;

use super::client::{self, Client};

/// A program, or a part of one, that waits for one callback.
pub trait Receiver {
    /// Where the callback goes.
    fn redirect_uri(&self) -> &str;

    /// The `state` that it sent, where it sent one.
    fn state(&self) -> Option<&str>;

    /// Wait for the end, at most until `deadline`: the code that it got, or a text with the code in it; nothing
    /// where it got none.
    ///
    /// # Errors
    /// When it did not end in time.
    fn finish(self, deadline: Duration) -> io::Result<Option<String>>;
}

/// What to put receivers to. The default is every shape, and 5 seconds.
#[derive(Debug, Clone)]
pub struct Torture {
    /// The shapes, each for a receiver of its own.
    pub shapes: Vec<Shape>,
    /// How long anything may take, e.g. from the page to the end of the receiver.
    pub deadline: Duration,
}

impl Default for Torture {
    fn default() -> Self {
        Self { shapes: Shape::ALL.to_vec(), deadline: Duration::from_secs(5) }
    }
}

/// What came of all shapes.
#[derive(Debug)]
pub struct Report {
    /// In the order of the shapes.
    pub verdicts: Vec<Verdict>,
}

/// What came of one shape.
#[derive(Debug)]
pub struct Verdict {
    /// What was done before the legitimate callback.
    pub shape: Shape,
    /// What went wrong, if anything did.
    pub problem: Option<Problem>,
    /// From the last byte of the page to the end of the receiver.
    pub took: Duration,
}

/// What goes wrong with callback receivers.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It did not come up.
    #[error("it does not start: {0}")]
    Start(#[source] io::Error),
    /// The legitimate callback found nobody.
    #[error("the legitimate callback is lost: {0}")]
    Lost(#[source] io::Error),
    /// It came, and was refused.
    #[error("the legitimate callback is refused, with status {0}")]
    Refused(u16),
    /// A code of somebody else's was taken.
    #[error("it takes the code of a forged callback")]
    Forged,
    /// It ended without the code.
    #[error("it ends without the code")]
    NoCode,
    /// It did not end.
    #[error("it does not end: {0}")]
    Hangs(#[source] io::Error),
}

impl Report {
    /// Whether the legitimate callback won each time.
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.problem.is_none())
    }
}

/// A line a shape.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdicts.iter().try_for_each(|Verdict { shape, problem, took }| match problem {
            None => writeln!(f, "ok      {shape} (+{:.2} s)", took.as_secs_f64()),
            Some(problem) => writeln!(f, "FAILED  {shape}: {problem}"),
        })
    }
}

impl Torture {
    /// Start a receiver for each shape, and put it to it.
    pub fn run<R: Receiver>(&self, mut start: impl FnMut() -> io::Result<R>) -> Report {
        let verdicts = self.shapes.iter().map(|&shape| {
            let (problem, took) = match start() {
                Ok(receiver) => put(shape, receiver, self.deadline),
                Err(error) => (Some(Problem::Start(error)), Duration::ZERO),
            };
            Verdict { shape, problem, took }
        });
        Report { verdicts: verdicts.collect() }
    }
}

fn put<R: Receiver>(shape: Shape, receiver: R, deadline: Duration) -> (Option<Problem>, Duration) {
    let fail = |problem| (Some(problem), Duration::ZERO);
    let target = match Target::of(&receiver, deadline) {
        Ok(target) => target,
        Err(error) => return fail(Problem::Start(error)),
    };
    // Whoever cannot even do this has shut the receiver out, and sees so below.
    let kept_open = shape.happen(&target);
    let good = format!("code={}", target.codes.good);
    let page = target.navigate(&target.callback(&good, target.state.as_deref()));
    let answered = Instant::now();
    let code = receiver.finish(deadline).map(Option::unwrap_or_default);
    let took = answered.elapsed();
    drop(kept_open);
    let problem = match (page, code) {
        (_, Ok(code)) if code.contains(&target.codes.evil) => Some(Problem::Forged),
        (Err(error), _) => Some(Problem::Lost(error)),
        (Ok(page), _) if page.status().is_client_error() || page.status().is_server_error() => {
            Some(Problem::Refused(page.status().as_u16()))
        }
        (Ok(_), Err(error)) => Some(Problem::Hangs(error)),
        (Ok(_), Ok(code)) if !code.contains(&target.codes.good) => Some(Problem::NoCode),
        _ => None,
    };
    (problem, took)
}

/// The codes of one receiver: nothing that it prints by chance.
struct Codes {
    /// Of the legitimate callback.
    good: String,
    /// Of every other.
    evil: String,
}

impl Codes {
    fn random() -> io::Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let word: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { good: format!("good{word}"), evil: format!("evil{word}") })
    }
}

/// Where a receiver listens, and for what.
pub(super) struct Target {
    redirect_uri: Uri,
    state: Option<String>,
    address: std::net::SocketAddr,
    deadline: Duration,
    codes: Codes,
}

impl Target {
    fn of(receiver: &impl Receiver, deadline: Duration) -> io::Result<Self> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let redirect_uri: Uri = receiver.redirect_uri().parse().map_err(invalid)?;
        let address = client::address(&redirect_uri)?;
        Ok(Self {
            redirect_uri,
            state: receiver.state().map(str::to_owned),
            address,
            deadline,
            codes: Codes::random()?,
        })
    }

    fn connect(&self) -> io::Result<Client> {
        Client::connect(self.address, self.deadline)
    }

    /// The target of a callback with these parameters.
    fn callback(&self, parameters: &str, state: Option<&str>) -> String {
        let state = state.map(|state| {
            let state: String = form_urlencoded::byte_serialize(state.as_bytes()).collect();
            format!("&state={state}")
        });
        let path = self.redirect_uri.path();
        format!("{path}?{parameters}{}", state.unwrap_or_default())
    }

    /// What a tab gets there: where the receiver sends it on within itself, it goes there.
    fn navigate(&self, target: &str) -> io::Result<http::Response<Vec<u8>>> {
        client::navigate(&self.redirect_uri, target, self.deadline)
    }
}
