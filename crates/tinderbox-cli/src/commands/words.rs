//! `words`: vectors of words, trained on a corpus and asked for nearest words, analogies and people's judgements.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tinderbox::data::DataError;
use tinderbox::data::text::{
    CoOccurrenceConfig, CoOccurrenceCounter, Phrases, Vocabulary, WordCorpus, sentences,
};
use tinderbox::nn::{Analogy, Neighbour, WordVectors, WordVectorsError, WordVectorsFormat};
use tinderbox::train::word_vectors::{Architecture, GloveTrainerConfig, Word2VecTrainerConfig};
use tinderbox::transfer::{
    TransferError, parse_analogies, parse_judged_pairs, word_analogies, word_similarity,
};

use super::outputs::{NAME_ANOTHER, Written, refuse_existing};
use crate::args::{VectorsFormat, WordsKind, WordsTrainArgs, WordsVerb};
use crate::error::CliError;
use crate::output::escaped;
use crate::recipe::DataRecipe;
use crate::session::Context;
use crate::table::Table;
use crate::texts;
use crate::word_trainer::{remove_state, state_path, train_to_end};

/// The least score of a phrase, as in word2phrase.c.
const PHRASE_THRESHOLD: f64 = 100.0;

pub(super) fn run(verb: &WordsVerb, context: Context<'_>) -> Result<(), CliError> {
    match verb {
        WordsVerb::Train(args) => match context.global.threads {
            None => train(args, context),
            Some(threads) => rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .map_err(|error| CliError::Run(error.into()))?
                .install(|| train(args, context)),
        },
        WordsVerb::Nearest(args) => nearest(&args.vectors, &args.words, args.count, context),
        WordsVerb::Analogy(args) => {
            let vectors = read(&args.vectors)?;
            let [a, b, c] = [&args.a, &args.b, &args.c].map(|word| known(&vectors, word));
            let words = [a?, b?, c?];
            let found = vectors.analogy(words, args.count, Analogy::CosAdd);
            let asked = format!("{} is to {} as {} is to", words[0], words[1], words[2]);
            show(&vectors, &asked, &found.expect("all are known"), context);
            Ok(())
        }
        WordsVerb::Score(args) => {
            let vectors = read(&args.vectors)?;
            for file in &args.files {
                score(&vectors, file, context)?;
            }
            Ok(())
        }
    }
}

/// A sentence a line, in lower case; of each its words: runs of letters and digits, with apostrophes and hyphens inside.
fn read_corpus(args: &WordsTrainArgs, context: Context<'_>) -> Result<Vec<Vec<String>>, CliError> {
    let mut corpus = Vec::new();
    let mut unreadable = 0;
    for path in &args.corpus {
        let texts = texts::open(&DataRecipe::texts(path, &[]))?;
        for index in 0..texts.len() {
            match texts.get(index) {
                Ok(document) => corpus.extend(sentences(&document.text).map(words_of)),
                Err(error) if unreadable == 0 => {
                    unreadable = 1;
                    context.output.warn(&escaped(&error.to_string()));
                }
                Err(_) => unreadable += 1,
            }
        }
    }
    if unreadable > 0 {
        let what = format!("{unreadable} texts could not be read, the first as above");
        context.output.warn(&what);
    }
    Ok(corpus)
}

fn words_of(sentence: &str) -> Vec<String> {
    let lower = sentence.to_lowercase();
    lower
        .split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '\u{2019}' | '-'))
        .map(|word| word.trim_matches(['\'', '\u{2019}', '-']))
        .filter(|word| !word.is_empty())
        .map(String::from)
        .collect()
}

fn as_str(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().map(String::as_str)
}

