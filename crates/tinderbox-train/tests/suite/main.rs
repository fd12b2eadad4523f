//! The engine on a table of numbers: nothing in it knows images. `sequences` runs it on texts.

mod engine;
mod sequences;
//! The engine on a table of numbers, nothing in it knows images, and on text.

mod engine;
mod minilm;
mod table;
mod text;
