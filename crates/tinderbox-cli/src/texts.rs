//! Texts with their tokeniser, and the sequences of tokens that objectives make of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use burn::data::dataset::Dataset;
use rayon::prelude::*;
use tinderbox::data::text::{
    AnyWindow, DocumentSource, Framed, MaskedCollate, MaskingConfig, NextSentence, NoisedCollate,
    Packed, PairCollate, PairedTexts, PlainTokens, QuestionTexts, SentenceChunk, SentenceChunks,
    SentenceOrder, SpanCollate, TaggedCollate, TaggedTexts, TextPreprocess, Then, TokenCollate,
    TokenCorpus, TokenItem, TokenTexts, sentences,
};
use tinderbox::data::{
    DataError, Labelled, Ledger, Loader, LoaderConfig, PlainBatch, SampleRng, Subset, View,
    fingerprint,
};
use tinderbox::objectives::Objective;
use tinderbox::train::{Evaluation, Evaluator, TrainError, named};

use crate::inputs::{Pair, Pretext, Target, Views};

/// Texts with their tokeniser.
pub struct Texts {
    tokens: TokenTexts,
    /// Where tokenised corpora are kept; without it, as long as this is.
    cache: Option<PathBuf>,
    /// Those that are open, and of which items.
    corpora: Mutex<Vec<(Vec<usize>, Arc<TokenCorpus>)>>,
}

impl Texts {
    /// Texts and what makes tokens of them; corpora are not kept.
    pub fn new(documents: Arc<dyn DocumentSource>, preprocess: TextPreprocess) -> Self {
        Self {
            tokens: TokenTexts::new(documents, preprocess),
            cache: None,
            corpora: Mutex::default(),
        }
    }

    /// The same with corpora kept in `folder`.
    pub fn cached_in(self, folder: &Path) -> Self {
        Self {
            cache: Some(folder.to_path_buf()),
            ..self
        }
    }

    /// What of them is not read by a model that tells `target`.
    pub fn ledger(&self, target: Target) -> Ledger {
        match target {
            Target::Items => self.tokens.ledger(),
            Target::Words => self.tagged().ledger(),
            Target::Answers => self.questions().ledger(),
        }
    }

    /// The texts as tokens, each by itself.
    pub fn tokens(&self) -> &TokenTexts {
        &self.tokens
    }

    /// Puts texts together, each `views` times.
    pub fn collate(&self, views: usize) -> TokenCollate {
        TokenCollate {
            pad: self.tokens.preprocess().special().pad,
            views,
        }
    }

    /// The texts as tokens with the classes of their words.
    pub fn tagged(&self) -> TaggedTexts {
        TaggedTexts::new(self.tokens.clone())
    }

    /// Puts texts together whose words have classes.
    pub fn tagged_collate(&self) -> TaggedCollate {
        TaggedCollate {
            pad: self.tokens.preprocess().special().pad,
            length: None,
        }
    }

    /// The texts as questions, each with a text that may answer it.
    pub fn questions(&self) -> QuestionTexts {
        QuestionTexts::new(self.tokens.clone())
    }

    /// Puts questions together.
    pub fn question_collate(&self) -> SpanCollate {
        SpanCollate {
            pad: self.tokens.preprocess().special().pad,
            length: None,
        }
    }

