//! The queue of callbacks. It allows one guest call at a time, so that a repeated callback cannot use a code twice.

use std::sync::OnceLock;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::request::Refusal;

/// The number of callbacks that may wait while another one is handled.
const WAITING: usize = 16;

/// A queue of callbacks for the guest.
#[derive(Debug)]
pub(crate) struct Queue {
    places: Semaphore,
    turn: Semaphore,
    closed: OnceLock<Refusal>,
}

/// The right to call the guest, until it is dropped.
pub(crate) struct Turn<'a> {
    _turn: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            places: Semaphore::new(WAITING + 1),
            turn: Semaphore::new(1),
            closed: OnceLock::new(),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// Returns `Busy` if the queue is full, and the reason of [`close`](Self::close) once the queue is closed.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>, Refusal> {
        let refusal = |otherwise| self.closed.get().copied().unwrap_or(otherwise);
        let place = self.places.try_acquire().map_err(|_| refusal(Refusal::Busy))?;
        let turn = self.turn.acquire().await.map_err(|_| refusal(Refusal::Stopped))?;
        Ok(Turn { _turn: turn, _place: place })
    }

    /// Refuses all waiting and later callbacks with `reason`. Only the first call sets the reason. Returns whether this
    /// was the first call.
    pub(crate) fn close(&self, reason: Refusal) -> bool {
        let is_first = self.closed.set(reason).is_ok();
        self.turn.close();
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_call_runs_at_a_time_and_the_queue_has_a_limit() {
        let queue = Queue::new();
        let first = queue.turn().await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(queue.turn())).collect();
        for turn in &mut waiting {
            assert!(futures_poll(turn).is_none());
        }
        assert_eq!(queue.turn().await.err(), Some(Refusal::Busy));
        drop(first);
        assert!(futures_poll(&mut waiting[0]).is_some());
    }

    #[tokio::test]
    async fn closing_refuses_waiting_and_later_callbacks() {
        let queue = Queue::new();
        let first = queue.turn().await.unwrap();
        let mut waiting = Box::pin(queue.turn());
        assert!(futures_poll(&mut waiting).is_none());
        queue.close(Refusal::AlreadyDone);
        queue.close(Refusal::Stopped);
        assert_eq!(waiting.await.err(), Some(Refusal::AlreadyDone));
        drop(first);
        assert_eq!(queue.turn().await.err(), Some(Refusal::AlreadyDone));
    }

    fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::Pin::new(future).poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
