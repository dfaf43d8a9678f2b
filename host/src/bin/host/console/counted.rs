//! Events that repeat, and the lines of the guest's log: printed while they are few, and then counted.

use std::sync::PoisonError;
use std::time::Instant;

use curtaincall::Event;
use curtaincall::error::Refusal;

use super::{Console, DIM, PLAIN};
use crate::hint;
use crate::repeats::{Decision, LogBudget, Repeated, Repeats};

impl Console {
    /// Prints an event, or counts it if it happens too often. Some events are printed only with `verbose`, and some
    /// never.
    pub(crate) fn event(&self, event: &Event) {
        let Some(repeated) = Repeated::of(event) else { return self.print_event(event) };
        let decision = self.with_repeats(|repeats, _| repeats.count(repeated, Instant::now()));
        if let Event::Replied { status, bytes, .. } = event {
            let is_counted = !matches!(decision, Decision::Print { .. });
            let mut reply = self.counted_reply.lock().unwrap_or_else(PoisonError::into_inner);
            *reply = is_counted.then_some((*status, *bytes));
        }
        match decision {
            Decision::Print { skipped } => {
                self.print_count(repeated, skipped);
                self.print_event(event);
            }
            Decision::PrintCount(count) => self.print_count(repeated, count),
            Decision::Skip => {}
        }
    }

    fn print_count(&self, repeated: Repeated, count: u64) {
        let s = match count {
            0 => return,
            1 => "",
            _ => "s",
        };
        let message = match repeated {
            Repeated::GuestFailed { reason } => {
                format!("the guest failed {count} more time{s} ({reason})")
            }
            Repeated::OutgoingRefused => {
                format!("refused {count} more request{s} from the guest to other hosts")
            }
            Repeated::RequestFailed => format!("{count} more request{s} from the guest failed"),
            Repeated::Refused(Refusal::OtherUser) => format!(
                "closed {count} more connection{s} from other users; {}",
                hint::MORE_OTHER_USERS
            ),
            Repeated::Refused(Refusal::PeerGone) => {
                format!("closed {count} more connection{s} that the client had already closed")
            }
            Repeated::Refused(refusal) => {
                format!("refused {count} more request{s} ({})", refusal.reason())
            }
            Repeated::Replied => format!("replied {count} more time{s}"),
        };
        if repeated.is_detail() { self.detail(&message) } else { self.warning(&message) }
    }

    /// Prints the reply that completed the flow, if it was only counted.
    pub(super) fn print_counted_reply(&self) {
        let mut reply = self.counted_reply.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((status, bytes)) = reply.take() else { return };
        let counted = self.with_repeats(|repeats, _| repeats.take(Repeated::Replied));
        self.print_count(Repeated::Replied, counted.saturating_sub(1));
        self.reply(status, bytes);
    }

    /// Prints a line of the guest's log, or counts it if the guest writes too much.
    pub(super) fn log(&self, line: &str) {
        if let Some(skipped) = self.with_repeats(|_, log| log.count(line.len(), Instant::now())) {
            self.print_skipped_lines(skipped);
            self.print(("[guest]", DIM), (line, PLAIN));
        }
    }

    fn print_skipped_lines(&self, lines: u64) {
        if lines > 0 {
            self.warning(&format!("skipped {lines} lines of the guest's log"));
        }
    }

    /// Prints the counts of the events and log lines that were skipped. Called at the end of the program.
    pub(crate) fn settle(&self) {
        let (rest, lines) = self.with_repeats(|repeats, log| (repeats.rest(), log.rest()));
        self.print_skipped_lines(lines);
        rest.into_iter().for_each(|(repeated, count)| self.print_count(repeated, count));
    }

    fn with_repeats<T>(&self, f: impl FnOnce(&mut Repeats, &mut LogBudget) -> T) -> T {
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let (repeats, log) = &mut *repeats;
        f(repeats, log)
    }
}
