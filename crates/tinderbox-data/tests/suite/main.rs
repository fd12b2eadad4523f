//! Tests through the public interface.

mod allocation;
mod cifar;
mod fingerprint;
mod idx;
mod loader;
mod skipping;
mod views;

#[cfg(feature = "audio")]
mod any_bytes;
#[cfg(feature = "audio")]
mod audio;
#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "image")]
mod folder;
#[cfg(feature = "audio")]
mod sound_files;
