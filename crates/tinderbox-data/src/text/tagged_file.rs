//! A file of sentences whose words have tags.

use std::collections::BTreeSet;
use std::path::Path;

use burn::data::dataset::Dataset;
use rayon::prelude::*;

use super::document::{Document, TaggedWord};
use super::text_file::{TextFile, TextFileConfig, TextUnit};
use crate::classes::sort;
use crate::{Content, DataError, Labelled, Ledger, Remark};

/// The most characters of a line that an error shows.
const SHOWN: usize = 60;

/// Sentences of tagged words, such as those of a corpus with parts of speech: a word, a tab and its tag in each line, and a blank line
/// behind each sentence.
///
/// A sentence is a [`Document`] with [`words`](Document::words); its text has a space between them. The classes are the tags of all
/// words, sorted as the classes of a [`TextFile`] are; a sentence as a whole has none.
///
/// A line of another form is an error with file and line when its sentence is asked for, so that it costs one item. All else is
/// as with [`TextFile`].
#[derive(Debug)]
pub struct TaggedFile {
    file: TextFile,
    class_names: Vec<String>,
    /// Sentences with a line that is no word, a tab and its tag.
    malformed: Vec<usize>,
}

impl TaggedFile {
    /// Opens a file, and reads it once for its tags. What `config` says of the unit has no part.
    ///
    /// # Errors
    /// Those of [`TextFile::open`]; [`DataError::NothingReadable`] if no sentence has the form.
    pub fn open(path: impl AsRef<Path>, config: TextFileConfig) -> Result<Self, DataError> {
        let unit = TextUnit::Paragraph;
        let file = TextFile::open(path, TextFileConfig { unit, ..config })?;
        let read: Vec<Option<Vec<TaggedWord>>> = (0..file.len())
            .into_par_iter()
            .map(|index| words(&file, index).ok())
            .collect();
        let without = read.iter().enumerate();
        let without = without.filter_map(|(index, words)| words.is_none().then_some(index));
        // What is no text is told as such.
        let malformed = without.filter(|index| file.text(*index).is_ok()).collect();
        let words_of_all = read.into_iter().flatten().flatten();
        let tags: BTreeSet<String> = words_of_all.map(|word| word.tag).collect();
        if tags.is_empty() {
            return Err(DataError::NothingReadable {
                items: file.len(),
                reasons: (words(&file, 0).err().iter().map(DataError::to_string)).collect(),
            });
        }
        let mut tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        sort(&mut tags);
        Ok(Self {
            class_names: tags.into_iter().map(str::to_owned).collect(),
            malformed,
            file,
        })
    }
}

/// The words of a sentence, at least one.
fn words(file: &TextFile, index: usize) -> Result<Vec<TaggedWord>, DataError> {
    let text = file.text(index)?;
    let mut offset = 0;
    let mut words = Vec::new();
    for line in text.split_inclusive('\n') {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let [word, tag] = cells[..] else {
            let shown: String = line.trim_end().chars().take(SHOWN).collect();
            let got = format!("{} cells in {shown:?}", cells.len());
            return Err(malformed(file, index, offset, got));
        };
        if word.is_empty() || tag.is_empty() {
            return Err(malformed(file, index, offset, "an empty cell".into()));
        }
        words.push(TaggedWord {
            word: word.to_owned(),
            tag: tag.to_owned(),
        });
        offset += line.len();
    }
    Ok(words)
}

fn malformed(file: &TextFile, index: usize, offset: usize, got: String) -> DataError {
    let expected = "a word, a tab and its tag".to_owned();
    file.wrong(index, offset, "line", expected, got)
}

impl Dataset<Document, DataError> for TaggedFile {
    fn get(&self, index: usize) -> Result<Document, DataError> {
        let words = words(&self.file, index)?;
        let spelt: Vec<&str> = words.iter().map(|word| word.word.as_str()).collect();
        Ok(Document {
            text: spelt.join(" "),
            second: None,
            words,
            answers: Vec::new(),
            label: None,
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.file.len()
    }
}

impl Labelled for TaggedFile {
    /// None: tags are of words.
    fn label(&self, _index: usize) -> Option<u32> {
        None
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        self.file.id(index)
    }

    fn place(&self, index: usize) -> Option<String> {
        self.file.place(index)
    }

    fn ledger(&self) -> Ledger {
        let mut ledger = self.file.ledger();
        let becomes = "have a line that is no word, a tab and its tag, and are not read";
        let malformed = Remark::new("sentences", self.malformed.len(), becomes);
        let errors = self.malformed.iter().take(3);
        let errors = errors.filter_map(|index| words(&self.file, *index).err());
        ledger.add(
            malformed
                .of(self.len())
                .examples(errors.map(|e| e.to_string())),
        );
        ledger
    }
}

impl Content for TaggedFile {
    /// The bytes of the sentence, words and tags.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        self.file.content(index, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &[u8]) -> (tempfile::TempDir, Result<TaggedFile, DataError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tags.tsv");
        std::fs::write(&path, text).unwrap();
        let file = TaggedFile::open(&path, TextFileConfig::default());
        (folder, file)
    }

    #[test]
    fn sentences_have_words_and_words_have_tags() {
        let (_folder, file) =
            open("\u{feff}A\tat\r\nsea\tnn\r\n\r\n\n It \tpps\nK\u{e4}se\tnn\n".as_bytes());
        let file = file.unwrap();
        assert_eq!(file.class_names(), ["at", "nn", "pps"]);
        assert_eq!((file.len(), file.label(0)), (2, None));
        let second = file.get(1).unwrap();
        assert_eq!(second.text, "It K\u{e4}se");
        let of = |word: &TaggedWord| (word.word.clone(), word.tag.clone());
        let words: Vec<(String, String)> = second.words.iter().map(of).collect();
        assert_eq!(words[0], ("It".into(), "pps".into()));
        assert_eq!(words[1], ("K\u{e4}se".into(), "nn".into()));
    }

    #[test]
    fn a_line_of_another_form_costs_its_sentence() {
        let (_folder, file) = open(b"A\tat\n\nsea\tnn\nwave\n\nsea\tnn\tmore\n\n\tx\n\n\xff\tz\n");
        let file = file.unwrap();
        assert_eq!(file.class_names(), ["at"]);
        let error = |index| Dataset::get(&file, index).unwrap_err().to_string();
        assert!(
            error(1).contains("tags.tsv:4: line: expected a word, a tab"),
            "{}",
            error(1)
        );
        assert!(error(2).contains("tags.tsv:6:") && error(2).contains("3 cells"));
        assert!(error(3).contains("an empty cell"), "{}", error(3));
        assert!(error(4).contains("UTF-8"), "{}", error(4));
    }

    #[test]
    fn a_file_without_tags_is_refused() {
        let (_folder, file) = open(b"raw text\nof two lines\n\nand one more\n");
        let error = file.unwrap_err().to_string();
        assert!(
            error.contains("none of the 2 items") && error.contains("1 cells"),
            "{error}"
        );
        let (_folder, file) = open(b"\n\n");
        assert!(matches!(file, Err(DataError::Empty { .. })));
    }
}
