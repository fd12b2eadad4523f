//! Tokenisers, trained.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde_json::{Value, json};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::models::unigram::{Unigram, UnigramTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{
    AddedToken, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, Tokenizer,
};

use super::tokeniser::{SPECIAL, Tokeniser, bert_pipeline, refused};
use crate::DataError;

/// Texts that are held in memory at a time.
const CHUNK: usize = 4096;

/// How words are cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokeniserKind {
    /// As in BERT: the longest tokens first, `##` before those that continue a word (Wu et al. 2016); learnt by merging pairs.
    WordPiece {
        /// Whether case is dropped.
        lowercase: bool,
        /// Whether accents and other marks that stand over or under letters are dropped; `None` for as `lowercase` has it, as in BERT. Those that
        /// are kept are brought to Unicode's normal form C.
        strip_accents: Option<bool>,
    },
    /// Byte-level byte pair encoding, as in GPT-2 (Radford et al. 2019), of text in Unicode's normal form C: nothing is unknown.
    Bpe,
    /// The likeliest cut under independent tokens, as in T5 (Kudo 2018).
    Unigram,
}

/// How a tokeniser is trained.
///
/// The same texts give the same bytes, in any order of the texts and for any number of threads. The special tokens are `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`
/// and `[MASK]`, with ids 0 to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokeniserTraining {
    /// How words are cut into tokens.
    pub kind: TokeniserKind,
    /// How many tokens there are at most, with the special ones.
    pub vocabulary: usize,
    /// Pairs that come less often are not merged; without meaning for Unigram.
    pub min_frequency: u64,
}

impl TokeniserTraining {
    /// Trains a tokeniser. Memory holds the distinct words, not the texts.
    ///
    /// # Errors
    /// The first text that cannot be read; [`DataError::Config`] when there is no word or `vocabulary` is below 300 (5 special
    /// tokens, 256 bytes and a few merges); [`DataError::Tokeniser`].
    pub fn train(
        &self,
        texts: impl IntoIterator<Item = Result<String, DataError>>,
    ) -> Result<Tokeniser, DataError> {
        if !(300..=1 << 24).contains(&self.vocabulary) {
            let expected = "300 to 16,777,216";
            return Err(DataError::config("vocabulary", expected, self.vocabulary));
        }
        let pipeline = self.kind.pipeline();
        let special: Vec<(&str, usize)> = SPECIAL.iter().copied().zip(0..).collect();
        let words = count_words(&pipeline, texts)?;
        if words.is_empty() {
            return Err(DataError::config("texts", "at least one word", 0));
        }
        let model = match self.kind {
            TokeniserKind::Unigram => unigram(words, self.vocabulary)?,
            _ => self.merges(words)?,
        };
        Tokeniser::from_parts(pipeline, &special, model)
    }

    /// WordPiece and BPE.
    fn merges(&self, words: BTreeMap<String, u64>) -> Result<Value, DataError> {
        let word_piece = self.kind != TokeniserKind::Bpe;
        let mut first: Vec<String> = SPECIAL.map(str::to_owned).to_vec();
        let mut trainer = BpeTrainer::builder()
            .show_progress(false)
            .vocab_size(self.vocabulary)
            .min_frequency(self.min_frequency);
        if word_piece {
            // The trainer numbers characters within words as its hash map yields them. Known beforehand, they have an order.
            let letters: BTreeSet<char> =
                words.keys().flat_map(|word| word.chars().skip(1)).collect();
            first.extend(letters.iter().map(|letter| format!("##{letter}")));
            trainer = trainer.continuing_subword_prefix("##".to_owned());
        } else {
            trainer = trainer.initial_alphabet(ByteLevel::alphabet().into_iter().collect());
        }
        let added = first.into_iter().map(|token| AddedToken::from(token, true));
        let trainer = trainer.special_tokens(added.collect()).build();
        let mut model = BPE::default();
        let words = words
            .iter()
            .map(|(word, count)| (word.as_str().into(), *count));
        trainer
            .do_train(&words.collect(), &mut model)
            .map_err(refused)?;
        let mut model = serde_json::to_value(&model).map_err(refused)?;
        if word_piece {
            model = json!({
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": model["vocab"],
            });
        }
        Ok(model)
    }
}

