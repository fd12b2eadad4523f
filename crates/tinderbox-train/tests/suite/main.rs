//! The engine on a table of numbers, nothing in it knows images, and on texts.

mod early_stopping;
mod engine;
mod minilm;
mod momentum;
mod sequences;
mod stop;
mod table;
mod text;
