//! The limits on connections: their number, and the memory of their requests and pages.
//!
//! Every connection is admitted. Beyond a limit, the oldest connection that can be dropped is dropped. So silent,
//! slow or stuck clients can neither exhaust the memory nor keep the browser out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The number of connections at once. A browser opens six.
const CONNECTIONS: usize = 128;
/// The bytes that the bodies and pages of all connections may take together.
const BYTES: usize = 32 << 20;

/// The connections of one run, with their limits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room(Arc<Mutex<Slots>>);

/// The slot of one connection. It is freed when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    room: Room,
    number: u64,
    evicted: Arc<Notify>,
}

/// The slots in use, the oldest first.
#[derive(Debug, Default)]
struct Slots {
    taken: Vec<TakenSlot>,
    next: u64,
}

#[derive(Debug)]
struct TakenSlot {
    number: u64,
    /// The bytes of its body or page.
    held: usize,
    /// Whether the connection must not be evicted.
    is_protected: bool,
    evicted: Arc<Notify>,
}

impl Slots {
    /// Evicts the oldest connection that is not protected. Returns false if there is none.
    fn evict(&mut self) -> bool {
        let Some(at) = self.taken.iter().position(|slot| !slot.is_protected) else {
            return false;
        };
        self.taken.remove(at).evicted.notify_one();
        true
    }

    fn held(&self) -> usize {
        self.taken.iter().map(|slot| slot.held).sum()
    }
}

impl Room {
    /// Adds a connection as the newest one.
    pub(crate) fn enter(&self) -> Slot {
        let evicted = Arc::new(Notify::new());
        let mut slots = self.slots();
        let number = slots.next;
        slots.next += 1;
        let slot =
            TakenSlot { number, held: 0, is_protected: false, evicted: Arc::clone(&evicted) };
        slots.taken.push(slot);
        if slots.taken.len() > CONNECTIONS {
            slots.evict();
        }
        Slot { room: self.clone(), number, evicted }
    }

    /// Evicts the oldest connection that is not protected, so that a new one can be accepted. Returns false if there is
    /// none.
    pub(crate) fn make_room(&self) -> bool {
        self.slots().evict()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Sets the number of bytes that this connection holds, and evicts connections beyond the limit.
    pub(crate) fn hold(&self, bytes: usize) {
        let mut slots = self.room.slots();
        self.update(&mut slots, |slot| slot.held = bytes);
        while slots.held() > BYTES && slots.evict() {}
    }

    /// Sets whether this connection is protected from eviction. It is protected while it waits for the guest, and while
    /// it sends the last page.
    pub(crate) fn protect(&self, is_protected: bool) {
        self.update(&mut self.room.slots(), |slot| slot.is_protected = is_protected);
    }

    /// Waits until this connection is evicted.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Changes the slot of this connection. Does nothing if it was evicted.
    fn update(&self, slots: &mut Slots, change: impl FnOnce(&mut TakenSlot)) {
        if let Some(slot) = slots.taken.iter_mut().find(|slot| slot.number == self.number) {
            change(slot);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.room.slots().taken.retain(|slot| slot.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_evicted(slot: &Slot) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(slot.evicted()).poll(&mut context).is_ready()
    }

    fn evicted(slots: &[Slot]) -> Vec<usize> {
        (0..slots.len()).filter(|at| is_evicted(&slots[*at])).collect()
    }

    #[test]
    fn the_oldest_connection_that_is_not_protected_is_evicted() {
        let room = Room::default();
        let slots: Vec<_> = (0..CONNECTIONS).map(|_| room.enter()).collect();
        assert!(evicted(&slots).is_empty());
        slots[0].protect(true);
        let _more = [room.enter(), room.enter()];
        assert_eq!(evicted(&slots), [1, 2]);
    }

    #[test]
    fn a_closed_connection_frees_its_slot() {
        let room = Room::default();
        let first = room.enter();
        for _ in 0..2 * CONNECTIONS {
            drop(room.enter());
        }
        assert!(!is_evicted(&first));
    }

    #[test]
    fn the_memory_of_all_connections_is_limited() {
        let room = Room::default();
        let slots = [room.enter(), room.enter(), room.enter()];
        slots[0].hold(BYTES / 2);
        slots[1].hold(BYTES / 2);
        assert!(evicted(&slots).is_empty());
        slots[2].hold(1);
        assert_eq!(evicted(&slots), [0]);
        slots[1].hold(BYTES + 1);
        assert_eq!(evicted(&slots), [1]);
        assert!(!is_evicted(&slots[2]));
    }

    #[test]
    fn no_connection_is_evicted_if_all_are_protected() {
        let room = Room::default();
        let slots: Vec<_> = (0..CONNECTIONS).map(|_| room.enter()).collect();
        slots.iter().for_each(|slot| slot.protect(true));
        slots[0].hold(BYTES + 1);
        assert!(!room.make_room());
        assert!(evicted(&slots).is_empty());
    }
}
