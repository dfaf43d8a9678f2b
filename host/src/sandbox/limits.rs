//! What one guest call may use. Every limit is here: its default, its flag, and its enforcement.

use std::time::{Duration, Instant};

use bytesize::ByteSize;
use wasmtime::ResourceLimiter;

/// What one guest may use. The defaults suit a page that ends a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// CPU time of one call (`--max-cpu-time`).
    pub cpu_time: Duration,
    /// Wall time of one call, host calls included (`--max-wall-time`).
    pub wall_time: Duration,
    /// Bytes of linear memory in one call, over all memories together (`--max-memory`).
    pub memory: usize,
    /// Bytes of the body of a reply (`--max-reply`).
    pub reply: usize,
    /// Bytes of the component (`--max-component`).
    pub component: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_time: Duration::from_secs(1),
            wall_time: Duration::from_secs(30),
            memory: 64 << 20,
            reply: 4 << 20,
            component: 64 << 20,
        }
    }
}

/// The limit that ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The call computed for too long.
    #[error("the call was stopped at its limit of {} of CPU time; raise it with `--max-cpu-time`", humantime::format_duration(*.0))]
    CpuTime(Duration),
    /// The call took too long, computing or waiting.
    #[error("the call was stopped at its limit of {}; raise it with `--max-wall-time`", humantime::format_duration(*.0))]
    WallTime(Duration),
    /// The call wanted more memory.
    #[error("the call wanted more memory than its limit of {}; raise it with `--max-memory`", ByteSize(*.0 as u64))]
    Memory(usize),
}

impl LimitError {
    /// The word for `--events`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::CpuTime(_) => "cpu-time",
            Self::WallTime(_) => "wall-time",
            Self::Memory(_) => "memory",
        }
    }
}

/// The running account of one call.
#[derive(Debug)]
pub(super) struct Account {
    limits: Limits,
    started: Instant,
    cpu_started: Duration,
    memory: usize,
}

impl Account {
    /// Start counting: on the thread that will run the guest.
    pub(super) fn open(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            started: Instant::now(),
            cpu_started: thread_cpu_time(),
            memory: 0,
        }
    }

    /// Whether the call may go on.
    pub(super) fn check_time(&self) -> Result<(), LimitError> {
        if thread_cpu_time().saturating_sub(self.cpu_started) >= self.limits.cpu_time {
            return Err(LimitError::CpuTime(self.limits.cpu_time));
        }
        if self.started.elapsed() >= self.limits.wall_time {
            return Err(LimitError::WallTime(self.limits.wall_time));
        }
        Ok(())
    }
}

impl ResourceLimiter for Account {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.limits.memory {
            return Err(LimitError::Memory(self.limits.memory).into());
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

/// A page needs a handful of indirect calls; 16 bytes each on the host.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// CPU time of this thread, so that a busy machine does not shorten a guest's share.
#[cfg(unix)]
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Where there is no such clock, wall time stands in: the limit only comes earlier.
#[cfg(not(unix))]
fn thread_cpu_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
