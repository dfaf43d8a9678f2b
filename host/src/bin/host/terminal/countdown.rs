//! The time that is left. Its text changes rarely, so that an idle program seldom wakes up.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Calls `show` with the time left of `timeout`, each time that its text changes.
pub(super) async fn count(timeout: Duration, show: impl Fn(String)) -> Infallible {
    let end = Instant::now().checked_add(timeout);
    let left = |end: Instant| end.saturating_duration_since(Instant::now());
    while let Some(end) = end.filter(|end| !left(*end).is_zero()) {
        let left = left(end);
        show(text(left));
        sleep_until(end - next_change(left)).await;
    }
    std::future::pending().await
}

/// Returns the step in which the text counts: an hour, a minute, ten seconds in the last minute, and one in the last ten.
fn step(left: Duration) -> Duration {
    match left {
        left if left > 2 * HOUR => HOUR,
        left if left > MINUTE => MINUTE,
        left if left > 10 * SECOND => 10 * SECOND,
        _ => SECOND,
    }
}

/// Returns how many steps are left, rounded up.
fn steps(left: Duration) -> u32 {
    u32::try_from(left.as_nanos().div_ceil(step(left).as_nanos())).unwrap_or(u32::MAX)
}

fn text(left: Duration) -> String {
    match step(left) {
        HOUR => format!("{} h left", steps(left)),
        MINUTE => format!("{} min left", steps(left)),
        _ => format!("{} s left", left.as_millis().div_ceil(1000)),
    }
}

/// Returns how much time is left when the text changes next.
fn next_change(left: Duration) -> Duration {
    step(left) * steps(left).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_text_changes_once_a_minute_and_each_second_only_at_the_end() {
        let (begin, shown) = (Instant::now(), RefCell::new(Vec::new()));
        let timeout = Duration::from_secs(150);
        let counting =
            count(timeout, |text| shown.borrow_mut().push((begin.elapsed().as_secs(), text)));
        assert!(tokio::time::timeout(2 * timeout, counting).await.is_err());
        let shown = shown.into_inner();
        let shown: Vec<_> = shown.iter().map(|(at, text)| (*at, text.as_str())).collect();
        let (minutes, seconds) = shown.split_at(9);
        assert_eq!(
            minutes,
            [
                (0, "3 min left"),
                (30, "2 min left"),
                (90, "60 s left"),
                (100, "50 s left"),
                (110, "40 s left"),
                (120, "30 s left"),
                (130, "20 s left"),
                (140, "10 s left"),
                (141, "9 s left"),
            ]
        );
        assert_eq!(seconds.last(), Some(&(149, "1 s left")));
        assert_eq!(seconds.len(), 8);
    }

    #[test]
    fn a_long_time_is_counted_in_hours() {
        assert_eq!(text(24 * HOUR), "24 h left");
        assert_eq!(text(2 * HOUR + SECOND), "3 h left");
        assert_eq!(text(2 * HOUR), "120 min left");
        assert_eq!(next_change(24 * HOUR), 23 * HOUR);
        assert_eq!(text(14 * SECOND), "14 s left");
        assert_eq!(text(Duration::from_millis(1)), "1 s left");
    }
}
