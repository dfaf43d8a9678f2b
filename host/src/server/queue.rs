//! Guest calls one at a time: a doubled callback cannot spend a code twice.

use std::sync::OnceLock;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::request::Refusal;

/// How many callbacks may wait for their turn, besides the one whose turn it is.
const WAITING: usize = 16;

/// The line in front of the guest.
#[derive(Debug)]
pub(crate) struct Queue {
    places: Semaphore,
    turn: Semaphore,
    closed: OnceLock<Refusal>,
}

/// The right to call the guest, until dropped.
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

    /// Wait for a turn.
    ///
    /// # Errors
    /// `Busy` when the line is full; once it is closed, the reason given then.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>, Refusal> {
        let refusal = |otherwise| self.closed.get().copied().unwrap_or(otherwise);
        let place = self.places.try_acquire().map_err(|_| refusal(Refusal::Busy))?;
        let turn = self.turn.acquire().await.map_err(|_| refusal(Refusal::Stopped))?;
        Ok(Turn { _turn: turn, _place: place })
    }

    /// Give no more turns: who waits, or comes later, is refused with `reason`. The first reason counts; returns
    /// whether this is it.
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
    async fn one_call_at_a_time_and_a_bounded_line() {
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
    async fn closing_refuses_who_waits_and_who_comes_later() {
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
