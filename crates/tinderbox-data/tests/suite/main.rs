//! Tests through the public interface.

mod allocation;
mod cifar;
mod fingerprint;
mod idx;
mod loader;
mod loader_bounds;
mod parsers;
mod skipping;
mod views;

#[cfg(feature = "audio")]
mod any_bytes;
#[cfg(feature = "audio")]
mod audio;
#[cfg(feature = "parquet")]
mod columnar;
#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "image")]
mod folder;
#[cfg(feature = "image")]
mod formats;
#[cfg(feature = "image")]
mod leak;
#[cfg(feature = "image")]
mod list;
#[cfg(feature = "table")]
mod real_tables;
#[cfg(feature = "image")]
mod shards;
#[cfg(feature = "audio")]
mod sound_files;
#[cfg(feature = "table")]
mod table_dates;
#[cfg(feature = "table")]
mod table_parity;
#[cfg(feature = "table")]
mod table_pipeline;
#[cfg(feature = "table")]
mod text_tables;

#[cfg(feature = "table")]
#[path = "../../../../fixtures/addressed.rs"]
mod addressed;
#[cfg(feature = "text")]
mod masking;
#[cfg(feature = "text")]
mod text_sources;
#[cfg(feature = "text")]
mod tokenisers;
#[cfg(feature = "text")]
mod word_parts;
#[cfg(feature = "text")]
mod words;
