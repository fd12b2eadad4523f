//! The engine on a table of numbers: nothing in it knows images.

mod engine;
mod table;
