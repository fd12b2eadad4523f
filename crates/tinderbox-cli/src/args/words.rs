//! The command line of `words`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `words`.
#[derive(Debug, Clone, Args)]
pub struct WordsVerbArgs {
    /// What to do
    #[command(subcommand)]
    pub verb: WordsVerb,
}

/// What to do with vectors of words.
#[derive(Debug, Clone, Subcommand)]
pub enum WordsVerb {
    /// Train vectors on texts: word2vec (skip-gram or CBOW) or GloVe
    ///
    /// The result is the same on any number of threads, and `--resume` goes on after a stop. `--set KEY=VALUE` changes the trainer's settings, such as
    /// `--set dimension=200`, `--set epochs=10`, `--set seed=2`, `--set output=hierarchical_softmax`, or fastText's
    /// n-grams by `--set 'subwords={}'`; a wrong key lists them all.
    Train(WordsTrainArgs),
    /// The words nearest to others by the cosine of their vectors
    Nearest(WordsNearestArgs),
    /// A is to B as C is to which word?
    Analogy(WordsAnalogyArgs),
    /// Compare vectors with people's judgements or with analogies
    ///
    /// A file of judgements has a word, a word and a number a line; one of analogies is like `questions-words.txt`.
    /// `cargo xtask data word-pairs` fetches such files.
    Score(WordsScoreArgs),
}

/// Arguments of `words train`.
#[derive(Debug, Clone, Args)]
pub struct WordsTrainArgs {
    /// Files of one text a line, or folders of text files
    #[arg(required = true, value_name = "PATH")]
    pub corpus: Vec<PathBuf>,
    /// How vectors are trained
    #[arg(long, value_enum, default_value = "skip-gram")]
    pub kind: WordsKind,
    /// The least count of a word with a vector
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub min_count: u64,
    /// How often words are joined to phrases
    ///
    /// Pairs that stand together oftener than by chance: once makes `new_york`.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub phrases: usize,
    /// How the vectors are written
    #[arg(long, value_enum, default_value = "word2vec")]
    pub format: VectorsFormat,
}

/// How word vectors are trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum WordsKind {
    /// Each word of a context predicts the centre (word2vec).
    SkipGram,
    /// The mean of a context predicts the centre (word2vec).
    Cbow,
    /// Vectors whose products are logarithms of co-occurrences.
    Glove,
}

/// How word vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum VectorsFormat {
    /// word2vec's text.
    Word2vec,
    /// word2vec's binary file.
    Binary,
    /// GloVe's text.
    Glove,
}

/// Arguments of `words nearest`.
#[derive(Debug, Clone, Args)]
pub struct WordsNearestArgs {
    /// A file of vectors: word2vec's or GloVe's
    ///
    /// word2vec's text, its binary file (`.bin`), or GloVe's text.
    pub vectors: PathBuf,
    /// Which words
    #[arg(required = true, value_name = "WORD")]
    pub words: Vec<String>,
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub count: usize,
}

/// Arguments of `words analogy`.
#[derive(Debug, Clone, Args)]
pub struct WordsAnalogyArgs {
    /// A file of vectors
    pub vectors: PathBuf,
    /// A
    pub a: String,
    /// B
    pub b: String,
    /// C
    pub c: String,
    /// How many to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub count: usize,
}

/// Arguments of `words score`.
#[derive(Debug, Clone, Args)]
pub struct WordsScoreArgs {
    /// A file of vectors
    pub vectors: PathBuf,
    /// Files of judgements or analogies
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}
