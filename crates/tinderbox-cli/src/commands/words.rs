//! `words`: vectors of words, trained on a corpus and asked for nearest words, analogies and people's judgements.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tinderbox::data::text::{
    CoOccurrenceConfig, CoOccurrenceCounter, Phrases, Vocabulary, WordCorpus, lower_words,
    read_unpacked, sentences,
};
use tinderbox::data::{DataError, Ledger, Remark};
use tinderbox::nn::{Analogy, Neighbour, WordVectors, WordVectorsError, WordVectorsFormat};
use tinderbox::train::word_vectors::{
    Architecture, GloveTrainerConfig, OutputLayer, Word2VecTrainerConfig,
};
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
use crate::text_source;
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
            let vectors = read(&args.vectors, context)?;
            let [a, b, c] = [&args.a, &args.b, &args.c].map(|word| known(&vectors, word));
            let words = [a?, b?, c?];
            let found = vectors.analogy(words, args.count, Analogy::CosAdd);
            let asked = format!("{} is to {} as {} is to", words[0], words[1], words[2]);
            show(&vectors, &asked, &found.expect("all are known"), context);
            Ok(())
        }
        WordsVerb::Score(args) => {
            let vectors = read(&args.vectors, context)?;
            for file in &args.files {
                score(&vectors, file, context)?;
            }
            Ok(())
        }
    }
}

/// The words of each sentence of the corpora.
fn read_corpus(args: &WordsTrainArgs, context: Context<'_>) -> Result<Vec<Vec<String>>, CliError> {
    let mut corpus = Vec::new();
    for path in &args.corpus {
        let texts = text_source::open(&DataRecipe::texts(path, &[]), false)?;
        context.output.ledger(&without_keys(&texts.ledger()));
        // The ledger tells what cannot be read.
        let read = (0..texts.len()).filter_map(|index| texts.get(index).ok());
        for document in read {
            corpus.extend(sentences(&document.text).map(lower_words));
        }
    }
    Ok(corpus)
}

/// The same without keys, which are those of recipes.
fn without_keys(ledger: &Ledger) -> Ledger {
    let mut plain = Ledger::default();
    for remark in ledger.remarks() {
        plain.add(Remark {
            key: None,
            ..remark.clone()
        });
    }
    plain
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
        refuse_existing(
            &state,
            Written::State,
            "go on with it by `--resume`",
            context.global,
        )?;
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
            refuse_idle(args.kind, &configured(settings)?, settings)?;
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
        let read = read.map_err(|error: toml::de::Error| wrong(set, &error.message()))?;
        merge(&mut settings, read);
        let so_far = settings.clone().try_into::<C>();
        so_far.map_err(|error| wrong(set, &error.message()))?;
    }
    Ok(settings.try_into().expect("it was read a moment ago"))
}

/// Refuses settings that mean nothing beside others.
fn refuse_idle(
    kind: WordsKind,
    config: &Word2VecTrainerConfig,
    sets: &[String],
) -> Result<(), CliError> {
    let set = |key: &str| {
        let mut names = sets.iter().filter_map(|set| set.split(['=', '.']).next());
        names.any(|name| name.trim() == key)
    };
    let idle = ["pool", "noise_power"].into_iter().find(|key| set(key));
    let (key, why) = match (kind, &config.output, idle) {
        (WordsKind::Cbow, _, _)
            if set("architecture") && config.architecture != Architecture::Cbow =>
        {
            ("architecture", "`--kind cbow` says another")
        }
        (_, OutputLayer::HierarchicalSoftmax, Some(key)) => {
            (key, "hierarchical softmax draws no random words")
        }
        _ => return Ok(()),
    };
    Err(CliError::Usage {
        message: format!("`--set {key}` means nothing: {why}"),
        help: Some("leave one of the two out".into()),
    })
}

/// Adds settings to others; of a table those that it names.
fn merge(settings: &mut toml::Table, more: toml::Table) {
    for (key, value) in more {
        match (settings.get_mut(&key), value) {
            (Some(toml::Value::Table(known)), toml::Value::Table(more)) => merge(known, more),
            (_, value) => drop(settings.insert(key, value)),
        }
    }
}

