//! Tests of the objectives: parity, gradients, invariances, degenerate input.

#[path = "../../../../fixtures/addressed.rs"]
mod addressed;
mod cross_entropy;
mod mae;
mod masked_lm;
mod nt_xent;
mod parity;
mod simclr;
mod supervised;
mod support;
mod word_vectors;
