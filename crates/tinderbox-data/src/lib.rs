//! Datasets, views and the parallel loader of Tinderbox.
//!
//! Data goes one way: a data set (Burn's `Dataset<Item, DataError>`) yields raw items by index, a [`View`] makes random views of an
//! item, a [`Collate`] puts the results together, and a [`Loader`] does all three on its own threads and hands out batches as plain host
//! tensors ([`PlainBatch`]).
//!
//! # Decision: randomness is addressed
//!
//! Nothing carries a random state along. Each random choice belongs to a [`SampleRng`] keyed by `(seed, epoch, index, use)`, so
//! batches are the same whatever the number of threads, and a run that resumes at step 1,000,000 starts there at once.
//!
//! # Cost
//!
//! An epoch's order is one permutation of the indices in memory (8 bytes an item). A loader holds at most `prefetch` finished
//! batches. Threads are the loader's own and are not taken from the pool that computes.
//!
//! # Features
//!
//! - `image`: PNG and JPEG files, and folders of them. All else works without it.
//! - `text`: files, JSON lines and folders of text as data sets of documents, in the module `text`.
//!
//! ```
//! use std::sync::Arc;
//! use tinderbox_data::{AugmentConfig, ImageCollate, Loader, LoaderConfig, Preprocess, TwoViews, digits};
//!
//! let digits = Arc::new(digits());
//! let preprocess = Preprocess::fit(&*digits, &[0, 1, 2, 3], (8, 8), 1, 0)?;
//! let view = TwoViews { augment: AugmentConfig::simclr(0.5).build()?, preprocess };
//! let config = LoaderConfig { batch: 16, seed: 1, threads: 2, prefetch: 2, shuffle: true, max_bad: 0 };
//! let mut loader = Loader::new(digits, view, ImageCollate, config)?;
//! let batch = loader.next_batch()?;
//! assert_eq!(&batch.tensors[0].1.shape()[..], [16, 1, 8, 8]);
//! # Ok::<(), tinderbox_data::DataError>(())
//! ```
#![deny(unsafe_code)]

mod batch;
pub mod cifar;
#[cfg(feature = "text")]
mod class_folder;
mod dataset;
mod digits;
mod error;
mod fingerprint;
pub mod idx;
mod image;
mod in_memory;
mod inflate;
mod joined;
mod loader;
mod preprocess;
mod rng;
mod split;
mod subset;
mod view;
mod views;

#[cfg(feature = "image")]
mod decode;
#[cfg(feature = "image")]
mod folder;
#[cfg(feature = "text")]
pub mod text;

pub use crate::image::{GREY_WEIGHTS, Image, ImageItem, Pixels};
pub use batch::{Collate, ImageCollate, PlainBatch, Sample};
pub use dataset::{ImageSource, Labelled, labels};
pub use digits::digits;
pub use error::DataError;
pub use fingerprint::{Content, fingerprint};
pub use in_memory::InMemoryImages;
pub use joined::Joined;
pub use loader::{BatchOrder, Loader, LoaderConfig, Skipped};
pub use preprocess::Preprocess;
pub use rng::SampleRng;
pub use split::{Split, stratified_split, stratified_subset};
pub use subset::Subset;
pub use view::{OneView, TwoViews, View};
pub use views::{
    Augment, AugmentConfig, ColourJitter, GaussianBlur, HorizontalFlip, Normalise, RandomAffine,
    RandomGreyscale, RandomResizedCrop, Resize,
};

#[cfg(feature = "image")]
pub use decode::{DecodeLimits, decode};
#[cfg(feature = "image")]
pub use folder::{ImageFolder, ImageFolderConfig};
