//! What the host itself holds for a guest: a global allocator that counts, thread by thread.

#![expect(unsafe_code, reason = "an allocator: see the safety comment")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Bytes that this thread allocated, less what it freed. Has no destructor, so an allocator may use it.
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count of the live bytes of each thread.
///
/// A guest call runs on one thread from start to end, so the difference to the start of the call is what
/// the host holds for the guest: strings and bodies in resources, tables, instances. It counts towards
/// [`Limits::memory`](crate::Limits::memory). A program that uses this library installs it:
///
/// ```
/// #[global_allocator]
/// static HEAP: curtaincall::CountingAllocator = curtaincall::CountingAllocator;
/// # fn main() {}
/// ```
///
/// Without it, that limit counts linear memories only.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

// SAFETY: every call is passed on to the system's allocator as it came, and its answer is returned as it is.
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

/// A null block is an allocation that failed: it changes nothing.
fn count(block: *mut u8, allocated: usize, freed: usize) {
    if !block.is_null() {
        let change = allocated.wrapping_sub(freed).cast_signed();
        // Where the thread ends there is nothing left to count for.
        let _ = LIVE.try_with(|live| live.set(live.get().wrapping_add(change)));
    }
}

/// What this thread holds, at one point in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heap(isize);

impl Heap {
    /// As it is now.
    pub(super) fn now() -> Self {
        Self(LIVE.get())
    }

    /// Bytes that this thread allocated since and still holds. 0 without [`CountingAllocator`].
    pub(super) fn grown(self) -> usize {
        LIVE.get().wrapping_sub(self.0).max(0).cast_unsigned()
    }
}

/// How much a call has to hold at its end for the heap to be given back after it, in bytes.
const MUCH: usize = 4 << 20;

/// After a call that held `held` bytes at its end, and that is over: give what is free back to the operating system.
/// The next call may be on another thread, for which glibc keeps a heap of its own.
pub(super) fn give_back(held: usize) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if held >= MUCH {
        // SAFETY: it takes no pointer, and looks at free memory only.
        unsafe { libc::malloc_trim(0) };
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = held >= MUCH;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The allocator is used as a program would use it, but not installed: tests run on many threads.
    #[test]
    fn live_bytes_are_counted_and_freed_ones_are_not() {
        let heap = Heap::now();
        let layout = Layout::from_size_align(1000, 8).unwrap();
        // SAFETY: each block is used with the layout that it was made with, and freed once.
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
    fn another_thread_counts_for_itself() {
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
}
