//! Tracks the resources that one call uses, and checks them against the limits.

use std::cell::Cell;
use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, Trap};
use wasmtime_wasi::ResourceTableError;

use super::heap::Heap;
use crate::limits::{Limit, LimitError, Limits, bytes};

/// Bytes of one table element: a pointer to a function.
const TABLE_ELEMENT: usize = size_of::<usize>();

/// The time, memory and fuel that a call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cost {
    /// The time to create a fresh instance.
    pub instantiate: Duration,
    /// The time to run the guest.
    pub call: Duration,
    /// The peak size of all linear memories together, in bytes.
    pub memory: usize,
    /// Roughly the number of WebAssembly instructions, if they were counted.
    pub fuel: Option<u64>,
}

/// The resources that one call has used so far.
#[derive(Debug)]
pub(super) struct Account {
    limits: Limits,
    started: Instant,
    cpu_started: Duration,
    /// The earliest moment at which the CPU time can run out. Until then, the thread's CPU clock is not read:
    /// that takes a system call, and the time is checked at every host call.
    cpu_due: Cell<Instant>,
    /// The size of all linear memories together, in bytes. Memories never shrink.
    memory: usize,
    table_elements: usize,
    /// The memory that the host uses for the loaded guest between calls, in bytes.
    loaded_bytes: usize,
    /// The host's heap at the start of this call.
    heap: Heap,
}

impl Account {
    /// Opens the account of one call, on the thread that will run the guest.
    ///
    /// `loaded_bytes` is the memory that the host already uses for the loaded guest.
    pub(super) fn open(limits: &Limits, loaded_bytes: usize) -> Self {
        let started = Instant::now();
        Self {
            limits: limits.clone(),
            started,
            cpu_started: thread_cpu_time(),
            cpu_due: Cell::new(started),
            memory: 0,
            table_elements: 0,
            loaded_bytes,
            heap: Heap::now(),
        }
    }

    /// Restarts the count of the host's allocations, because setting up the call does not count against the guest.
    pub(super) fn start(&mut self) {
        self.heap = Heap::now();
    }

    /// Counts `bytes` for what the host did since `start`, instead of the memory that it uses. A guest could otherwise
    /// measure what the host keeps from it.
    pub(super) fn settle(&mut self, start: Heap, bytes: isize) {
        self.heap = self.heap.without(start.change() - bytes);
    }

    /// Returns the size of all linear memories together, in bytes. It is also their peak, because memories never
    /// shrink.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// Returns the memory that the host allocated for the guest during the call, in bytes, without linear memories.
    pub(super) fn host_bytes(&self) -> usize {
        self.heap.grown()
    }

    /// Fails if the call has used up its memory or its time.
    pub(super) fn check(&self) -> Result<(), LimitError> {
        self.check_memory(0)?;
        self.check_time()
    }

    /// Fails if `more` bytes would exceed the limit. Linear memories and the host's memory share one limit.
    fn check_memory(&self, more: usize) -> Result<(), LimitError> {
        let host = self.loaded_bytes.saturating_add(self.heap.grown());
        if self.memory.saturating_add(host).saturating_add(more) > bytes(self.limits.memory) {
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
            // A thread cannot use CPU time faster than wall time passes.
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

/// Returns the growth of a memory or table. It is 0 beyond the module's own maximum, because wasmtime refuses that
/// growth.
fn growth(current: usize, desired: usize, maximum: Option<usize>) -> usize {
    if maximum.is_some_and(|maximum| desired > maximum) {
        0
    } else {
        desired.saturating_sub(current)
    }
}

/// Returns the limit that made wasmtime end a call with `error`, if any.
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

/// Recognizes limits for which wasmtime has no error type, by wasmtime's messages.
///
/// Tests reach each of these limits, so if wasmtime changes a message, a test fails.
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

/// Returns the CPU time of this thread. Unlike wall time, it does not depend on the load of the machine.
#[cfg(unix)]
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Returns wall time, on systems without a CPU clock for threads. A guest may then reach its limit earlier.
#[cfg(not(unix))]
fn thread_cpu_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
