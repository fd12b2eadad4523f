//! Counts what a piece of code allocates on its thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

struct Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static TIMES: Cell<usize> = const { Cell::new(0) };
}

static ALL_NOW: AtomicIsize = AtomicIsize::new(0);
static ALL_PEAK: AtomicIsize = AtomicIsize::new(0);

fn count(change: isize) {
    let all = ALL_NOW.fetch_add(change, Ordering::Relaxed) + change;
    ALL_PEAK.fetch_max(all, Ordering::Relaxed);
    // Threads that end free memory after their counters are gone.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
        let _ = TIMES.try_with(|times| times.set(times.get() + usize::from(change > 0)));
    });
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that `work` held at a time, beyond those held before.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.get();
    PEAK.set(before);
    let result = work();
    (result, (PEAK.get() - before) as usize)
}

/// [`peak`] of all threads. It says something only in a process that does nothing else.
pub fn peak_of_all<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = ALL_NOW.load(Ordering::Relaxed);
    ALL_PEAK.store(before, Ordering::Relaxed);
    let result = work();
    (result, (ALL_PEAK.load(Ordering::Relaxed) - before) as usize)
}

/// How often `work` took memory.
#[cfg(feature = "audio")]
pub fn times<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = TIMES.get();
    let result = work();
    (result, TIMES.get() - before)
}

#[test]
fn a_vector_is_counted() {
    let (_, bytes) = peak(|| vec![0_u8; 5000]);
    assert!((5000..6000).contains(&bytes));
}