impl TokeniserKind {
    fn pipeline(self) -> Value {
        match self {
            Self::WordPiece {
                lowercase,
                strip_accents,
            } => {
                let mut pipeline = bert_pipeline(lowercase, strip_accents);
                // Where accents are kept, a letter with its mark and one that its mark follows are the same.
                if !strip_accents.unwrap_or(lowercase) {
                    let parts = [json!({"type": "NFC"}), pipeline["normalizer"].take()];
                    pipeline["normalizer"] = json!({"type": "Sequence", "normalizers": parts});
                }
                pipeline
            }
            Self::Bpe => {
                let bytes = json!({
                    "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
                });
                json!({"normalizer": {"type": "NFC"}, "pre_tokenizer": bytes, "decoder": bytes})
            }
            Self::Unigram => {
                let space = json!({
                    "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true,
                });
                json!({"normalizer": {"type": "NFKC"}, "pre_tokenizer": space, "decoder": space})
            }
        }
    }
}

/// How often each word comes.
fn count_words(
    pipeline: &Value,
    texts: impl IntoIterator<Item = Result<String, DataError>>,
) -> Result<BTreeMap<String, u64>, DataError> {
    let mut pipeline = pipeline.clone();
    pipeline["version"] = json!("1.0");
    pipeline["model"] = json!({"type": "BPE", "vocab": {}, "merges": []});
    let tokenizer = Tokenizer::from_bytes(pipeline.to_string()).map_err(refused)?;
    let words_of = |text: &String| -> Result<BTreeMap<String, u64>, DataError> {
        let mut normalized = NormalizedString::from(text.as_str());
        if let Some(normalizer) = tokenizer.get_normalizer() {
            normalizer.normalize(&mut normalized).map_err(refused)?;
        }
        let mut parts = PreTokenizedString::from(normalized);
        if let Some(pre_tokenizer) = tokenizer.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut parts).map_err(refused)?;
        }
        let mut words = BTreeMap::new();
        for (word, _, _) in parts.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            *words.entry(word.to_owned()).or_default() += 1;
        }
        Ok(words)
    };
    let mut all = BTreeMap::new();
    let mut texts = texts.into_iter();
    loop {
        let chunk = texts.by_ref().take(CHUNK).collect::<Result<Vec<_>, _>>()?;
        if chunk.is_empty() {
            return Ok(all);
        }
        let counted: Vec<_> = chunk.par_iter().map(words_of).collect::<Result<_, _>>()?;
        for (word, count) in counted.into_iter().flatten() {
            if !word.is_empty() {
                *all.entry(word).or_default() += count;
            }
        }
    }
}

fn unigram(words: BTreeMap<String, u64>, vocabulary: usize) -> Result<Value, DataError> {
    let words = words
        .into_iter()
        .map(|(word, count)| (word, u32::try_from(count).unwrap_or(u32::MAX)))
        .collect();
    let special = SPECIAL.map(|token| AddedToken::from(token, true));
    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size(vocabulary as u32)
        .unk_token(Some(SPECIAL[1].to_owned()))
        .special_tokens(special.to_vec())
        .build()
        .map_err(refused)?;
    let mut model = Unigram::default();
    // The trainer adds up floats by thread: with one thread there is one order.
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(refused)?
        .install(|| trainer.do_train(words, &mut model))
        .map_err(refused)?;
    let mut pieces: Vec<(String, f64)> = model.iter().cloned().collect();
    in_one_order(&mut pieces[SPECIAL.len()..]);
    Ok(json!({"type": "Unigram", "unk_id": 1, "vocab": pieces, "byte_fallback": false}))
}

/// Undoes what depends on the trainer's hash sets: characters that were pruned come back with the lowest scores, dealt in the order of a
/// hash set, and equal scores stand in that order too.
fn in_one_order(pieces: &mut [(String, f64)]) {
    let is_character = |piece: &(String, f64)| piece.0.chars().nth(1).is_none();
    // Only dealt scores lie above the lowest by steps of 0.0001, counted from 0 with the same additions as the trainer's.
    let lowest = pieces
        .iter()
        .map(|piece| piece.1)
        .fold(f64::INFINITY, f64::min);
    let mut dealt = Vec::new();
    let mut penalty = 0.0;
    loop {
        let found = pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| is_character(piece) && piece.1 == lowest + penalty)
            .map(|(at, _)| at);
        let before = dealt.len();
        dealt.extend(found);
        if dealt.len() == before {
            break;
        }
        penalty += 0.0001;
    }
    let scores: Vec<f64> = dealt.iter().map(|at| pieces[*at].1).collect();
    dealt.sort_by(|a, b| pieces[*a].0.cmp(&pieces[*b].0));
    for (at, score) in dealt.into_iter().zip(scores) {
        pieces[at].1 = score;
    }
    pieces.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
}
