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
//! batches, as [`LoaderConfig::prefetch`] states. Threads are the loader's own and are not taken from the pool that computes. Listing a
//! folder and checking for leaks is done once, by rayon's threads.
//!
//! A view reads from a picture only what its crop takes, and is computed in planes of floats by the vectors of the processor at hand;
//! all processors give the same bits.
//!
//! # Features
//!
//! - `image`: files of pictures (PNG, JPEG, GIF, WebP, BMP, NPY); folders, lists and tar files of them; contact sheets; leak checks.
//! - `audio`: the module `audio`, WAV and FLAC files, folders of them, log-mel spectrograms, views of clips.
//! - `table`: the module `table`, tables of numbers and categories, their preprocessing, CSV and JSON lines.
//! - `parquet`: as `table`, and Parquet and Arrow files. It builds the C library of zstd.
//! - `text`: the module `text`, corpora, tokenisers, masking, noise, sentence pairs, and windows and counts of words.
//!
//! All else works without them.
//!
//! ```
//! use std::sync::Arc;
//! use tinderbox_data::{AugmentConfig, ViewCollate, Loader, LoaderConfig, Preprocess, TwoViews, digits};
//!
//! let digits = Arc::new(digits());
//! let preprocess = Preprocess::fit(&*digits, &[0, 1, 2, 3], (8, 8), 1, 0)?;
//! let view = TwoViews { augment: AugmentConfig::simclr(0.5).build()?, preprocess };
//! let config = LoaderConfig { batch: 16, seed: 1, threads: 2, prefetch: 2, shuffle: true, max_bad: 0 };
//! let mut loader = Loader::new(digits, view, ViewCollate, config)?;
//! let batch = loader.next_batch()?;
//! assert_eq!(&batch.tensors[0].1.shape()[..], [16, 1, 8, 8]);
//! # Ok::<(), tinderbox_data::DataError>(())
//! ```
#![deny(unsafe_code)]

mod background;
mod batch;
pub mod cifar;
mod dataset;
mod digits;
mod error;
mod fingerprint;
pub mod idx;
mod image;
mod in_memory;
mod inflate;
mod joined;
mod ledger;
mod loader;
pub mod mix;
mod multi_crop;
mod normal;
mod odd_name;
mod pattern;
mod preprocess;
mod readable;
mod resizing;
mod rng;
// Folders, lists and tables use all of it.
#[cfg_attr(
    not(any(
        feature = "audio",
        feature = "image",
        feature = "table",
        feature = "text"
    )),
    allow(dead_code)
)]
mod same_value;
mod split;
mod split_folders;
mod subset;
mod view;
mod views;

#[cfg(feature = "audio")]
pub mod audio;
#[cfg(any(feature = "audio", feature = "image", feature = "text"))]
mod class_folder;
#[cfg(any(feature = "image", feature = "table", feature = "text"))]
mod classes;
#[cfg(feature = "image")]
mod decode;
#[cfg(any(feature = "image", feature = "table", feature = "text"))]
mod decompress;
#[cfg(feature = "image")]
mod folder;
#[cfg(feature = "image")]
pub mod leak;
#[cfg(feature = "image")]
mod list;
#[cfg(feature = "image")]
mod read;
#[cfg(feature = "image")]
mod shards;
#[cfg(feature = "image")]
mod sheet;
#[cfg(feature = "image")]
mod survey;
#[cfg(feature = "table")]
pub mod table;
#[cfg(feature = "text")]
pub mod text;

pub use crate::image::{GREY_WEIGHTS, Image, ImageItem, Pixels};
pub use background::Background;
pub use batch::{Collate, PlainBatch, Sample, ViewCollate};
pub use dataset::{ImageSource, Labelled, labels};
pub use digits::digits;
pub use error::DataError;
pub use fingerprint::{Content, fingerprint};
pub use in_memory::InMemoryImages;
pub use joined::{Joined, Named};
pub use ledger::{Ledger, Remark};
pub use loader::{BatchOrder, Loader, LoaderConfig, Skipped};
pub use multi_crop::{MultiCrop, MultiCropConfig};
pub use pattern::expand;
pub use preprocess::Preprocess;
pub use resizing::{Aspect, Resizing};
pub use rng::SampleRng;
pub use split::{
    Split, group_split, random_split, spread_split, stratified_split, stratified_subset, time_split,
};
pub use split_folders::{SplitFolders, split_folders};
pub use subset::{Subset, spread};
pub use view::{OneView, TwoViews, View};
pub use views::{
    Augment, AugmentConfig, ColourJitter, GaussianBlur, HorizontalFlip, Normalise, RandAugment,
    RandomAffine, RandomErasing, RandomGreyscale, RandomResizedCrop, Resize, ResizeFilter,
    Solarise,
};

#[cfg(feature = "image")]
pub use decode::{DecodeLimits, decode};
#[cfg(feature = "image")]
pub use folder::{ImageFolder, ImageFolderConfig};
#[cfg(feature = "image")]
pub use list::{ImageList, ImageListConfig};
#[cfg(feature = "image")]
pub use read::ReadConfig;
#[cfg(feature = "image")]
pub use shards::TarShards;
#[cfg(feature = "image")]
pub use sheet::{contact_sheet, encode_png};
#[cfg(feature = "image")]
pub use survey::ImageSurvey;
