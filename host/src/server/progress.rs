//! The progress of a run, which its connections report and the run waits for.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::outcome::Outcome;
use crate::shutdown::Signal;

/// A future that resolves when the run should stop.
pub(crate) type Shutdown = Pin<Box<dyn Future<Output = Signal> + Send>>;

/// A report from a connection to its run.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The guest completed the flow. Only the first `done` is reported.
    Done { outcome: Outcome, last_page: LastPage },
    /// The tab requested the last page.
    PageTaken,
    /// The one-time link was used twice, and one of the clients may belong to another user.
    LinkUsedTwice,
}

/// How the browser gets the last page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastPage {
    /// It is the answer to the callback.
    Sent,
    /// The tab was redirected to it.
    Follows,
    /// A person pasted the callback, so no browser waits for a page.
    None,
}

/// The end of a run.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The guest completed the flow, and its page is being sent.
    PageSent(Outcome),
    /// The guest completed the flow, and the tab still has to fetch the last page.
    PageFollows(Outcome),
    /// The guest completed the flow, and no browser waits for a page.
    WithoutPage(Outcome),
    /// The run ends without an outcome.
    Failed(Error),
}

/// The receiver of what a run's connections report.
#[derive(Debug)]
pub(crate) struct ProgressReceiver(mpsc::UnboundedReceiver<Progress>);

impl ProgressReceiver {
    pub(crate) fn channel() -> (mpsc::UnboundedSender<Progress>, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (sender, Self(receiver))
    }

    /// Waits for the first `done`, or for a reason to end the run without one.
    pub(crate) async fn ending(&mut self, shutdown: &mut Shutdown, timeout: Duration) -> Ending {
        let deadline = Instant::now() + timeout;
        loop {
            tokio::select! {
                // An outcome that has arrived takes precedence over a signal or the timeout.
                biased;
                Some(progress) = self.0.recv() => match progress {
                    Progress::Done { outcome, last_page } => {
                        return match last_page {
                            LastPage::Sent => Ending::PageSent(outcome),
                            LastPage::Follows => Ending::PageFollows(outcome),
                            LastPage::None => Ending::WithoutPage(outcome),
                        };
                    }
                    Progress::LinkUsedTwice => return Ending::Failed(Error::LinkUsedTwice),
                    Progress::PageTaken => {}
                },
                signal = &mut *shutdown => return Ending::Failed(Error::Interrupted(signal)),
                () = sleep_until(deadline) => return Ending::Failed(Error::Timeout(timeout)),
            }
        }
    }

    /// Waits until the tab requests the last page, until `deadline`, or until the run should stop.
    ///
    /// # Errors
    /// Fails if the one-time link is used a second time.
    pub(crate) async fn page_taken(
        &mut self,
        shutdown: &mut Shutdown,
        deadline: Instant,
    ) -> Result<(), Error> {
        let taken = async {
            while let Some(progress) = self.0.recv().await {
                match progress {
                    Progress::PageTaken => break,
                    Progress::LinkUsedTwice => return Err(Error::LinkUsedTwice),
                    Progress::Done { .. } => {}
                }
            }
            Ok(())
        };
        tokio::select! {
            taken = taken => taken,
            _ = &mut *shutdown => Ok(()),
            () = sleep_until(deadline) => Ok(()),
        }
    }

    /// Returns the outcome that arrived after the run was stopped, if any, and how the browser gets its page.
    pub(crate) fn outcome(&mut self) -> Option<(Outcome, LastPage)> {
        std::iter::from_fn(|| self.0.try_recv().ok()).find_map(|progress| match progress {
            Progress::Done { outcome, last_page } => Some((outcome, last_page)),
            Progress::PageTaken | Progress::LinkUsedTwice => None,
        })
    }
}