fn train(args: &WordsTrainArgs, context: Context<'_>) -> Result<(), CliError> {
    let Some(out) = context.global.out.as_deref() else {
        return Err(CliError::Usage {
            message: "where do the vectors go?".into(),
            help: Some("name a file with `--out vectors.txt`".into()),
        });
    };
    let state = state_path(out);
    if !context.global.resume {
        refuse_existing(out, Written::Vectors, NAME_ANOTHER, context.global)?;
        refuse_existing(&state, Written::State, NAME_ANOTHER, context.global)?;
    } else if !state.is_file() {
        return Err(CliError::Refused {
            message: format!("{} is not there: no training was stopped", state.display()),
            help: Some("begin one without `--resume`".into()),
        });
    }
    let format = args.format.into();
    let settings = &context.global.set;
    // A wrong setting is told before the corpus is read.
    match args.kind {
        WordsKind::Glove => {
            let _: GloveTrainerConfig = configured(settings)?;
        }
        WordsKind::SkipGram | WordsKind::Cbow => {
            let _: Word2VecTrainerConfig = configured(settings)?;
        }
    }
    let mut corpus = read_corpus(args, context)?;
    for _ in 0..args.phrases {
        let lines = corpus.iter().map(|words| as_str(words));
        let phrases = Phrases::find(
            lines,
            args.min_count,
            args.min_count as f64,
            PHRASE_THRESHOLD,
        )?;
        corpus = corpus
            .iter()
            .map(|words| phrases.join(as_str(words), "_"))
            .collect();
    }
    let vocabulary = Vocabulary::count(
        corpus.iter().flat_map(|words| as_str(words)),
        args.min_count,
    );
    if vocabulary.len() < 2 {
        return Err(CliError::from(DataError::Config {
            name: "--min-count",
            expected: "a number that at least 2 words of the corpus reach".into(),
            got: format!("{}, which {} reach", args.min_count, vocabulary.len()),
        }));
    }
    let vectors = match args.kind {
        WordsKind::Glove => {
            let config: GloveTrainerConfig = configured(settings)?;
            let mut counter = CoOccurrenceCounter::new(CoOccurrenceConfig::default())?;
            for words in &corpus {
                counter.add(&vocabulary.encode(as_str(words)))?;
            }
            let trainer = config.init(&vocabulary, counter.finish()?)?;
            train_to_end(trainer, out, context)?
        }
        WordsKind::SkipGram | WordsKind::Cbow => {
            let mut config: Word2VecTrainerConfig = configured(settings)?;
            if args.kind == WordsKind::Cbow {
                config.architecture = Architecture::Cbow;
            }
            let lines = corpus.iter().map(|words| as_str(words));
            let encoded = WordCorpus::encode(lines, &vocabulary);
            train_to_end(config.init(&vocabulary, &encoded)?, out, context)?
        }
    };
    vectors.write(out, format).map_err(failed)?;
    remove_state(out)?;
    let shown = out.display().to_string();
    context.output.text(&format!(
        "{} words of {} numbers written to {shown}\n",
        vectors.len(),
        vectors.dimension()
    ));
    let found = json!({"words": vectors.len(), "dimension": vectors.dimension(), "out": shown});
    context.output.json(&found);
    Ok(())
}

/// The trainer's settings with those of `--set KEY=VALUE`.
fn configured<C: DeserializeOwned + Serialize + Default>(sets: &[String]) -> Result<C, CliError> {
    let wrong = |set: &str, error: &dyn std::fmt::Display| {
        let defaults = toml::to_string(&C::default()).unwrap_or_default();
        let keys: Vec<&str> = defaults
            .lines()
            .filter(|line| line.contains(" = "))
            .collect();
        CliError::Usage {
            message: format!("`--set {set}`: {error}"),
            help: Some(format!(
                "the settings, and what they are without `--set`: {}",
                keys.join(", ")
            )),
        }
    };
    let mut settings = toml::Table::new();
    for set in sets {
        let (key, value) = set
            .split_once('=')
            .ok_or_else(|| wrong(set, &"expected KEY=VALUE"))?;
        let read = format!("{key} = {value}").parse::<toml::Table>();
        // A bare word is a string, as in recipes.
        let read = read.or_else(|_| format!("{key} = \"{value}\"").parse());
        settings.extend(read.map_err(|error: toml::de::Error| wrong(set, &error.message()))?);
        let so_far = settings.clone().try_into::<C>();
        so_far.map_err(|error| wrong(set, &error.message()))?;
    }
    Ok(settings.try_into().expect("it was read a moment ago"))
}

/// Prints the words nearest to each of some words. `embed --nearest` is this too.
pub(super) fn nearest(
    path: &Path,
    words: &[String],
    count: usize,
    context: Context<'_>,
) -> Result<(), CliError> {
    let vectors = read(path)?;
    for word in words {
        let word = known(&vectors, word)?;
        let found = vectors.nearest(word, count).expect("the word is known");
        show(&vectors, &format!("nearest to {word}"), &found, context);
    }
    Ok(())
}