    /// Batches of what an objective eats of some texts.
    ///
    /// # Errors
    /// Fewer than a batch; a text that cannot be read, where sequences are made of all of them.
    pub fn loader(
        &self,
        items: &[usize],
        views: Views,
        masking: MaskingConfig,
        config: LoaderConfig,
    ) -> Result<Loader, DataError> {
        let pretext = match views {
            Views::Two if self.has_pairs(items) => {
                let pairs = Arc::new(PairedTexts::new(self.tokens.clone()));
                let collate = PairCollate {
                    pad: self.tokens.preprocess().special().pad,
                };
                let subset = Arc::new(Subset::new(pairs, items.to_vec()));
                return Loader::new(subset, PlainTokens, collate, config);
            }
            Views::One | Views::Two => {
                let subset = Arc::new(Subset::new(Arc::new(self.tokens.clone()), items.to_vec()));
                return Loader::new(subset, PlainTokens, self.collate(views.count()), config);
            }
            Views::Tagged => {
                let subset = Arc::new(Subset::new(Arc::new(self.tagged()), items.to_vec()));
                return Loader::new(subset, PlainTokens, self.tagged_collate(), config);
            }
            Views::Question => {
                let subset = Arc::new(Subset::new(Arc::new(self.questions()), items.to_vec()));
                return Loader::new(subset, AnyWindow, self.question_collate(), config);
            }
            Views::Sequences(pretext) => pretext,
        };
        let preprocess = self.tokens.preprocess();
        let special = preprocess.special();
        let framed = Framed::new(preprocess);
        match pretext {
            Pretext::Plain => {
                let packed = self.packed(items, config.max_bad)?;
                let view = Then {
                    first: framed,
                    second: PlainTokens,
                };
                Loader::new(Arc::new(packed), view, self.collate(1), config)
            }
            Pretext::Masked => {
                let packed = self.packed(items, config.max_bad)?;
                let masking = masking.build(special.clone())?;
                let view = Then {
                    first: framed,
                    second: masking,
                };
                let collate = MaskedCollate {
                    pad: special.pad,
                    length: Some(preprocess.length()),
                };
                Loader::new(Arc::new(packed), view, collate, config)
            }
            Pretext::Noised(noise) => {
                let packed = self.packed(items, config.max_bad)?;
                let view = Then {
                    first: framed,
                    second: noise.build(special.clone())?,
                };
                let collate = NoisedCollate { pad: special.pad };
                Loader::new(Arc::new(packed), view, collate, config)
            }
            Pretext::MaskedPairs(pair) => {
                let chunks = self.chunks(items, config.max_bad)?;
                let masking = masking.build(special.clone())?;
                let collate = MaskedCollate {
                    pad: special.pad,
                    length: None,
                };
                let view = self.pairs(pair, &chunks)?;
                let view = Then {
                    first: view,
                    second: masking,
                };
                Loader::new(Arc::new(chunks), view, collate, config)
            }
            Pretext::Pairs(pair) => {
                let chunks = self.chunks(items, config.max_bad)?;
                let view = Then {
                    first: self.pairs(pair, &chunks)?,
                    second: PlainTokens,
                };
                Loader::new(Arc::new(chunks), view, self.collate(1), config)
            }
        }
    }

    /// Whether two texts belong together in each of some items, as the first that can be read has it.
    fn has_pairs(&self, items: &[usize]) -> bool {
        let documents = self.tokens.documents();
        let first = items.iter().find_map(|index| documents.get(*index).ok());
        first.is_some_and(|document| document.second.is_some())
    }

    fn pairs(&self, pair: Pair, chunks: &SentenceChunks) -> Result<PairView, DataError> {
        let preprocess = self.tokens.preprocess();
        let (special, length) = (preprocess.special().clone(), preprocess.length());
        match pair {
            Pair::Next => NextSentence::new(chunks.clone(), special, length).map(PairView::Next),
            Pair::Order => SentenceOrder::new(special, length).map(PairView::Order),
        }
    }

    /// The sentences of each text, in chunks that fill a sequence.
    fn chunks(&self, items: &[usize], max_bad: usize) -> Result<SentenceChunks, DataError> {
        let documents = self.tokens.documents();
        let readable = readable(&**documents, items, max_bad)?;
        let tokeniser = self.tokens.preprocess().tokeniser();
        let of_text = |index: usize| -> Result<Vec<TokenItem>, DataError> {
            let document = documents.get(index)?;
            let of_sentence = |sentence| {
                let encoded = tokeniser.encode(sentence, false)?;
                let continues = encoded.continues_word();
                Ok(TokenItem::new(encoded.ids).with_continuations(continues))
            };
            sentences(&document.text).map(of_sentence).collect()
        };
        let texts = readable.into_par_iter().map(of_text);
        let texts: Vec<Vec<TokenItem>> = texts.collect::<Result<_, _>>()?;
        SentenceChunks::new(texts, self.tokens.preprocess().length() - 3)
    }

    /// How many sequences some texts make.
    ///
    /// # Errors
    /// A text that cannot be read, beyond `max_bad`.
    pub fn sequences(
        &self,
        items: &[usize],
        pretext: Pretext,
        max_bad: usize,
    ) -> Result<usize, DataError> {
        Ok(match pretext {
            Pretext::Plain | Pretext::Masked | Pretext::Noised(_) => {
                self.packed(items, max_bad)?.len()
            }
            Pretext::MaskedPairs(_) | Pretext::Pairs(_) => self.chunks(items, max_bad)?.len(),
        })
    }

