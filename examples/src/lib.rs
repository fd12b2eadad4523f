//! Examples of Tinderbox; each file under `examples/` shows one idea.
#![forbid(unsafe_code)]
