//! A clock and random bytes that are the same every time, for tests.

use std::time::{Duration, SystemTime};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng as _;
use tokio::time::Instant;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

/// What the monotonic clock says at the beginning. Go's runtime ends a program whose clock says 0.
const MONOTONIC_START: Duration = Duration::from_secs(1);

const NANOSECOND: Duration = Duration::from_nanos(1);

/// The time and the random bytes of a test.
///
/// The clock is Tokio's. In a runtime whose clock is paused, waiting takes no time, and the same call sees the
/// same times.
#[derive(Debug, Clone, Copy)]
pub struct Fixed {
    /// The time at `since`.
    pub now: SystemTime,
    /// When the guest's monotonic clock was at its start, which is one second.
    pub since: Instant,
    /// The seed of ChaCha20: the same bytes in every call. They are no secret.
    pub seed: u64,
}

impl Fixed {
    pub(super) fn furnish(&self, wasi: &mut WasiCtxBuilder) {
        let Self { now, since, seed } = *self;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        wasi.wall_clock(Clock { start: now, since })
            .monotonic_clock(Clock { start: MONOTONIC_START, since })
            .secure_random(ChaCha20Rng::seed_from_u64(seed))
            .insecure_random(ChaCha20Rng::seed_from_u64(!seed))
            .insecure_random_seed(seed.into());
    }
}

/// A clock that was at `start` at the moment `since`.
#[derive(Clone, Copy)]
struct Clock {
    start: Duration,
    since: Instant,
}

impl Clock {
    fn time(&self) -> Duration {
        self.start.saturating_add(self.since.elapsed())
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        NANOSECOND
    }

    fn now(&self) -> Duration {
        self.time()
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.time().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_starts_above_zero() {
        let since = Instant::now();
        let clock = Clock { start: MONOTONIC_START, since };
        assert!(HostMonotonicClock::now(&clock) >= 1_000_000_000);
    }
}
