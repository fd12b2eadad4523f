//! How the C library gives memory back. `unsafe` for the call of a C function.

/// Keeps the memory that this process frees, for its next allocations, until it ends.
///
/// A training step allocates the same tensors as the step before. glibc asks the system for each large
/// block anew and returns it when it is freed, so every step faults all its pages in again and the system
/// zeroes them: with the reference CNN that was a third of a step on 128 pairs of views, half of one on 256. What the
/// process holds stays what it held at its peak.
///
/// Meant for the start of `main`: it is a choice of the program, so no library crate makes it. Does
/// nothing without glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code)]
    // SAFETY: mallopt takes two integers, and glibc guards its state by a lock. A value that it refuses
    // changes nothing.
    unsafe {
        // No block gets pages of its own, and the heap does not shrink.
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn pages_of_a_freed_block_are_not_faulted_in_again() {
        // Within what glibc gives a thread that is not the first.
        const BYTES: usize = 16 << 20;
        let touch = || {
            let before = minor_faults();
            std::hint::black_box(vec![1u8; BYTES]);
            minor_faults() - before
        };
        super::keep_freed_memory();
        assert!(touch() > 100, "the first block is new");
        let again = touch();
        assert!(again < 100, "{again} faults for a block that was there");
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn minor_faults() -> u64 {
        let line = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux has it");
        // The name in parentheses may hold spaces; minflt is the eighth field after it.
        let (_, fields) = line.rsplit_once(')').expect("the name ends");
        let field = fields.split_whitespace().nth(7).expect("there are fifty");
        field.parse().expect("a count")
    }
}
