//! Tests of the objectives: parity, gradients, invariances, degenerate input.

#[path = "../../../../fixtures/addressed.rs"]
mod addressed;
mod cross_entropy;
mod electra;
mod info_nce;
mod mae;
mod masked_lm;
mod nt_xent;
mod parity;
mod sentence_pairs;
mod sequences;
mod simclr;
mod simcse;
mod supervised;
mod support;
mod tiny_text;
mod word_vectors;
