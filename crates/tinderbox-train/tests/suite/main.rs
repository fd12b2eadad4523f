//! The engine on a table of numbers, nothing in it knows images, and on text.

mod engine;
mod minilm;
mod sequences;
mod table;
mod text;
