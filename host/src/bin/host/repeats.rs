//! Rate-limits the printing of events that clients or guests can trigger at will.
//!
//! The first events are printed, and later equal ones are counted. There is no timer: a count is printed when the next
//! event arrives, or at the end of the program.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use curtaincall::Event;
use curtaincall::error::Refusal;
use curtaincall::internals::request::is_suspicious;

/// An event is printed again if the previous equal one is at least this old.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest time between two counts during a flood. The time starts at [`PAUSE`] and doubles each time.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How much of a guest's log is printed in one burst, over all calls, in bytes. With the default `--max-log`, this is
/// enough for the full logs of four calls.
const LOG_BURST: f64 = 256.0 * 1024.0;
/// How fast the budget for a guest's log refills, in bytes.
const LOG_BYTES_PER_SECOND: f64 = 1024.0;
/// The cost of a line in addition to its bytes, because even a short line takes a row on the terminal.
const LINE_COST: usize = 80;

/// The kind of an event that clients or guests can trigger at will. Events of the same kind are counted together.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Repeated {
    /// A guest call failed.
    GuestFailed {
        /// The reason as `--events` writes it.
        reason: &'static str,
    },
    /// The host refused a request of the guest to another host.
    OutgoingRefused,
    /// A granted request of the guest failed.
    RequestFailed,
    /// The host answered a request itself.
    Refused(Refusal),
    /// The host sent a guest's reply.
    Replied,
}

impl Repeated {
    /// Returns the kind of `event`, or `None` if clients and guests cannot trigger it at will.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::GuestFailed(error) => Some(Self::GuestFailed { reason: error.reason() }),
            Event::OutgoingRefused { .. } => Some(Self::OutgoingRefused),
            Event::RequestFailed { .. } | Event::Unreachable { .. } => Some(Self::RequestFailed),
            Event::Refused(refusal) => Some(Self::Refused(*refusal)),
            Event::Replied { .. } => Some(Self::Replied),
            _ => None,
        }
    }

    /// Returns whether the console prints this kind only with `--verbose`.
    pub(crate) fn is_detail(self) -> bool {
        match self {
            Self::GuestFailed { .. } | Self::OutgoingRefused | Self::RequestFailed => false,
            Self::Refused(refusal) => !is_suspicious(refusal),
            Self::Replied => true,
        }
    }

    /// Returns how many events of this kind are printed in any case. Requests fail for different reasons.
    fn always_printed(self) -> u64 {
        match self {
            Self::RequestFailed => 100,
            _ => 0,
        }
    }

    /// Returns a key for comparisons. Refusals with the same reason are equal: which parameter was repeated does not
    /// matter. The counts at the end are printed in this order.
    fn key(self) -> (u8, &'static str) {
        match self {
            Self::GuestFailed { reason } => (0, reason),
            Self::OutgoingRefused => (1, ""),
            Self::RequestFailed => (2, ""),
            Self::Refused(refusal) => (3, refusal.reason()),
            Self::Replied => (4, ""),
        }
    }
}

impl Ord for Repeated {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Repeated {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Repeated {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Repeated {}

/// How to handle an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Print the event, after the number of events that were skipped before it.
    Print {
        /// How many equal events were skipped.
        skipped: u64,
    },
    /// Print only this number of events, which includes the current one.
    PrintCount(u64),
    /// Print nothing for now.
    Skip,
}

/// Counts equal events, and decides which to print.
#[derive(Debug)]
pub(crate) struct Repeats {
    /// How many equal events are printed before any is skipped.
    first: u64,
    counts: BTreeMap<Repeated, Count>,
}

#[derive(Debug)]
struct Count {
    seen: u64,
    skipped: u64,
    /// When the previous event happened.
    last: Instant,
    /// When an event or a count was last printed.
    printed: Instant,
    pause: Duration,
}

impl Repeats {
    /// Creates counters that print this many equal events before they skip any.
    pub(crate) fn after(first: u64) -> Self {
        Self { first, counts: BTreeMap::new() }
    }

    /// Counts an event, and decides whether to print it.
    pub(crate) fn count(&mut self, repeated: Repeated, now: Instant) -> Decision {
        let new = Count { seen: 0, skipped: 0, last: now, printed: now, pause: PAUSE };
        let count = self.counts.entry(repeated).or_insert(new);
        count.seen += 1;
        let is_quiet = now.duration_since(count.last) >= PAUSE;
        count.last = now;
        if count.seen <= self.first.max(repeated.always_printed()) || is_quiet {
            (count.printed, count.pause) = (now, PAUSE);
            return Decision::Print { skipped: std::mem::take(&mut count.skipped) };
        }
        count.skipped += 1;
        if now.duration_since(count.printed) < count.pause {
            return Decision::Skip;
        }
        (count.printed, count.pause) = (now, (2 * count.pause).min(LONGEST_PAUSE));
        Decision::PrintCount(std::mem::take(&mut count.skipped))
    }

    /// Takes the number of skipped events of this kind.
    pub(crate) fn take(&mut self, repeated: Repeated) -> u64 {
        self.counts.get_mut(&repeated).map_or(0, |count| std::mem::take(&mut count.skipped))
    }

