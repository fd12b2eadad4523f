//! Word vectors: trained on a corpus, and scored by similarities that people judged. `xtask`'s `bench peers words` starts both.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use tinderbox::data::text::{CoOccurrenceConfig, CoOccurrenceCounter, Vocabulary, WordCorpus};
use tinderbox::nn::{WordVectors, WordVectorsFormat};
use tinderbox::train::word_vectors::{Architecture, GloveTrainerConfig, Word2VecTrainerConfig};
use tinderbox::transfer::{parse_judged_pairs, word_similarity};

/// The least count of a word.
const MIN_COUNT: u64 = 5;
/// Passes of GloVe.
const GLOVE_EPOCHS: u64 = 15;

/// What to train.
#[derive(Debug, PartialEq)]
pub struct Order {
    /// `skip-gram`, `cbow` or `glove`.
    pub kind: String,
    /// A sentence a line, its words parted by spaces.
    pub corpus: PathBuf,
    pub seed: u64,
    pub threads: usize,
    /// Where the vectors go, as word2vec's text.
    pub out: PathBuf,
}

/// Trains, writes the vectors and prints the speed as JSON: words of the corpus times passes a second from text at hand to vectors, but
/// for counting the vocabulary; of GloVe pairs times passes a second, from pairs at hand.
pub fn train(order: &Order) -> Result<(), Box<dyn Error>> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(order.threads)
        .build_global()?;
    let text = std::fs::read_to_string(&order.corpus)
        .map_err(|error| format!("{}: {error}", order.corpus.display()))?;
    let total = text.split_ascii_whitespace().count();
    let words = Vocabulary::count(text.split_ascii_whitespace(), MIN_COUNT);
    let architecture = match order.kind.as_str() {
        "skip-gram" => Architecture::SkipGram,
        "cbow" => Architecture::Cbow,
        "glove" => return glove(order, &text, &words),
        other => return Err(format!("there are skip-gram, cbow and glove, not `{other}`").into()),
    };
    let config = Word2VecTrainerConfig {
        architecture,
        seed: order.seed,
        ..Default::default()
    };
    let start = Instant::now();
    let corpus = WordCorpus::encode(text.lines().map(|line| line.split(' ')), &words);
    let mut trainer = config.init(&words, &corpus)?;
    trainer.run(|_| ControlFlow::Continue(()));
    let seconds = start.elapsed().as_secs_f64();
    trainer
        .vectors()?
        .write(&order.out, WordVectorsFormat::Word2VecText)?;
    let count = total as u64 * config.epochs;
    println!(
        "{}",
        json!({"seconds": seconds, "per_second": count as f64 / seconds, "vocabulary": words.len()})
    );
    Ok(())
}

fn glove(order: &Order, text: &str, words: &Vocabulary) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut counter = CoOccurrenceCounter::new(CoOccurrenceConfig::default())?;
    for line in text.lines() {
        counter.add(&words.encode(line.split(' ')))?;
    }
    let pairs = counter.finish()?.collect::<Result<Vec<_>, _>>()?;
    let counting = start.elapsed().as_secs_f64();
    let config = GloveTrainerConfig {
        epochs: GLOVE_EPOCHS,
        seed: order.seed,
        ..Default::default()
    };
    let start = Instant::now();
    let mut trainer = config.init(words, pairs.into_iter().map(Ok))?;
    trainer.run(|_| ControlFlow::Continue(()));
    let seconds = start.elapsed().as_secs_f64();
    trainer
        .vectors()?
        .write(&order.out, WordVectorsFormat::Word2VecText)?;
    let count = trainer.pairs() * config.epochs;
    println!(
        "{}",
        json!({"seconds": seconds, "per_second": count as f64 / seconds, "counting_seconds": counting, "pairs": trainer.pairs(), "vocabulary": words.len()})
    );
    Ok(())
}

/// Prints Spearman's correlation with each file of judgements as JSON, by its name.
pub fn score(vectors: &PathBuf, judgements: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let vectors = WordVectors::read(vectors, WordVectorsFormat::Word2VecText)?;
    let mut scores = serde_json::Map::new();
    for path in judgements {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let result = word_similarity(&vectors, &parse_judged_pairs(&text)?);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        scores.insert(name.into_owned(), json!(result));
    }
    println!("{}", serde_json::Value::Object(scores));
    Ok(())
}
