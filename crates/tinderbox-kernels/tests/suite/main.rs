//! Integration tests of `tinderbox-kernels`: a small network made of its operations.

mod allocations;
mod net;
mod threads;