    /// Takes the numbers of skipped events, to be printed at the end.
    pub(crate) fn rest(&mut self) -> Vec<(Repeated, u64)> {
        let counts = self.counts.iter_mut();
        let skipped =
            counts.map(|(repeated, count)| (*repeated, std::mem::take(&mut count.skipped)));
        skipped.filter(|(_, skipped)| *skipped > 0).collect()
    }
}

/// The budget for printing a guest's log, over all its calls: a token bucket that allows bursts.
#[derive(Debug)]
pub(crate) struct LogBudget {
    left: f64,
    at: Option<Instant>,
    skipped: u64,
}

impl LogBudget {
    /// Creates a full budget.
    pub(crate) fn new() -> Self {
        Self { left: LOG_BURST, at: None, skipped: 0 }
    }

    /// Counts a line of `bytes` bytes against the budget. Returns how many lines were skipped before it, or `None` if
    /// this line must be skipped too.
    pub(crate) fn count(&mut self, bytes: usize, now: Instant) -> Option<u64> {
        let cost = (bytes + LINE_COST) as f64;
        let since = self.at.replace(now).map_or(Duration::ZERO, |at| now.duration_since(at));
        self.left = (self.left + LOG_BYTES_PER_SECOND * since.as_secs_f64()).min(LOG_BURST);
        if self.left < cost {
            self.skipped += 1;
            return None;
        }
        self.left -= cost;
        Some(self.rest())
    }

    /// Takes the number of skipped lines.
    pub(crate) fn rest(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: Repeated = Repeated::Refused(Refusal::State);

    #[test]
    fn a_flood_prints_one_event_and_then_a_few_counts() {
        let (mut repeats, start) = (Repeats::after(1), Instant::now());
        let (mut printed, mut sum) = (Vec::new(), 0);
        // The rate of a real flood: 24,000 events in four seconds.
        for number in 0..24_000 {
            match repeats.count(STATE, start + Duration::from_micros(4_000_000 / 24_000 * number)) {
                Decision::Skip => {}
                decision => printed.push(decision),
            }
        }
        for decision in &printed {
            sum += match decision {
                Decision::Print { skipped } => 1 + skipped,
                Decision::PrintCount(count) => *count,
                Decision::Skip => 0,
            };
        }
        assert_eq!(printed[0], Decision::Print { skipped: 0 });
        assert!(printed.len() < 5, "{printed:?}");
        let rest = repeats.rest();
        assert_eq!(sum + rest[0].1, 24_000);
        assert!(repeats.rest().is_empty());
    }

    /// Counter-check: slow events are not a flood.
    #[test]
    fn slow_events_are_all_printed() {
        let (mut repeats, start) = (Repeats::after(1), Instant::now());
        for number in 0..100 {
            let decision = repeats.count(STATE, start + PAUSE * number);
            assert_eq!(decision, Decision::Print { skipped: 0 });
        }
        assert!(repeats.rest().is_empty());
    }

    #[test]
    fn the_first_event_after_a_flood_is_printed_with_the_number_of_skipped_ones() {
        let (mut repeats, start) = (Repeats::after(2), Instant::now());
        let decisions: Vec<_> = (0..5).map(|_| repeats.count(STATE, start)).collect();
        let (print, skip) = (Decision::Print { skipped: 0 }, Decision::Skip);
        assert_eq!(decisions, [print, print, skip, skip, skip]);
        assert_eq!(repeats.count(Repeated::Refused(Refusal::Path), start), print);
        assert_eq!(repeats.count(STATE, start + PAUSE), Decision::Print { skipped: 3 });
    }

    #[test]
    fn events_with_the_same_reason_are_counted_together_and_sorted_by_it() {
        let (mut repeats, start) = (Repeats::after(0), Instant::now());
        for repeated in [
            Repeated::Replied,
            STATE,
            Repeated::Refused(Refusal::RepeatedParameter("code")),
            Repeated::Refused(Refusal::RepeatedParameter("iss")),
            Repeated::OutgoingRefused,
            Repeated::GuestFailed { reason: "trap" },
            Repeated::GuestFailed { reason: "exit" },
        ] {
            assert_eq!(repeats.count(repeated, start), Decision::Skip);
        }
        let expected = [
            (Repeated::GuestFailed { reason: "exit" }, 1),
            (Repeated::GuestFailed { reason: "trap" }, 1),
            (Repeated::OutgoingRefused, 1),
            (Repeated::Refused(Refusal::RepeatedParameter("code")), 2),
            (STATE, 1),
            (Repeated::Replied, 1),
        ];
        assert_eq!(repeats.rest(), expected);
    }

    #[test]
    fn a_hundred_failed_requests_are_printed_because_their_reasons_differ() {
        let (mut repeats, start) = (Repeats::after(1), Instant::now());
        let mut count = || repeats.count(Repeated::RequestFailed, start);
        assert!((0..100).all(|_| count() == Decision::Print { skipped: 0 }));
        assert_eq!(count(), Decision::Skip);
    }

    #[test]
    fn a_log_that_used_up_its_budget_is_printed_again_later() {
        let (mut log, start) = (LogBudget::new(), Instant::now());
        let printed = (0..24_000).filter(|_| log.count(48, start).is_some()).count();
        assert_eq!(printed, (256 << 10) / 128);
        assert_eq!(log.count(48, start + PAUSE), Some(24_000 - printed as u64));
        assert_eq!(log.count(48, start + PAUSE), Some(0));
        // Long lines cost more.
        let mut log = LogBudget::new();
        assert_eq!((0..1000).filter(|_| log.count(4 << 10, start).is_some()).count(), 62);
    }
}
