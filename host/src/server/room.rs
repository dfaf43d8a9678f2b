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
pub(crate) struct Room(Arc<Mutex<Seats>>);

/// One connection's place. Given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    room: Room,
    number: u64,
    leave: Arc<Notify>,
}

/// Who is here, the oldest first.
#[derive(Debug, Default)]
struct Seats {
    taken: Vec<Seat>,
    next: u64,
}

#[derive(Debug)]
struct Seat {
    number: u64,
    /// Bytes of body or page.
    held: usize,
    /// Does not have to make room.
    stays: bool,
    leave: Arc<Notify>,
}

impl Seats {
    /// Send away the oldest that can go; false where nobody can.
    fn evict(&mut self) -> bool {
        let Some(at) = self.taken.iter().position(|seat| !seat.stays) else { return false };
        self.taken.remove(at).leave.notify_one();
        true
    }

    fn held(&self) -> usize {
        self.taken.iter().map(|seat| seat.held).sum()
    }
}

impl Room {
    /// Come in, as the newest.
    pub(crate) fn enter(&self) -> Place {
        let leave = Arc::new(Notify::new());
        let mut seats = self.seats();
        let number = seats.next;
        seats.next += 1;
        seats.taken.push(Seat { number, held: 0, stays: false, leave: Arc::clone(&leave) });
        if seats.taken.len() > CONNECTIONS {
            seats.evict();
        }
        Place { room: self.clone(), number, leave }
    }

    /// Send the oldest away that can go, for one that cannot even come in; false where nobody can.
    pub(crate) fn make_room(&self) -> bool {
        self.seats().evict()
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// From now on this connection holds so many bytes.
    pub(crate) fn hold(&self, bytes: usize) {
        let mut seats = self.room.seats();
        self.update(&mut seats, |seat| seat.held = bytes);
        while seats.held() > BYTES && seats.evict() {}
    }

    /// Whether this connection stays, however many come: a guest works for it, or it carries the last page.
    pub(crate) fn stay(&self, stays: bool) {
        self.update(&mut self.room.seats(), |seat| seat.stays = stays);
    }

    /// Wait until this connection has to make room.
    pub(crate) async fn evicted(&self) {
        self.leave.notified().await;
    }

    /// Nothing to change once it was evicted.
    fn update(&self, seats: &mut Seats, change: impl FnOnce(&mut Seat)) {
        if let Some(seat) = seats.taken.iter_mut().find(|seat| seat.number == self.number) {
            change(seat);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.seats().taken.retain(|seat| seat.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_evicted(place: &Place) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(place.evicted()).poll(&mut context).is_ready()
    }

    fn evicted(places: &[Place]) -> Vec<usize> {
        (0..places.len()).filter(|at| is_evicted(&places[*at])).collect()
    }

    #[test]
    fn the_oldest_makes_room_unless_it_stays() {
        let room = Room::default();
        let places: Vec<_> = (0..CONNECTIONS).map(|_| room.enter()).collect();
        assert!(evicted(&places).is_empty());
        places[0].stay(true);
        let _more = [room.enter(), room.enter()];
        assert_eq!(evicted(&places), [1, 2]);
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
        let places = [room.enter(), room.enter(), room.enter()];
        places[0].hold(BYTES / 2);
        places[1].hold(BYTES / 2);
        assert!(evicted(&places).is_empty());
        places[2].hold(1);
        assert_eq!(evicted(&places), [0]);
        places[1].hold(BYTES + 1);
        assert_eq!(evicted(&places), [1]);
        assert!(!is_evicted(&places[2]));
    }

    #[test]
    fn where_all_stay_all_stay() {
        let room = Room::default();
        let places: Vec<_> = (0..=CONNECTIONS).map(|_| room.enter()).collect();
        places.iter().for_each(|place| place.stay(true));
        let _ = evicted(&places);
        places[0].hold(BYTES + 1);
        assert!(!room.make_room());
        assert!(evicted(&places).is_empty());
    }
}
