//! Text: corpora of any size, tokenisers, and what is done with the numbers of tokens and words.
//!
//! [`TextFile`] opens a file of any size by its index, [`TextFolder`] a folder of files with its classes, and
//! [`InMemoryDocuments`] what is at hand, [`TaggedFile`] sentences whose words have tags, [`QuestionFile`] questions with the texts that answer them; all are [`DocumentSource`]s. A [`Tokeniser`] is loaded, or trained by [`TokeniserTraining`]. A
//! [`TokenCorpus`] holds a corpus as tokens, [`Packed`] cuts it into sequences, and [`BucketOrder`] makes batches of like length.
//!
//! What follows needs no tokeniser. A [`TokenItem`] is a sequence of token ids that knows which tokens continue a word; views such as
//! [`MaskTokens`] change it, and collations such as [`MaskedCollate`] pad the results to a batch, so that the [`Loader`](crate::Loader) works unchanged and every epoch draws a new mask.
//!
//! ```
//! use tinderbox_data::text::{MaskedCollate, MaskingConfig, SpecialTokens, TokenItem};
//! use tinderbox_data::{Collate, SampleRng, View};
//!
//! let special = SpecialTokens { vocabulary: 100, pad: 0, cls: 1, sep: 2, mask: 3, others: vec![] };
//! let view = MaskingConfig::default().build(special)?;
//! let item = TokenItem::new(vec![1, 10, 11, 12, 13, 14, 2]);
//! let sample = view.apply(item, SampleRng::new(7, 0, 0, SampleRng::VIEW));
//! assert_eq!(sample.positions.len(), sample.targets.len());
//! let batch = MaskedCollate { pad: 0, length: None }.collate(vec![sample]);
//! assert_eq!(&batch.tensors[0].1.shape()[..], [1, 7]);
//! # Ok::<(), tinderbox_data::DataError>(())
//! ```

mod bucket_order;
mod choice;
mod co_occurrence;
mod context_windows;
mod deletion;
mod document;
mod document_index;
mod framed;
mod huffman;
mod infilling;
mod mapped_file;
mod masking;
mod negative_sampling;
mod next_sentence;
mod noise;
mod noised;
mod packing;
mod padding;
mod paired_texts;
mod phrases;
mod plain_text;
mod preprocess;
mod pretrained_tokeniser;
mod published_tokeniser;
mod question_file;
mod question_texts;
mod replacement;
mod sealed_file;
mod sentence_chunks;
mod sentence_order;
mod sentence_pair;
mod sentences;
mod sorted_runs;
mod span;
mod special_tokens;
mod sub_sampling;
mod subwords;
mod tagged_file;
mod tagged_texts;
mod tagging;
mod text_file;
mod text_folder;
#[cfg(feature = "table")]
mod text_rows;
mod then;
mod token_corpus;
mod token_item;
mod token_texts;
mod tokeniser;
mod tokeniser_training;
mod unpack;
mod vocabulary;
mod word_corpus;
mod word_windows;
mod words;

