//! Texts of a recipe: opened, with their tokeniser, and what of them is not used.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::data::dataset::Dataset;
use tinderbox::data::table::{NotUtf8, is_table};
use tinderbox::data::text::{
    DocumentSource, QuestionFile, Role, TaggedFile, TextFile, TextFileConfig, TextFolder,
    TextFolderConfig, TextPreprocess, TextRows, TokenTexts, Tokeniser, TokeniserTraining,
};
use tinderbox::data::{DataError, Joined, Labelled, Ledger, Remark};

use crate::dataset::read_table;
use crate::inputs::Target;
use crate::recipe::{DataRecipe, DataSource, Labels, TokensRecipe};
use crate::texts::Texts;

/// Texts that a tokeniser is trained on at most, evenly spread.
const FIT_TEXTS: usize = 200_000;
/// Lines by which a file of words with tags is told.
const TAGGED_LINES: usize = 100;
/// Texts among which a given tokeniser must know a word.
const KNOWN_TEXTS: usize = 100;

/// The texts of a recipe, the test set's behind the others, and how many are not the test set's.
///
/// # Errors
/// If they cannot be read or are none.
pub fn open_all(recipe: &DataRecipe) -> Result<(Arc<dyn DocumentSource>, usize), DataError> {
    let texts = open(recipe, false)?;
    let own = texts.len();
    let texts = match recipe.of_test() {
        Some(test) => Arc::new(Joined::<dyn DocumentSource>::new(
            texts,
            open(&test, false)?,
        )?),
        None => texts,
    };
    Ok((texts, own))
}

/// The texts of a recipe, unsplit and without a test set of their own; with `blank_lines`, a blank line of a file is one, too, which cannot be
/// read.
///
/// # Errors
/// If they cannot be read or are none.
pub fn open(recipe: &DataRecipe, blank_lines: bool) -> Result<Arc<dyn DocumentSource>, DataError> {
    let path = recipe.path.as_deref().unwrap_or(Path::new(""));
    if recipe.also.is_empty() {
        return open_one(recipe, path, blank_lines);
    }
    let paths: Vec<&Path> = std::iter::once(path)
        .chain(recipe.also.iter().map(PathBuf::as_path))
        .collect();
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_owned();
    let names: HashSet<OsString> = paths.iter().map(|path| name(path)).collect();
    let named = paths.iter().map(|path| {
        // Files of the same name in several folders are told apart by their folders.
        let name = match names.len() == paths.len() {
            true => name(path),
            false => path.as_os_str().to_owned(),
        };
        Ok((name, open_one(recipe, path, blank_lines)?))
    });
    let parts: Vec<(OsString, Arc<dyn DocumentSource>)> =
        named.collect::<Result<_, DataError>>()?;
    Ok(Arc::new(Joined::of_named(parts)))
}

fn open_one(
    recipe: &DataRecipe,
    path: &Path,
    blank_lines: bool,
) -> Result<Arc<dyn DocumentSource>, DataError> {
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
        return Ok(Arc::new(QuestionFile::open(path, lossy)?));
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
    if is_table(path) {
        return Err(no_lines(recipe, path));
    }
    let config = TextFileConfig {
        lossy,
        blank_lines,
        ..TextFileConfig::default()
    };
    Ok(Arc::new(TextFile::open(path, config)?))
}

/// What to say instead of reading the rows of a table as lines of text.
fn no_lines(recipe: &DataRecipe, path: &Path) -> DataError {
    let table = DataRecipe {
        reading: recipe.reading.clone(),
        ..DataRecipe::table(path)
    };
    match read_table(&table, NotUtf8::Replace) {
        Ok(items) => {
            let names = items.table().columns().iter();
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            DataError::Config {
                name: "data.text",
                expected: format!(
                    "the column of texts, for {} is a table, with the columns {} (and `data.labels`, if one holds classes)",
                    path.display(),
                    names.join(", ")
                ),
                got: "no column".into(),
            }
        }
        Err(error) => error,
    }
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
            let tokeniser =
                Tokeniser::load_pretrained(path, recipe.lowercase, recipe.strip_accents)?;
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

/// What of the texts of a recipe is not used as it was given; only objectives that pack texts read their ends.
pub fn ledger(
    texts: &Arc<dyn DocumentSource>,
    preprocess: &TextPreprocess,
    target: Target,
) -> Ledger {
    let tokens = TokenTexts::new(texts.clone(), preprocess.clone());
    let mut ledger = match target {
        Target::Items => {
            let mut ledger = texts.ledger();
            let ends = "their ends are not read but by objectives that pack texts";
            ledger.extend(tokens.unread(ends));
            ledger
        }
        target => Texts::new(texts.clone(), preprocess.clone()).ledger(target),
    };
    let (longest, length) = (preprocess.tokeniser().longest(), preprocess.length());
    if let Some(longest) = longest.filter(|longest| *longest < length) {
        let becomes = format!(
            "is made for sequences of at most {longest} tokens, as its tokenizer_config.json says, and is used for {length}"
        );
        let key = format!("data.tokens.length = {longest}");
        ledger.add(Remark::new("tokeniser", 1, becomes).key(key));
    }
    ledger
}

/// Whether a model that learnt from the texts of a recipe is given as many of them at a time.
///
/// # Errors
/// [`DataError::Config`] if it learnt from pairs and is given single texts, or the other way round.
pub fn check_pairs(learnt: &DataRecipe, given: &DataRecipe) -> Result<(), DataError> {
    let pairs = |recipe: &DataRecipe| recipe.text.len() == 2;
    let path = given.path.as_deref().unwrap_or(Path::new("")).display();
    let (expected, got) = match (pairs(learnt), pairs(given)) {
        (true, false) => (
            format!(
                "two columns of a table, such as {:?}, for the model learnt from pairs of texts",
                learnt.text
            ),
            format!("single texts of {path}"),
        ),
        (false, true) => (
            "one column, for the model learnt from single texts".to_owned(),
            format!("pairs of {path}, in {:?}", given.text),
        ),
        _ => return Ok(()),
    };
    Err(DataError::Config {
        name: "data.text",
        expected,
        got,
    })
}

/// Whether the first lines of a file are words with a tab and a tag each, and blank lines part them.
pub fn holds_tags(path: &Path) -> bool {
    let Ok(lines) = TextFile::open(path, TextFileConfig::default()) else {
        return false;
    };
    let looked_at = lines.len().min(TAGGED_LINES);
    let parted = lines.id(looked_at - 1) != looked_at.to_string();
    parted
        && (0..looked_at).all(|index| {
            let line = lines.get(index).map(|line| line.text).unwrap_or_default();
            let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
            matches!(cells[..], [word, tag] if !word.is_empty() && !tag.is_empty())
        })
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