/// Prints the words nearest to each of some words. `embed --nearest` is this too.
pub(super) fn nearest(
    path: &Path,
    words: &[String],
    count: usize,
    context: Context<'_>,
) -> Result<(), CliError> {
    let vectors = read(path, context)?;
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
    let bytes = read_unpacked(file)?;
    // A word that is not UTF-8 is one that the vectors do not have.
    let text = String::from_utf8_lossy(&bytes);
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

/// A file of any format, compressed or not: word2vec's binary by its ending, else by whether its first line is a header.
fn read(path: &Path, context: Context<'_>) -> Result<WordVectors, CliError> {
    let bytes = read_unpacked(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut parts = name.rsplit('.');
    let binary = match parts.next() {
        Some("gz" | "zst") => parts.next() == Some("bin"),
        ending => ending == Some("bin"),
    };
    let first = bytes.split(|byte| *byte == b'\n').next();
    let words = first.unwrap_or_default().split(u8::is_ascii_whitespace);
    let format = match words.filter(|word| !word.is_empty()).count() {
        _ if binary => WordVectorsFormat::Word2VecBinary,
        2 => WordVectorsFormat::Word2VecText,
        _ => WordVectorsFormat::GloveText,
    };
    let parsed = WordVectors::parse(&bytes, format);
    let (vectors, left_out) = parsed.map_err(|error| malformed(error, path))?;
    let all = vectors.len() + left_out.count();
    let words = format!("words of {name}");
    let mut ledger = Ledger::default();
    for (count, becomes, first) in [
        (left_out.not_utf8, "are not UTF-8 and are left out", None),
        (
            left_out.repeated,
            "came before: the first vector stays",
            None,
        ),
        (
            left_out.malformed,
            "have no such numbers as the others and are left out",
            left_out.first_malformed,
        ),
    ] {
        let remark = Remark::new(&words, count, becomes).of(all);
        ledger.add(remark.examples(first));
    }
    context.output.ledger(&ledger);
    Ok(vectors)
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

/// What is wrong with a file of vectors.
fn malformed(error: WordVectorsError, path: &Path) -> CliError {
    match error {
        WordVectorsError::Malformed {
            place,
            expected,
            got,
        } => CliError::Data(DataError::Format {
            path: path.to_path_buf(),
            what: "word vectors",
            expected: format!("{expected} in {place}"),
            got,
        }),
        error => failed(error.in_file(path)),
    }
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
        // What is left out of a table stays as it was.
        let subwords = sets(&["subwords={}"]).unwrap().subwords.unwrap();
        assert_eq!((subwords.shortest, subwords.longest), (3, 6));
        let both = ["subwords.longest=4", "subwords.shortest=2"];
        let subwords = sets(&both).unwrap().subwords.unwrap();
        assert_eq!((subwords.shortest, subwords.longest), (2, 4));
        let error = sets(&["dimensions=7"]).unwrap_err().to_string();
        assert!(error.contains("dimensions"), "{error}");
        assert!(sets(&["dimension"]).is_err());
    }

    #[test]
    fn settings_that_mean_nothing_beside_others_are_refused() {
        let refused = |kind, sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            let refused = refuse_idle(kind, &configured(&sets).unwrap(), &sets);
            refused.err().map(|error| error.to_string())
        };
        let softmax = "output=hierarchical_softmax";
        assert_eq!(
            refused(WordsKind::SkipGram, &["pool=9", softmax]).unwrap(),
            "`--set pool` means nothing: hierarchical softmax draws no random words"
        );
        assert_eq!(
            refused(WordsKind::Cbow, &["architecture=skip_gram"]).unwrap(),
            "`--set architecture` means nothing: `--kind cbow` says another"
        );
        assert_eq!(refused(WordsKind::Cbow, &["pool=9"]), None);
        assert_eq!(
            refused(WordsKind::SkipGram, &["architecture=cbow", softmax]),
            None
        );
    }
}
