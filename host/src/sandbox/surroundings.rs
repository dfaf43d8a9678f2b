//! What a guest finds around it in a call, besides its request: every other input that there is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng as _;
use tokio::time::Instant;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

use crate::outgoing::Upstream;
use crate::session::Session;
use crate::variables::Variables;

/// What a guest finds around it in a call, besides its request.
#[derive(Clone)]
pub struct Surroundings {
    /// `curtaincall:callback/session`.
    pub session: Arc<Session>,
    /// `wasi:config/store`.
    pub variables: Arc<Variables>,
    /// `wasi:clocks`.
    pub clock: Clock,
    /// `wasi:random`.
    pub random: Random,
    /// `wasi:http/outgoing-handler`.
    pub upstream: Arc<dyn Upstream>,
}

/// What time it is for a guest.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The machine's.
    System,
    /// Tokio's clock, as if it had been `now` at `since`: in a runtime whose clock is paused, waiting takes
    /// no time, and the same call sees the same times.
    Set {
        /// The time at `since`.
        now: SystemTime,
        /// When the guest's monotonic clock was 0.
        since: Instant,
    },
}

/// Where a guest's random bytes come from.
#[derive(Debug, Clone, Copy)]
pub enum Random {
    /// The operating system.
    System,
    /// ChaCha20 with this seed: the same bytes in every call. For tests; they are no secret.
    Seeded(u64),
}

impl Surroundings {
    /// The machine's clock and randomness.
    pub fn real(
        session: Arc<Session>,
        variables: Arc<Variables>,
        upstream: Arc<dyn Upstream>,
    ) -> Self {
        Self { session, variables, clock: Clock::System, random: Random::System, upstream }
    }

    pub(super) fn furnish(&self, wasi: &mut WasiCtxBuilder) {
        if let Clock::Set { now, since } = self.clock {
            let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            wasi.wall_clock(SetClock { now, since }).monotonic_clock(SetClock { now, since });
        }
        if let Random::Seeded(seed) = self.random {
            wasi.secure_random(ChaCha20Rng::seed_from_u64(seed))
                .insecure_random(ChaCha20Rng::seed_from_u64(!seed))
                .insecure_random_seed(seed.into());
        }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("variables", &self.variables).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
struct SetClock {
    now: Duration,
    since: Instant,
}

const NANOSECOND: Duration = Duration::from_nanos(1);

impl HostWallClock for SetClock {
    fn resolution(&self) -> Duration {
        NANOSECOND
    }

    fn now(&self) -> Duration {
        self.now + self.since.elapsed()
    }
}

impl HostMonotonicClock for SetClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
