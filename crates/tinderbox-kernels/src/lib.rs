//! What makes training steps fast.
//!
//! | item | what it does |
//! |---|---|
//! | [`keep_freed_memory`] | the C library keeps the memory that a step frees for the next step |
//!
//! The only crate of the workspace that may hold `unsafe`: it is denied, and each module that allows it
//! says why.
#![deny(unsafe_code)]

mod memory;

pub use memory::keep_freed_memory;
