//! A reproducible clock and reproducible random bytes, for tests.

use std::time::{Duration, SystemTime};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng as _;
use tokio::time::Instant;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

/// The time at which the monotonic clock starts. It must not be 0: Go's runtime aborts if the clock returns 0.
const MONOTONIC_START: Duration = Duration::from_secs(1);

const NANOSECOND: Duration = Duration::from_nanos(1);

/// The clock and the random bytes of a test.
///
/// The clock follows Tokio's clock. If that is paused, waiting takes no time, and a repeated call sees the same times.
#[derive(Debug, Clone, Copy)]
pub struct FixedInputs {
    /// The guest's wall-clock time at the moment `since`.
    pub now: SystemTime,
    /// The moment at which the guest's monotonic clock starts, at one second.
    pub since: Instant,
    /// The seed for ChaCha20. The random bytes are the same in every call, and therefore not secret.
    pub seed: u64,
}

impl FixedInputs {
    /// Returns the time that the guest's clock shows.
    #[cfg(feature = "net")]
    pub(super) fn wall_clock(&self) -> SystemTime {
        self.now + self.since.elapsed()
    }

    pub(super) fn configure(&self, wasi: &mut WasiCtxBuilder) {
        let Self { now, since, seed } = *self;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        wasi.wall_clock(Clock { start: now, since })
            .monotonic_clock(Clock { start: MONOTONIC_START, since })
            .secure_random(ChaCha20Rng::seed_from_u64(seed))
            .insecure_random(ChaCha20Rng::seed_from_u64(!seed))
            .insecure_random_seed(seed.into());
    }
}

/// A clock that showed `start` at the moment `since`.
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
