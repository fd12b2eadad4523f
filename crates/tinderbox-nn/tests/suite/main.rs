//! Integration tests of `tinderbox-nn`; `parity` and `batch_norm` compare with `fixtures/nn.py`, `transformer` with
//! `fixtures/transformer.py`.

#[path = "../../../../fixtures/addressed.rs"]
mod addressed;
mod batch_norm;
mod bert;
mod config;
mod parity;
mod recurrent;
mod safetensors;
mod state_dict;
mod support;
mod transformer;
mod vit;
mod word_vectors;
