//! A global allocator that counts the live bytes of each thread: the memory that the host uses for a guest.

#![expect(unsafe_code, reason = "implements an allocator; see the safety comments")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// The bytes that this thread allocated minus those that it freed. An allocator may use this variable because
    /// it has no destructor.
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

/// The system allocator, with a count of the live bytes of each thread.
///
/// A guest call runs on one thread from start to end. The growth of the count during the call is therefore the memory
/// that the host uses for the guest: strings and bodies in resources, tables, instances. It counts towards
/// [`Limits::memory`](crate::Limits::memory). A program that uses this library installs the allocator:
///
/// ```
/// #[global_allocator]
/// static HEAP: curtaincall::CountingAllocator = curtaincall::CountingAllocator;
/// # fn main() {}
/// ```
///
/// Without this allocator, the limit covers linear memories only.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

// SAFETY: every call is forwarded to the system allocator unchanged, and its result is returned unchanged.
// Counting does not allocate: the counter is initialized at compile time and has no destructor.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the contract of this same function.
        let block = unsafe { System.alloc(layout) };
        count(block, layout.size(), 0);
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds the contract of this same function.
        let block = unsafe { System.alloc_zeroed(layout) };
        count(block, layout.size(), 0);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(block, 0, layout.size());
        // SAFETY: the caller upholds the contract of this same function.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller upholds the contract of this same function.
        let block = unsafe { System.realloc(block, layout, new_size) };
        count(block, new_size, layout.size());
        block
    }
}

/// Updates the count of this thread. A null `block` is a failed allocation, which changes nothing.
fn count(block: *mut u8, allocated: usize, freed: usize) {
    if !block.is_null() {
        let change = allocated.wrapping_sub(freed).cast_signed();
        // Fails only while the thread exits, when no code reads the count anymore.
        let _ = LIVE.try_with(|live| live.set(live.get().wrapping_add(change)));
    }
}

/// The live bytes of the current thread at one point in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heap(isize);

impl Heap {
    /// Returns the current count.
    pub(super) fn now() -> Self {
        Self(LIVE.get())
    }

    /// Returns by how many bytes the count has grown since then. Without [`CountingAllocator`], this is 0.
    pub(super) fn grown(self) -> usize {
        self.change().max(0).cast_unsigned()
    }

    /// Returns by how many bytes the count has changed since then.
    pub(super) fn change(self) -> isize {
        LIVE.get().wrapping_sub(self.0)
    }

    /// Returns the point in time since which the count has grown by `bytes` less.
    pub(super) fn without(self, bytes: isize) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

/// The host trims the heap after a call that uses at least this much memory at its end, in bytes.
const TRIM_THRESHOLD: usize = 4 << 20;

/// Releases free heap memory to the operating system after a call that used `host_bytes` at its end.
///
/// The next call may run on another thread, and glibc has a separate heap for each thread.
pub(super) fn release_after(host_bytes: usize) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if host_bytes >= TRIM_THRESHOLD {
        // SAFETY: `malloc_trim` takes no pointer and releases only free memory.
        unsafe { libc::malloc_trim(0) };
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = host_bytes >= TRIM_THRESHOLD;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::sandbox::account::Account;

    /// Calls the allocator directly instead of installing it, because tests run on many threads.
    #[test]
    fn live_bytes_are_counted_and_freed_bytes_are_not() {
        let heap = Heap::now();
        let layout = Layout::from_size_align(1000, 8).unwrap();
        // SAFETY: each block is used with the layout that it was allocated with, and freed once.
        unsafe {
            let block = CountingAllocator.alloc(layout);
            assert_eq!(heap.grown(), 1000);
            let zeroed = CountingAllocator.alloc_zeroed(layout);
            assert_eq!(heap.grown(), 2000);
            let block = CountingAllocator.realloc(block, layout, 5000);
            assert_eq!(heap.grown(), 6000);
            CountingAllocator.dealloc(zeroed, layout);
            assert_eq!(heap.grown(), 5000);
            CountingAllocator.dealloc(block, Layout::from_size_align(5000, 8).unwrap());
        }
        assert_eq!(heap.grown(), 0);
    }

    #[test]
    fn each_thread_has_its_own_count() {
        let heap = Heap::now();
        let layout = Layout::from_size_align(1 << 20, 8).unwrap();
        let elsewhere = std::thread::spawn(move || {
            let heap = Heap::now();
            // SAFETY: the block is freed once, with its own layout.
            unsafe {
                let block = CountingAllocator.alloc(layout);
                let grown = heap.grown();
                CountingAllocator.dealloc(block, layout);
                grown
            }
        });
        assert_eq!(elsewhere.join().unwrap(), 1 << 20);
        assert_eq!(heap.grown(), 0);
    }

    #[test]
    fn what_the_host_keeps_from_a_guest_counts_with_a_fixed_size() {
        let mut account = Account::open(&Limits::default(), 0);
        for length in [16, 5_000] {
            account.start();
            let layout = Layout::from_size_align(length, 8).unwrap();
            let start = Heap::now();
            // SAFETY: the block is freed once, with its own layout.
            let block = unsafe { CountingAllocator.alloc(layout) };
            assert_eq!(account.host_bytes(), length);
            account.settle(start, 1_000);
            assert_eq!(account.host_bytes(), 1_000);
            let start = Heap::now();
            // SAFETY: as above.
            unsafe { CountingAllocator.dealloc(block, layout) };
            account.settle(start, -1_000);
            assert_eq!(account.host_bytes(), 0);
        }
    }
}
