//! Texts of a recipe, and the sequences of tokens that objectives make of them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use burn::data::dataset::Dataset;
use rayon::prelude::*;
use tinderbox::data::table::NotUtf8;
use tinderbox::data::text::{
    AnyWindow, DocumentSource, Framed, MaskedCollate, MaskingConfig, NextSentence, NoisedCollate,
    Packed, PairCollate, PairedTexts, PlainTokens, QuestionFile, QuestionTexts, Role,
    SentenceChunk, SentenceChunks, SentenceOrder, SpanCollate, TaggedCollate, TaggedFile,
    TaggedTexts, TextFile, TextFileConfig, TextFolder, TextFolderConfig, TextPreprocess, TextRows,
    Then, TokenCollate, TokenCorpus, TokenItem, TokenTexts, Tokeniser, TokeniserTraining,
    sentences,
};
use tinderbox::data::{
    DataError, Joined, Loader, LoaderConfig, PlainBatch, SampleRng, Subset, View, fingerprint,
};
use tinderbox::objectives::Objective;
use tinderbox::train::{Evaluation, Evaluator, TrainError, named};

use crate::dataset::read_table;
use crate::inputs::{Pair, Pretext, Views};
use crate::recipe::{DataRecipe, DataSource, Labels, TokensRecipe};

/// Texts that a tokeniser is trained on at most, evenly spread.
const FIT_TEXTS: usize = 200_000;
/// Texts among which a given tokeniser must know a word.
const KNOWN_TEXTS: usize = 100;

/// The texts of a recipe, the test set's behind the others, and how many are not the test set's.
///
/// # Errors
/// If they cannot be read or are none.
pub fn open_all(recipe: &DataRecipe) -> Result<(Arc<dyn DocumentSource>, usize), DataError> {
    let texts = open(recipe)?;
    let own = texts.len();
    let texts = match recipe.of_test() {
        Some(test) => Arc::new(Joined::<dyn DocumentSource>::new(texts, open(&test)?)?),
        None => texts,
    };
    Ok((texts, own))
}

/// The texts of a recipe, unsplit and without a test set of their own.
///
/// # Errors
/// If they cannot be read or are none.
pub fn open(recipe: &DataRecipe) -> Result<Arc<dyn DocumentSource>, DataError> {
    let path = recipe.path.as_deref().unwrap_or(Path::new(""));
    if recipe.also.is_empty() {
        return open_one(recipe, path);
    }
    let paths = std::iter::once(path).chain(recipe.also.iter().map(PathBuf::as_path));
    let named = paths.map(|path| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok((name.to_string_lossy().into_owned(), open_one(recipe, path)?))
    });
    let parts: Vec<(String, Arc<dyn DocumentSource>)> = named.collect::<Result<_, DataError>>()?;
    Ok(Arc::new(Joined::of_named(parts)))
}

fn open_one(recipe: &DataRecipe, path: &Path) -> Result<Arc<dyn DocumentSource>, DataError> {
    let lossy = recipe.tokens.as_ref().is_some_and(|tokens| tokens.lossy);
    if recipe.source == DataSource::Table {
        let not_utf8 = match lossy {
            true => NotUtf8::Replace,
            false => NotUtf8::Refuse,
        };
        let part = DataRecipe {
            path: Some(path.to_path_buf()),
            ..recipe.clone()
        };
        let table = read_table(&part, not_utf8)?;
        let mut columns = recipe.text.iter().map(String::as_str);
        let text = columns.next().unwrap_or_default();
        let rows = TextRows::new(Arc::new(table), text, columns.next())?;
        return Ok(Arc::new(rows));
    }
    if recipe.source == DataSource::Questions {
        return Ok(Arc::new(QuestionFile::open(path)?));
    }
    if recipe.source == DataSource::Tags {
        let config = TextFileConfig {
            lossy,
            ..TextFileConfig::default()
        };
        return Ok(Arc::new(TaggedFile::open(path, config)?));
    }
    if path.is_dir() {
        let config = TextFolderConfig {
            labels: recipe.labels != Labels::Own(false),
            links: recipe.links != Some(false),
            lossy,
            ..TextFolderConfig::default()
        };
        return Ok(Arc::new(TextFolder::open(path, config)?));
    }
    let config = TextFileConfig {
        lossy,
        ..TextFileConfig::default()
    };
    Ok(Arc::new(TextFile::open(path, config)?))
}

