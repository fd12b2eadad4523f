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
    const STEPS: usize = 5;
    let mut net = Net::new();
    let mut window = || {
        let buffers = tinderbox_kernels::buffers_allocated();
        let blocks = LARGE_BLOCKS.load(Ordering::Relaxed);
        for _ in 0..STEPS {
            net.step();
        }
        (
            tinderbox_kernels::buffers_allocated() - buffers,
            LARGE_BLOCKS.load(Ordering::Relaxed) - blocks,
        )
    };
    let (first, _) = window();
    assert!(first > 0, "the first steps take what later ones find");
    // Two threads may meet in an operation for the first time long after the first step, and want scratch each. What
    // is steady takes nothing new sooner or later; what is not takes some in every step.
    let (_, blocks) = (0..50)
        .map(|_| window())
        .find(|(buffers, _)| *buffers == 0)
        .expect("five steps without a new buffer");
    // Burn's own operations: the updates of the weights and of the input's copies that are this large.
    println!("{} large blocks a step", blocks as f64 / STEPS as f64);
    assert!(
        blocks <= 6 * STEPS,
        "{blocks} large blocks in {STEPS} steps"
    );
}
