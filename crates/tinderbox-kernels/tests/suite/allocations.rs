//! A steady training step finds its memory where the step before left it.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::net::Net;

/// The system's allocator, which counts blocks that are larger than what Burn's graph is made of.
struct Counting;

/// Bytes of a block that counts: a tensor of an image, not a node of a graph.
const LARGE: usize = 1 << 14;

static LARGE_BLOCKS: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is the system's allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= LARGE {
            LARGE_BLOCKS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[test]
fn a_steady_step_allocates_no_tensor() {
    let mut net = Net::new();
    for _ in 0..5 {
        net.step();
    }
    let (buffers, blocks) = (
        tinderbox_kernels::buffers_allocated(),
        LARGE_BLOCKS.load(Ordering::Relaxed),
    );
    const STEPS: usize = 5;
    for _ in 0..STEPS {
        net.step();
    }
    // A step takes more than a hundred. Two threads may meet in an operation for the first time, and want scratch each.
    let buffers = tinderbox_kernels::buffers_allocated() - buffers;
    assert!(buffers <= 3, "{buffers} new buffers in {STEPS} steps");
    // Burn's own operations: the updates of the weights and of the input's copies that are this large.
    let blocks = LARGE_BLOCKS.load(Ordering::Relaxed) - blocks;
    println!("{} large blocks a step", blocks as f64 / STEPS as f64);
    assert!(
        blocks <= 6 * STEPS,
        "{blocks} large blocks in {STEPS} steps"
    );
}
