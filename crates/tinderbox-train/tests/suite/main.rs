//! The engine on a table of numbers: nothing in it knows images. `sequences` runs it on texts.

mod engine;
mod sequences;
mod table;