/// The tokeniser that a recipe names, or one that is trained on some of the texts, and the length of a sequence.
///
/// # Errors
/// If it cannot be read or trained.
pub fn fit(
    texts: &dyn DocumentSource,
    items: &[usize],
    recipe: &TokensRecipe,
) -> Result<TextPreprocess, DataError> {
    let tokeniser = match &recipe.tokeniser {
        Some(path) => {
            let tokeniser = load(path, recipe.lowercase)?;
            check_knows(&tokeniser, texts, items)?;
            tokeniser
        }
        None => {
            let training = TokeniserTraining {
                kind: recipe.kind(),
                vocabulary: recipe.vocabulary,
                min_frequency: 2,
            };
            let stride = items.len().div_ceil(FIT_TEXTS).max(1);
            let some = items.iter().step_by(stride);
            // What cannot be read is told by what reads it for training.
            training.train(some.filter_map(|&index| {
                let document = texts.get(index).ok()?;
                Some(Ok(match document.second {
                    Some(second) => format!("{}\n{second}", document.text),
                    None => document.text,
                }))
            }))?
        }
    };
    TextPreprocess::new(tokeniser, recipe.length)
}

/// # Errors
/// [`DataError::Config`] if no word of the first texts is in the vocabulary.
fn check_knows(
    tokeniser: &Tokeniser,
    texts: &dyn DocumentSource,
    items: &[usize],
) -> Result<(), DataError> {
    let unknown = tokeniser.special(Role::Unknown);
    let mut words = 0;
    for index in items.iter().take(KNOWN_TEXTS) {
        let Ok(document) = texts.get(*index) else {
            continue;
        };
        let encoded = tokeniser.encode(&document.text, false)?;
        if encoded.ids.iter().any(|id| Some(*id) != unknown) {
            return Ok(());
        }
        words += encoded.ids.len();
    }
    Err(DataError::Config {
        name: "data.tokens.tokeniser",
        expected: "a vocabulary with words of the texts".into(),
        got: format!("one that knows none of the first {words}"),
    })
}

/// A `tokenizer.json`, a `vocab.txt`, or a folder that holds one of them.
fn load(path: &Path, lowercase: bool) -> Result<Tokeniser, DataError> {
    let inside = path.join("tokenizer.json");
    let vocabulary = path.join("vocab.txt");
    match path {
        _ if inside.is_file() => Tokeniser::load(inside),
        _ if vocabulary.is_file() => Tokeniser::load_bert_vocabulary(vocabulary, lowercase),
        path if path.extension().is_some_and(|ending| ending == "txt") => {
            Tokeniser::load_bert_vocabulary(path, lowercase)
        }
        path => Tokeniser::load(path),
    }
}

/// Texts with their tokeniser.
pub struct Texts {
    tokens: TokenTexts,
    /// Where tokenised corpora are kept.
    cache: PathBuf,
    /// Those that are open, and of which items.
    corpora: Mutex<Vec<(Vec<usize>, Arc<TokenCorpus>)>>,
}

impl Texts {
    /// Texts and what makes tokens of them; corpora are kept in the folder for temporary files.
    pub fn new(documents: Arc<dyn DocumentSource>, preprocess: TextPreprocess) -> Self {
        Self {
            tokens: TokenTexts::new(documents, preprocess),
            cache: std::env::temp_dir().join("tinderbox"),
            corpora: Mutex::default(),
        }
    }

    /// The same with corpora kept in `folder`.
    pub fn cached_in(self, folder: &Path) -> Self {
        Self {
            cache: folder.to_path_buf(),
            ..self
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
        let content = fingerprint(&subset);
        std::fs::create_dir_all(&self.cache).map_err(|source| DataError::Io {
            path: self.cache.clone(),
            source: Arc::new(source),
        })?;
        let tokeniser = self.tokens.preprocess().tokeniser();
        let name = format!("{}-{}.tokens", &content[..16], &tokeniser.hash()?[..16]);
        let path = self.cache.join(name);
        let corpus = Arc::new(TokenCorpus::open_or_build(
            path, &subset, &content, tokeniser,
        )?);
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

/// The figure `held-out/unigram_loss`, which is the same at every step: what a curve is to be compared with.
pub struct UnigramLoss(pub f64);

impl<O: Objective> Evaluator<O> for UnigramLoss {
    fn evaluate(&mut self, _objective: &O) -> Result<Evaluation, TrainError> {
        Ok(Evaluation {
            figures: vec![("held-out/unigram_loss".into(), self.0)],
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