    /// The texts behind each other, cut into sequences with room for a frame.
    fn packed(&self, items: &[usize], max_bad: usize) -> Result<Packed, DataError> {
        let corpus = self.corpus(items, max_bad)?;
        let length = self.tokens.preprocess().length() - Framed::TOKENS;
        Packed::new(corpus, length)
    }

    /// Some texts, tokenised once and kept.
    fn corpus(&self, items: &[usize], max_bad: usize) -> Result<Arc<TokenCorpus>, DataError> {
        let mut corpora = self.corpora.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, corpus)) = corpora.iter().find(|(of, _)| of == items) {
            return Ok(corpus.clone());
        }
        let documents = self.tokens.documents();
        let readable = readable(&**documents, items, max_bad)?;
        let subset = Subset::new(documents.clone(), readable);
        let tokeniser = self.tokens.preprocess().tokeniser();
        let corpus = match &self.cache {
            None => TokenCorpus::build(&subset, tokeniser)?,
            Some(cache) => {
                std::fs::create_dir_all(cache).map_err(|source| DataError::io(cache, source))?;
                let content = fingerprint(&subset);
                let name = format!("{}-{}.tokens", &content[..16], &tokeniser.hash()?[..16]);
                TokenCorpus::open_or_build(cache.join(name), &subset, &content, tokeniser)?
            }
        };
        let corpus = Arc::new(corpus);
        corpora.push((items.to_vec(), corpus.clone()));
        Ok(corpus)
    }

    /// The mean loss of a guess that knows how often each token occurs in some texts, and nothing else, on what is to be told in
    /// `batches`: `-ln((n + 1) / (N + V))` of a token that occurs `n` times among `N`, in a vocabulary of `V`.
    ///
    /// # Errors
    /// A text that cannot be read, beyond `max_bad`.
    pub fn unigram_loss(
        &self,
        items: &[usize],
        max_bad: usize,
        batches: &[PlainBatch],
    ) -> Result<f64, DataError> {
        let corpus = self.corpus(items, max_bad)?;
        let mut counts = vec![1.0; self.tokens.preprocess().special().vocabulary as usize];
        for document in 0..corpus.len() {
            for token in corpus.get(document)? {
                counts[token as usize] += 1.0;
            }
        }
        let all: f64 = counts.iter().sum();
        let (mut sum, mut count) = (0.0, 0);
        for batch in batches {
            let targets = named(batch, "targets").as_slice::<i64>();
            for target in targets.expect("targets are whole numbers") {
                sum -= f64::ln(counts[*target as usize] / all);
                count += 1;
            }
        }
        Ok(sum / f64::from(count.max(1)))
    }
}

/// Pairs of segments of either kind.
enum PairView {
    Next(NextSentence),
    Order(SentenceOrder),
}

impl View<SentenceChunk> for PairView {
    type Out = TokenItem;

    fn apply(&self, chunk: SentenceChunk, rng: SampleRng) -> TokenItem {
        match self {
            Self::Next(view) => view.apply(chunk, rng),
            Self::Order(view) => view.apply(chunk, rng),
        }
    }
}

/// The figure [`UnigramLoss::FIGURE`], which is the same at every step: what a curve is to be compared with.
pub struct UnigramLoss(pub f64);

impl UnigramLoss {
    /// Its name.
    pub const FIGURE: &'static str = "held-out/unigram_loss";
}

impl<O: Objective> Evaluator<O> for UnigramLoss {
    fn evaluate(&mut self, _objective: &O) -> Result<Evaluation, TrainError> {
        Ok(Evaluation {
            figures: vec![(Self::FIGURE.into(), self.0)],
            warnings: Vec::new(),
        })
    }
}

/// Those of some texts that can be read.
fn readable(
    texts: &dyn DocumentSource,
    items: &[usize],
    max_bad: usize,
) -> Result<Vec<usize>, DataError> {
    let read = |&index: &usize| texts.get(index).map(|_| index);
    let read: Vec<Result<usize, DataError>> = items.par_iter().map(read).collect();
    let reasons: Vec<String> = read
        .iter()
        .filter_map(|item| item.as_ref().err().map(DataError::to_string))
        .collect();
    if reasons.len() > max_bad {
        return Err(DataError::TooManyBad {
            bad: reasons.len(),
            max_bad,
            reasons: reasons.into_iter().take(3).collect(),
        });
    }
    Ok(read.into_iter().flatten().collect())
}
