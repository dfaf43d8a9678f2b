//! The room for connections: how many there may be, and how much memory their requests and pages take.
//!
//! Who comes is let in; where that is one too many, the connection that has been in the way for longest
//! leaves. So a crowd of silent, slow or stuck clients neither fills the memory nor keeps the browser out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Connections at a time; a browser opens six.
const CONNECTIONS: usize = 128;
/// Bytes that the bodies and pages of all connections may take together.
const BYTES: usize = 32 << 20;

/// The room of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room(Arc<Mutex<Slots>>);

/// One connection's slot. Given up when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    room: Room,
    number: u64,
    leave: Arc<Notify>,
}

/// Who is here, the oldest first.
#[derive(Debug, Default)]
struct Slots {
    taken: Vec<Entry>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    /// Bytes of body or page.
    held: usize,
    /// Does not have to make room.
    stays: bool,
    leave: Arc<Notify>,
}

impl Slots {
    /// Send away the oldest that can go; false where nobody can.
    fn evict(&mut self) -> bool {
        let Some(at) = self.taken.iter().position(|entry| !entry.stays) else { return false };
        self.taken.remove(at).leave.notify_one();
        true
    }

    fn held(&self) -> usize {
        self.taken.iter().map(|entry| entry.held).sum()
    }
}

impl Room {
    /// Come in, as the newest.
    pub(crate) fn enter(&self) -> Slot {
        let leave = Arc::new(Notify::new());
        let mut slots = self.slots();
        let number = slots.next;
        slots.next += 1;
        slots.taken.push(Entry { number, held: 0, stays: false, leave: Arc::clone(&leave) });
        if slots.taken.len() > CONNECTIONS {
            slots.evict();
        }
        Slot { room: self.clone(), number, leave }
    }

    /// Send the oldest away that can go, for one that cannot even come in; false where nobody can.
    pub(crate) fn make_room(&self) -> bool {
        self.slots().evict()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// From now on this connection holds so many bytes.
    pub(crate) fn hold(&self, bytes: usize) {
        let mut slots = self.room.slots();
        self.update(&mut slots, |entry| entry.held = bytes);
        while slots.held() > BYTES && slots.evict() {}
    }

    /// Whether this connection stays, however many come: a guest works for it, or it carries the last page.
    pub(crate) fn stay(&self, stays: bool) {
        self.update(&mut self.room.slots(), |entry| entry.stays = stays);
    }

    /// Wait until this connection has to make room.
    pub(crate) async fn evicted(&self) {
        self.leave.notified().await;
    }

    /// Nothing to change once it was evicted.
    fn update(&self, slots: &mut Slots, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = slots.taken.iter_mut().find(|entry| entry.number == self.number) {
            change(entry);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.room.slots().taken.retain(|entry| entry.number != self.number);
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
    fn the_oldest_makes_room_unless_it_stays() {
        let room = Room::default();
        let slots: Vec<_> = (0..CONNECTIONS).map(|_| room.enter()).collect();
        assert!(evicted(&slots).is_empty());
        slots[0].stay(true);
        let _more = [room.enter(), room.enter()];
        assert_eq!(evicted(&slots), [1, 2]);
    }

    #[test]
    fn who_left_takes_no_room() {
        let room = Room::default();
        let first = room.enter();
        for _ in 0..2 * CONNECTIONS {
            drop(room.enter());
        }
        assert!(!is_evicted(&first));
    }

    #[test]
    fn what_is_held_is_bounded() {
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
    fn where_all_stay_all_stay() {
        let room = Room::default();
        let slots: Vec<_> = (0..=CONNECTIONS).map(|_| room.enter()).collect();
        slots.iter().for_each(|slot| slot.stay(true));
        let _ = evicted(&slots);
        slots[0].hold(BYTES + 1);
        assert!(!room.make_room());
        assert!(evicted(&slots).is_empty());
    }
}
