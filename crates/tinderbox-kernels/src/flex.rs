//! The fast path: Burn's CPU backend, several threads, the widest vectors that the processor has.
//!
//! An operation's own file holds its forward and backward pass; here is what they share. [`fused::run`] hands a
//! closure the inputs and puts the gradient it gives into Burn's graph.

pub(crate) mod buffer;
pub(crate) mod fused;
pub(crate) mod gelu;
pub(crate) mod gemm;
pub(crate) mod parallel;
pub(crate) mod random;
pub(crate) mod tensors;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use crate::{math, simd};
