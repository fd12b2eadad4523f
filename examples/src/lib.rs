//! Examples of Tinderbox; each file under `examples/` shows one idea.
