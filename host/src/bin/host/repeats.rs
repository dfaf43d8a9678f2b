//! What others can make happen as often as they like: told the first time, and then summed up. There are no
//! timers: the next event decides, or the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use curtaincall::Event;

/// Events of a kind that come later than this after the one before are no flood.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a flood goes on, at most, until its sum is told.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is told of a guest's log at once, over all calls, and later, a second: in bytes. It is enough for four calls
/// that write as much as they may.
const BYTES: f64 = 256.0 * 1024.0;
const BYTES_A_SECOND: f64 = 1024.0;
/// What a line costs besides its bytes: it takes a row.
const LINE: usize = 80;

/// A kind of events that can be a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// Its name in `--events`.
    pub(crate) name: &'static str,
    /// Why it happened, where that differs.
    pub(crate) reason: &'static str,
    /// Whether only a person who asked for more hears of it.
    pub(crate) is_detail: bool,
}

/// The kind of an event that can be a flood.
pub(crate) fn kind(event: &Event) -> Option<Kind> {
    let (name, reason, is_detail) = match event {
        Event::Refused(refusal) => ("refused", refusal.reason(), !refusal.is_suspicious()),
        Event::GuestFailed(error) => ("guest-failed", error.reason(), false),
        Event::OutgoingRefused { .. } => ("outgoing-refused", "", false),
        Event::Replied { .. } => ("replied", "", true),
        _ => return None,
    };
    Some(Kind { name, reason, is_detail })
}

/// What to do about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tell {
    /// Tell it, after those that were not told.
    Whole {
        /// How many those are.
        missed: u64,
    },
    /// Tell only how many there were since, this one included.
    Sum(u64),
    /// Tell nothing yet.
    Nothing,
}

/// The events of each kind, counted.
#[derive(Debug)]
pub(crate) struct Repeats {
    /// How many of a kind are told whole before any is summed up.
    whole: u64,
    kinds: BTreeMap<Kind, Repeat>,
}

#[derive(Debug)]
struct Repeat {
    seen: u64,
    missed: u64,
    /// The last one.
    last: Instant,
    /// When something was told.
    told: Instant,
    pause: Duration,
}

impl Repeats {
    /// Nothing happened yet.
    pub(crate) fn after(whole: u64) -> Self {
        Self { whole, kinds: BTreeMap::new() }
    }

    /// An event of this kind happened.
    pub(crate) fn count(&mut self, kind: Kind, now: Instant) -> Tell {
        let new = Repeat { seen: 0, missed: 0, last: now, told: now, pause: PAUSE };
        let repeat = self.kinds.entry(kind).or_insert(new);
        repeat.seen += 1;
        let is_quiet = now.duration_since(repeat.last) >= PAUSE;
        repeat.last = now;
        if repeat.seen <= self.whole || is_quiet {
            (repeat.told, repeat.pause) = (now, PAUSE);
            return Tell::Whole { missed: std::mem::take(&mut repeat.missed) };
        }
        repeat.missed += 1;
        if now.duration_since(repeat.told) < repeat.pause {
            return Tell::Nothing;
        }
        (repeat.told, repeat.pause) = (now, (2 * repeat.pause).min(LONGEST_PAUSE));
        Tell::Sum(std::mem::take(&mut repeat.missed))
    }

    /// Those that were not told: nothing comes any more.
    pub(crate) fn rest(&mut self) -> Vec<(Kind, u64)> {
        let missed = self.kinds.iter_mut();
        let missed = missed.map(|(kind, repeat)| (*kind, std::mem::take(&mut repeat.missed)));
        missed.filter(|(_, missed)| *missed > 0).collect()
    }
}

/// The lines of a guest's log, over all its calls: many at once, few in the long run.
#[derive(Debug)]
pub(crate) struct Lines {
    left: f64,
    at: Option<Instant>,
    missed: u64,
}

impl Lines {
    /// None was told yet.
    pub(crate) fn new() -> Self {
        Self { left: BYTES, at: None, missed: 0 }
    }

    /// Whether to tell one more, of so many bytes, and how many were left out before it.
    pub(crate) fn count(&mut self, bytes: usize, now: Instant) -> Option<u64> {
        let cost = (bytes + LINE) as f64;
        let since = self.at.replace(now).map_or(Duration::ZERO, |at| now.duration_since(at));
        self.left = (self.left + BYTES_A_SECOND * since.as_secs_f64()).min(BYTES);
        if self.left < cost {
            self.missed += 1;
            return None;
        }
        self.left -= cost;
        Some(self.rest())
    }

    /// How many were left out.
    pub(crate) fn rest(&mut self) -> u64 {
        std::mem::take(&mut self.missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: Kind = Kind { name: "refused", reason: "state", is_detail: false };

    #[test]
    fn a_flood_is_told_once_and_then_in_a_few_sums() {
        let (mut repeats, start) = (Repeats::after(1), Instant::now());
        let (mut told, mut sum) = (Vec::new(), 0);
        // As it was seen: 24,000 in four seconds.
        for number in 0..24_000 {
            match repeats.count(STATE, start + Duration::from_micros(4_000_000 / 24_000 * number)) {
                Tell::Nothing => {}
                tell => told.push(tell),
            }
        }
        for tell in &told {
            sum += match tell {
                Tell::Whole { missed } => 1 + missed,
                Tell::Sum(count) => *count,
                Tell::Nothing => 0,
            };
        }
        assert_eq!(told[0], Tell::Whole { missed: 0 });
        assert!(told.len() < 5, "{told:?}");
        let rest = repeats.rest();
        assert_eq!(sum + rest[0].1, 24_000);
        assert!(repeats.rest().is_empty());
    }

    /// The counter-check: what happens now and then is told each time.
    #[test]
    fn what_comes_slowly_is_told_whole() {
        let (mut repeats, start) = (Repeats::after(1), Instant::now());
        for number in 0..100 {
            let tell = repeats.count(STATE, start + PAUSE * number);
            assert_eq!(tell, Tell::Whole { missed: 0 });
        }
        assert!(repeats.rest().is_empty());
    }

    #[test]
    fn after_a_flood_the_next_one_is_told_whole_with_what_was_missed() {
        let (mut repeats, start) = (Repeats::after(2), Instant::now());
        let tells: Vec<_> = (0..5).map(|_| repeats.count(STATE, start)).collect();
        let whole = Tell::Whole { missed: 0 };
        assert_eq!(tells, [whole, whole, Tell::Nothing, Tell::Nothing, Tell::Nothing]);
        assert_eq!(repeats.count(Kind { reason: "path", ..STATE }, start), whole);
        assert_eq!(repeats.count(STATE, start + PAUSE), Tell::Whole { missed: 3 });
    }

    #[test]
    fn a_log_of_many_calls_ends_and_comes_back() {
        let (mut lines, start) = (Lines::new(), Instant::now());
        let told = (0..24_000).filter(|_| lines.count(48, start).is_some()).count();
        assert_eq!(told, (256 << 10) / 128);
        assert_eq!(lines.count(48, start + PAUSE), Some(24_000 - told as u64));
        assert_eq!(lines.count(48, start + PAUSE), Some(0));
        // Long lines take more of it.
        let mut lines = Lines::new();
        assert_eq!((0..1000).filter(|_| lines.count(4 << 10, start).is_some()).count(), 62);
    }
}
