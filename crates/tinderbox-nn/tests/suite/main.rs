//! Integration tests of `tinderbox-nn`; `parity` and `batch_norm` compare with `fixtures/nn.py`, `transformer` with
//! `fixtures/transformer.py`, `causal`, `generate` and `recurrent` with `fixtures/sequences.py`.

#[path = "../../../../fixtures/addressed.rs"]
mod addressed;
mod batch_norm;
mod bert;
mod bert_checkpoint;
mod causal;
mod config;
mod generate;
mod packing;
mod parity;
mod recurrent;
mod safetensors;
mod state_dict;
mod support;
mod teacher;
mod transformer;
mod vit;
mod word_vectors;