fn show(vectors: &WordVectors, asked: &str, found: &[Neighbour], context: Context<'_>) {
    let mut table = Table::new([asked, "cosine"]);
    for neighbour in found {
        let word = escaped(vectors.word(neighbour.id));
        table.row([word.as_str(), &format!("{:.3}", neighbour.similarity)]);
    }
    context.output.text(&table.render());
    let found: Vec<_> = found
        .iter()
        .map(|n| json!({"word": vectors.word(n.id), "cosine": n.similarity}))
        .collect();
    context
        .output
        .json(&json!({"asked": asked, "found": found}));
}

/// A file of judged pairs or of analogies, told apart by its sections (`: SECTION`).
fn score(vectors: &WordVectors, file: &Path, context: Context<'_>) -> Result<(), CliError> {
    let text = std::fs::read_to_string(file).map_err(CliError::reading(file))?;
    let wrong = |error: TransferError| CliError::usage(format!("{}: {error}", file.display()));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if text.trim_start().starts_with(": ") {
        let questions = parse_analogies(&text).map_err(wrong)?;
        let results = word_analogies(vectors, &questions, Analogy::CosAdd);
        let mut table = Table::new([&*name, "right", "of", "unknown"]);
        for result in &results {
            let numbers = [result.correct, result.questions, result.unknown];
            let [right, of, unknown] = numbers.map(|n| n.to_string());
            table.row([escaped(&result.section), right, of, unknown]);
        }
        context.output.text(&table.render());
        context
            .output
            .json(&json!({"file": name, "analogies": results}));
        return Ok(());
    }
    let result = word_similarity(vectors, &parse_judged_pairs(&text).map_err(wrong)?);
    let spearman = result
        .spearman
        .map_or("too few pairs".into(), |s| format!("{s:.3}"));
    let mut table = Table::new([&*name, "value"]);
    table.row(["Spearman's correlation", &spearman]);
    table.row(["pairs", &result.pairs.to_string()]);
    table.row(["left out, a word is unknown", &result.unknown.to_string()]);
    context.output.text(&table.render());
    context
        .output
        .json(&json!({"file": name, "similarity": result}));
    Ok(())
}

/// A file of any format: word2vec's binary by its ending, else by whether its first line is a header.
fn read(path: &Path) -> Result<WordVectors, CliError> {
    if path.extension().is_some_and(|ending| ending == "bin") {
        return WordVectors::read(path, WordVectorsFormat::Word2VecBinary).map_err(failed);
    }
    let text = std::fs::read(path).map_err(CliError::reading(path))?;
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let words = first
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let format = match words.count() {
        2 => WordVectorsFormat::Word2VecText,
        _ => WordVectorsFormat::GloveText,
    };
    WordVectors::read(path, format).map_err(failed)
}

/// The word as the vectors have it: as it was asked for, or in lower case.
fn known<'v>(vectors: &'v WordVectors, word: &str) -> Result<&'v str, CliError> {
    let id = vectors
        .id(word)
        .or_else(|| vectors.id(&word.to_lowercase()));
    let id = id.ok_or_else(|| {
        let near = crate::recipe::nearest(word, vectors.words().iter().map(String::as_str));
        CliError::Usage {
            message: format!("no vector for `{}`", escaped(word)),
            help: near.map(|near| format!("did you mean `{}`?", escaped(near))),
        }
    })?;
    Ok(vectors.word(id))
}

fn failed(error: WordVectorsError) -> CliError {
    CliError::Run(error.into())
}

impl From<VectorsFormat> for WordVectorsFormat {
    fn from(format: VectorsFormat) -> Self {
        match format {
            VectorsFormat::Word2vec => Self::Word2VecText,
            VectorsFormat::Binary => Self::Word2VecBinary,
            VectorsFormat::Glove => Self::GloveText,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_with_what_is_inside() {
        let words = words_of("\"Don't,\" he said -- the well-known 'U.S.' 42nd.");
        assert_eq!(
            words,
            ["don't", "he", "said", "the", "well-known", "u", "s", "42nd"]
        );
    }

    #[test]
    fn settings_are_read_as_in_recipes() {
        let sets = |sets: &[&str]| -> Result<Word2VecTrainerConfig, CliError> {
            configured(&sets.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let config = sets(&["dimension=7", "output=hierarchical_softmax"]).unwrap();
        assert_eq!(config.dimension, 7);
        let config = sets(&["output.negative_sampling.negatives=9"]).unwrap();
        assert_eq!(
            toml::to_string(&config.output).unwrap().trim(),
            "[negative_sampling]\nnegatives = 9"
        );
        let error = sets(&["dimensions=7"]).unwrap_err().to_string();
        assert!(error.contains("dimensions"), "{error}");
        assert!(sets(&["dimension"]).is_err());
    }
}
