//! Word vectors on the host: word2vec, fastText's subwords and GloVe, on all of rayon's threads.
//!
//! A corpus passes in rounds. In each, a fixed number of shards take a chunk of the corpus; a shard copies the rows that its chunk
//! needs, trains them alone, and then all differences are added to the shared tables, in the order of the shards. So there is no data
//! race, memory is read once a chunk rather than once a pair, and the result depends on the number of shards but not on the number of threads.
//! GloVe's pairs lie in a grid of blocks of words instead, of which those without a common row are trained at once.
//!
//! ```
//! use std::ops::ControlFlow;
//! use tinderbox_data::text::{Vocabulary, WordCorpus};
//! use tinderbox_train::word_vectors::Word2VecTrainerConfig;
//!
//! let lines = ["a king and a queen", "a queen and a king"];
//! let words = Vocabulary::count(lines.iter().flat_map(|line| line.split(' ')), 1);
//! let corpus = WordCorpus::encode(lines.iter().map(|line| line.split(' ')), &words);
//! let config = Word2VecTrainerConfig { dimension: 10, ..Default::default() };
//! let mut trainer = config.init(&words, &corpus)?;
//! trainer.run(|_| ControlFlow::Continue(()));
//! assert!(trainer.is_done());
//! assert_eq!(trainer.vectors()?.dimension(), 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod collate;
mod config;
mod draw;
mod glove;
mod local_rows;
mod shard;
mod state;
mod word2vec;

pub use collate::WindowCollate;
pub use config::{Architecture, OutputLayer, SubwordConfig, Word2VecTrainerConfig};
pub use draw::WindowDraw;
pub use glove::{GloveProgress, GloveTrainer, GloveTrainerConfig};
pub use word2vec::{Progress, Word2VecTrainer};

#[cfg(test)]
mod tests;
