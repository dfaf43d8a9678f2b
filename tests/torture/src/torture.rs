//! Run a receiver once for each shape, and judge it.

use std::fmt;
use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::shape::Shape;
use crate::target::Target;
use crate::trust::{Trust, Untrusted};

/// A program, or a part of one, that waits for one callback.
pub trait Receiver {
    /// The URL that the callback goes to.
    fn redirect_uri(&self) -> &str;

    /// The `state` of the authorization request, if it has one.
    fn state(&self) -> Option<&str>;

    /// The issuer that callbacks name in `iss` (RFC 9207), if any.
    fn issuer(&self) -> Option<&str> {
        None
    }

    /// Authorize the request, so that the token endpoint accepts `code` later. Called before the first request.
    ///
    /// # Errors
    /// When the authorization request is invalid.
    fn authorize(&self, code: &str) -> io::Result<()> {
        let _ = code;
        Ok(())
    }

    /// Wait until the receiver ends, for at most `deadline`.
    ///
    /// # Errors
    /// When it does not end in time.
    fn finish(self, deadline: Duration) -> io::Result<End>;
}

/// How a receiver ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct End {
    /// The code that it received, or a text that contains it.
    pub received: String,
    /// When it ended.
    pub at: Instant,
    /// How its process exited.
    pub status: Option<ExitStatus>,
    /// The last line of its standard error.
    pub last_words: Option<String>,
}

impl End {
    /// A receiver that ends now, with this code or a text that contains it.
    pub fn now(received: impl Into<String>) -> Self {
        Self { received: received.into(), at: Instant::now(), status: None, last_words: None }
    }
}

/// What to do to receivers. The default is every shape, with a deadline of 5 seconds.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Torture {
    /// The shapes. Each gets a receiver of its own.
    pub shapes: Vec<Shape>,
    /// How long each wait may take: for the page, and from the page to the end of the receiver.
    pub deadline: Duration,
    trust: Trust,
}

impl Default for Torture {
    fn default() -> Self {
        Self::new(Shape::ALL, Duration::from_secs(5))
    }
}

/// The results of all shapes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// In the order of the shapes.
    pub verdicts: Vec<Verdict>,
}

/// The result of one shape.
#[derive(Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// What happened before the legitimate callback.
    pub shape: Shape,
    /// What went wrong, if anything did.
    pub problem: Option<Problem>,
    /// The HTTP status of the legitimate callback's page, if it arrived.
    pub page: Option<u16>,
    /// How the receiver ended, if it did.
    pub end: Option<End>,
    /// From the last byte of the page to the end of the receiver.
    pub took: Duration,
}

/// What goes wrong with callback receivers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The receiver did not start.
    #[error("the program did not start: {0}")]
    Start(#[source] io::Error),
    /// The certificate of the receiver is not trusted, has expired, or is not for the host of the redirect URI.
    #[error("the certificate is not accepted: {0}")]
    Untrusted(#[source] io::Error),
    /// The legitimate callback got no complete response.
    #[error("the legitimate callback was lost: {0}")]
    Lost(#[source] io::Error),
    /// The legitimate callback got an error page, with this HTTP status.
    #[error("the legitimate callback was refused with HTTP status {0}")]
    Refused(u16),
    /// The receiver used the code of a callback that it had to reject.
    #[error("the program used the code of a forged callback")]
    Forged,
    /// The receiver ended without the code.
    #[error("the program exited without the code")]
    NoCode,
    /// The receiver did not end.
    #[error("the program did not exit: {0}")]
    Hangs(#[source] io::Error),
}

impl Problem {
    /// A stable name for machines, such as `lost`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Untrusted(_) => "untrusted",
            Self::Lost(_) => "lost",
            Self::Refused(_) => "refused",
            Self::Forged => "forged",
            Self::NoCode => "no-code",
            Self::Hangs(_) => "hangs",
        }
    }
}

impl Report {
    /// Whether the legitimate callback won each time.
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(Verdict::passed)
    }
}

/// One line for each shape.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdicts.iter().try_for_each(|Verdict { shape, problem, took, .. }| match problem {
            None => writeln!(f, "ok      {shape} (+{:.2} s)", took.as_secs_f64()),
            Some(problem) => writeln!(f, "FAILED  {shape}: {problem}"),
        })
    }
}

impl Verdict {
    fn failed(shape: Shape, problem: Problem) -> Self {
        Self { shape, problem: Some(problem), page: None, end: None, took: Duration::ZERO }
    }

    /// Whether the legitimate callback won.
    pub fn passed(&self) -> bool {
        self.problem.is_none()
    }
}

impl Torture {
    /// These shapes, with this deadline for each wait.
    pub fn new(shapes: impl Into<Vec<Shape>>, deadline: Duration) -> Self {
        Self { shapes: shapes.into(), deadline, trust: Trust::default() }
    }

    /// Trust these certificates of receivers whose redirect URI is `https`.
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// Start a receiver for each shape, and judge it.
    pub fn run<R: Receiver>(&self, mut start: impl FnMut() -> io::Result<R>) -> Report {
        let verdicts = self.shapes.iter().map(|&shape| self.judge(shape, start()));
        Report { verdicts: verdicts.collect() }
    }

    /// Judge one receiver, which has just started, by one shape.
    pub fn judge<R: Receiver>(&self, shape: Shape, started: io::Result<R>) -> Verdict {
        let target = started.and_then(|receiver| {
            let target = Target::of(&receiver, &self.trust, self.deadline)?;
            receiver.authorize(&target.codes.good)?;
            Ok((receiver, target))
        });
        let (receiver, target) = match target {
            Ok(target) => target,
            Err(error) if Untrusted::is(&error) => {
                return Verdict::failed(shape, Problem::Untrusted(error));
            }
            Err(error) => return Verdict::failed(shape, Problem::Start(error)),
        };
        // If even this fails, the receiver is gone, and the legitimate callback below reports it.
        let kept_open = shape.happen(&target);
        // Until the end of the receiver, the connection of the page stays open for what it may still send, such as a
        // `close_notify`. On a closed connection, that would cause a reset.
        let (page, connection) = match target.navigate(&target.legitimate()) {
            Ok((page, connection)) => (Ok(page), Some(connection)),
            // Then every other wait would be in vain.
            Err(error) if Untrusted::is(&error) => {
                return Verdict::failed(shape, Problem::Untrusted(error));
            }
            Err(error) => (Err(error), None),
        };
        let answered = Instant::now();
        let end = receiver.finish(self.deadline);
        drop((kept_open, connection));
        let status = page.as_ref().ok().map(|page| page.status().as_u16());
        let received = end.as_ref().map_or("", |end| &end.received);
        let took = end.as_ref().map(|end| end.at.saturating_duration_since(answered));
        let took = took.unwrap_or_default();
        let is_forged = received.contains(&target.codes.evil);
        let has_code = received.contains(&target.codes.good);
        let (end, hangs) = match end {
            Ok(end) => (Some(end), None),
            Err(error) => (None, Some(error)),
        };
        let problem = match (page, hangs) {
            _ if is_forged => Some(Problem::Forged),
            (Err(error), _) => Some(Problem::Lost(error)),
            (Ok(page), _) if page.status().is_client_error() || page.status().is_server_error() => {
                Some(Problem::Refused(page.status().as_u16()))
            }
            (Ok(_), Some(error)) => Some(Problem::Hangs(error)),
            (Ok(_), None) if !has_code => Some(Problem::NoCode),
            (Ok(_), None) => None,
        };
        Verdict { shape, problem, page: status, end, took }
    }
}
