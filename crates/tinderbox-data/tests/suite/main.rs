//! Tests through the public interface.

mod allocation;
mod cifar;
mod fingerprint;
mod idx;
mod loader;
mod skipping;
mod views;

#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "image")]
mod folder;
#[cfg(feature = "text")]
mod text_sources;
#[cfg(feature = "text")]
mod tokenisers;
