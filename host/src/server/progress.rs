//! How far a run has come: what its connections report, and what the run waits for.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::outcome::Outcome;
use crate::shutdown::Signal;

/// Resolves when somebody wants the run to stop.
pub(crate) type Shutdown = Pin<Box<dyn Future<Output = Signal> + Send>>;

/// How far a run has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The first accepted `done`.
    Done {
        outcome: Outcome,
        /// Whether the tab was sent on to its page.
        page_follows: bool,
    },
    /// The tab came for its page.
    PageTaken,
    /// Two programs followed the link, and one of them may be a stranger's.
    LinkUsedTwice,
}

/// How a run ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// A guest completed the flow, and its page is on the way.
    PageSent(Outcome),
    /// A guest completed the flow, and the tab has still to fetch its page.
    PageFollows(Outcome),
    /// The run ends without an outcome.
    Failed(Error),
}

/// What the connections of a run report.
#[derive(Debug)]
pub(crate) struct Reports(mpsc::UnboundedReceiver<Progress>);

impl Reports {
    pub(crate) fn channel() -> (mpsc::UnboundedSender<Progress>, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (sender, Self(receiver))
    }

    /// Wait for the first `done`, or for what ends the run without one.
    pub(crate) async fn ending(&mut self, shutdown: &mut Shutdown, timeout: Duration) -> Ending {
        let deadline = Instant::now() + timeout;
        loop {
            tokio::select! {
                // An outcome that has arrived counts, whatever else has.
                biased;
                Some(progress) = self.0.recv() => match progress {
                    Progress::Done { outcome, page_follows: true } => {
                        return Ending::PageFollows(outcome);
                    }
                    Progress::Done { outcome, page_follows: false } => {
                        return Ending::PageSent(outcome);
                    }
                    Progress::LinkUsedTwice => return Ending::Failed(Error::LinkUsedTwice),
                    Progress::PageTaken => {}
                },
                signal = &mut *shutdown => return Ending::Failed(Error::Interrupted(signal)),
                () = sleep_until(deadline) => return Ending::Failed(Error::Timeout(timeout)),
            }
        }
    }

    /// Wait until the tab has come for its page, or there is no more time for it.
    ///
    /// # Errors
    /// When the link turns out to have been used by somebody else.
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

    /// An outcome that is here, though nobody waits for it any more.
    pub(crate) fn outcome(&mut self) -> Option<Outcome> {
        std::iter::from_fn(|| self.0.try_recv().ok()).find_map(|progress| match progress {
            Progress::Done { outcome, .. } => Some(outcome),
            Progress::PageTaken | Progress::LinkUsedTwice => None,
        })
    }
}
