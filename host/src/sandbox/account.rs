//! The running account of one call: what it used so far, and whether it may go on.

use std::cell::Cell;
use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, Trap};
use wasmtime_wasi::ResourceTableError;

use super::heap::Heap;
use crate::limits::{Limit, LimitError, Limits, bytes};

/// Bytes of one element of a table: a pointer to a function.
const TABLE_ELEMENT: usize = size_of::<usize>();

/// What a call took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// To make a fresh instance.
    pub instantiate: Duration,
    /// To run the guest.
    pub call: Duration,
    /// The most linear memory that it had, over all its memories, in bytes.
    pub memory: usize,
    /// WebAssembly instructions, roughly, where they were counted.
    pub fuel: Option<u64>,
}

/// The running account of one call.
#[derive(Debug)]
pub(super) struct Account {
    limits: Limits,
    started: Instant,
    cpu_started: Duration,
    /// Before this moment the CPU time cannot be used up: a thread's clock is no faster than the wall's. To read
    /// that clock takes a system call, and a call asks for its time at each of its many host calls.
    cpu_due: Cell<Instant>,
    /// Of all linear memories, in bytes. They do not shrink.
    memory: usize,
    table_elements: usize,
    /// What the host holds for the guest between calls, in bytes.
    loaded: usize,
    /// What the host held before this call.
    heap: Heap,
}

impl Account {
    /// Open an account, on the thread that will run the guest. `loaded` is what the host holds for the guest
    /// already.
    pub(super) fn open(limits: &Limits, loaded: usize) -> Self {
        let started = Instant::now();
        Self {
            limits: limits.clone(),
            started,
            cpu_started: thread_cpu_time(),
            cpu_due: Cell::new(started),
            memory: 0,
            table_elements: 0,
            loaded,
            heap: Heap::now(),
        }
    }

    /// Count what the host allocates from now on. What it took to set up the call is its own.
    pub(super) fn start(&mut self) {
        self.heap = Heap::now();
    }

    /// Bytes of all memories: the most there were, since memories do not shrink.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Bytes that the host holds for the guest, besides its memories.
    pub(super) fn held(&self) -> usize {
        self.heap.grown()
    }

    /// Whether the call may go on.
    pub(super) fn check(&self) -> Result<(), LimitError> {
        self.check_memory(0)?;
        self.check_time()
    }

    /// Whether there is room for `more` bytes: linear memories and what the host holds share one budget.
    fn check_memory(&self, more: usize) -> Result<(), LimitError> {
        let held = self.loaded.saturating_add(self.heap.grown());
        if self.memory.saturating_add(held).saturating_add(more) > bytes(self.limits.memory) {
            Err(LimitError::new(Limit::Memory, &self.limits))
        } else {
            Ok(())
        }
    }

    fn check_time(&self) -> Result<(), LimitError> {
        let now = Instant::now();
        if now >= self.cpu_due.get() {
            let used = thread_cpu_time().saturating_sub(self.cpu_started);
            let left = self.limits.cpu_time.saturating_sub(used);
            if left.is_zero() {
                return Err(LimitError::new(Limit::CpuTime, &self.limits));
            }
            self.cpu_due.set(now.checked_add(left).unwrap_or(now));
        }
        if now.duration_since(self.started) >= self.limits.wall_time {
            return Err(LimitError::new(Limit::WallTime, &self.limits));
        }
        Ok(())
    }

    fn count(&self) -> usize {
        usize::try_from(self.limits.instances).unwrap_or(usize::MAX)
    }
}

impl ResourceLimiter for Account {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.memory = self.memory.saturating_add(growth(current, desired, maximum));
        self.check_memory(0)?;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = growth(current, desired, maximum);
        self.table_elements = self.table_elements.saturating_add(more);
        if self.table_elements > self.limits.table_elements as usize {
            return Err(LimitError::new(Limit::TableElements, &self.limits).into());
        }
        self.check_memory(more.saturating_mul(TABLE_ELEMENT))?;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.count()
    }

    fn memories(&self) -> usize {
        self.count()
    }

    fn tables(&self) -> usize {
        self.count()
    }
}

/// By how much something would grow. Beyond the module's own maximum wasmtime refuses: that takes nothing.
fn growth(current: usize, desired: usize, maximum: Option<usize>) -> usize {
    if maximum.is_some_and(|maximum| desired > maximum) {
        0
    } else {
        desired.saturating_sub(current)
    }
}

/// The limit that made wasmtime end a call with `error`, if one did.
pub(super) fn limit_in(error: &wasmtime::Error, limits: &Limits) -> Option<LimitError> {
    if let Some(limit) = error.downcast_ref::<LimitError>() {
        return Some(limit.clone());
    }
    let limit = match (error.downcast_ref::<Trap>(), error.downcast_ref::<ResourceTableError>()) {
        (Some(Trap::StackOverflow), _) => Limit::Stack,
        (_, Some(ResourceTableError::Full)) => Limit::Handles,
        _ => limit_by_words(&error.root_cause().to_string())?,
    };
    Some(LimitError::new(limit, limits))
}

/// These have no type in wasmtime. A test reaches each, so that new words do not go unnoticed.
fn limit_by_words(message: &str) -> Option<Limit> {
    let starts = |start| message.starts_with(start);
    if starts("resource limit exceeded: ") {
        Some(Limit::Instances)
    } else if starts("cannot allocate another handle: ")
        || starts("cannot lend resource: store handle limit exceeded")
    {
        Some(Limit::Handles)
    } else if starts("too much data is being copied between the host and the guest")
        || (starts("requested len ") && message.contains(" exceeds limit "))
    {
        Some(Limit::HostCallData)
    } else {
        None
    }
}

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