pub use bucket_order::BucketOrder;
pub use co_occurrence::{CoOccurrence, CoOccurrenceConfig, CoOccurrenceCounter, CoOccurrences};
pub use context_windows::{ContextWindow, ContextWindows};
pub use deletion::DeleteTokens;
pub use document::{Answer, Document, DocumentSource, InMemoryDocuments, TaggedWord};
pub use framed::Framed;
pub use huffman::HuffmanTree;
pub use infilling::InfillSpans;
pub use masking::{MaskTokens, MaskedCollate, MaskedSample, MaskingConfig, MaskingUnit};
pub use negative_sampling::NegativeSampler;
pub use next_sentence::NextSentence;
pub use noise::{Noise, NoiseConfig, NoiseKind};
pub use noised::{NoisedCollate, NoisedSample};
pub use packing::{Packed, PackedSequence};
pub use paired_texts::{PairCollate, PairSample, PairedTexts};
pub use phrases::Phrases;
pub use preprocess::TextPreprocess;
pub use published_tokeniser::PublishedTokeniser;
pub use question_file::QuestionFile;
pub use question_texts::{AnyWindow, Question, QuestionTexts};
pub use replacement::{ReplaceTokens, ReplacedCollate, ReplacedSample};
pub use sentence_chunks::{SentenceChunk, SentenceChunks};
pub use sentence_order::SentenceOrder;
pub use sentences::sentences;
pub use span::{SpanCollate, SpanSample};
pub use special_tokens::SpecialTokens;
pub use sub_sampling::{KeepRule, SubSampling};
pub use subwords::Subwords;
pub use tagged_file::TaggedFile;
pub use tagged_texts::{TaggedTexts, WordSequences};
pub use tagging::{TaggedCollate, TaggedSample};
pub use text_file::{TextFile, TextFileConfig, TextUnit};
pub use text_folder::{TextFolder, TextFolderConfig};
#[cfg(feature = "table")]
pub use text_rows::TextRows;
pub use then::Then;
pub use token_corpus::TokenCorpus;
pub use token_item::TokenItem;
pub use token_texts::{PlainTokens, TokenCollate, TokenSample, TokenTexts};
pub use tokeniser::{Encoded, Role, Tokeniser};
pub use tokeniser_training::{TokeniserKind, TokeniserTraining};
pub use vocabulary::Vocabulary;
pub use word_corpus::WordCorpus;
pub use word_windows::{Cbow, SkipGram};
pub use words::words;

use crate::DataError;

/// # Errors
/// [`DataError::Config`] unless `share` is a number from 0 to 1.
fn check_share(name: &'static str, share: f32) -> Result<(), DataError> {
    if (0.0..=1.0).contains(&share) {
        Ok(())
    } else {
        Err(DataError::config(name, "a number from 0 to 1", share))
    }
}

#[cfg(test)]
mod testing {
    use super::{SpecialTokens, TextPreprocess, TokenItem, TokeniserKind, TokeniserTraining};
    use crate::SampleRng;

    /// Sequences of up to `length` tokens, by a WordPiece vocabulary of a text's words.
    pub(super) fn preprocess(text: &str, length: usize) -> TextPreprocess {
        let training = TokeniserTraining {
            kind: TokeniserKind::WordPiece { lowercase: true },
            vocabulary: 300,
            min_frequency: 1,
        };
        let tokeniser = training.train([Ok(text.to_owned())]).unwrap();
        TextPreprocess::new(tokeniser, length).unwrap()
    }

    /// A vocabulary of 1,000 with the special tokens 0 to 4.
    pub(super) fn special() -> SpecialTokens {
        SpecialTokens {
            vocabulary: 1000,
            pad: 0,
            cls: 1,
            sep: 2,
            mask: 3,
            others: vec![4],
        }
    }

    pub(super) fn rng(index: u64) -> SampleRng {
        SampleRng::new(3, 0, index, SampleRng::VIEW)
    }

    /// `[CLS] ordinary tokens [SEP]`, of which about a third continue a word.
    pub(super) fn sentence(ordinary: usize, index: u64) -> TokenItem {
        let mut rng = SampleRng::new(5, 0, index, 77);
        let mut tokens = vec![1];
        let mut continues = vec![false];
        for place in 0..ordinary {
            tokens.push(5 + rng.below(995) as u32);
            continues.push(place > 0 && rng.bool(0.33));
        }
        tokens.push(2);
        continues.push(false);
        TokenItem::new(tokens).with_continuations(continues)
    }

    /// Whether a count of `n` trials is within five standard deviations of its mean.
    #[track_caller]
    pub(super) fn assert_share(count: usize, n: usize, p: f64) {
        let (mean, deviation) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
        assert!(
            (count as f64 - mean).abs() <= 5.0 * deviation,
            "{count} of {n}, expected {mean} +- {deviation}"
        );
    }
}
