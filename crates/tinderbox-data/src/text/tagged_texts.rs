//! Documents of tagged words as tokens.

use std::collections::HashMap;

use burn::data::dataset::Dataset;

use super::tagging::TaggedSample;
use super::token_texts::{PlainTokens, TokenTexts};
use super::unread::{Looked, place};
use super::{sentences, words};
use crate::{DataError, Labelled, Ledger, SampleRng, View};

/// Documents as sequences of tokens some of which have a class: the first of each word, that of its tag. A document is cut at the length of a
/// sequence, as it is for training.
#[derive(Clone)]
pub struct TaggedTexts {
    texts: TokenTexts,
    /// The number of each tag.
    classes: HashMap<String, u32>,
}

/// The words of a document, and the sequences that hold them all in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WordSequences {
    /// The words.
    pub words: Vec<String>,
    /// Sequences with as many classes as there are words, 0 for a word whose tag is not known.
    pub samples: Vec<TaggedSample>,
}

impl TaggedTexts {
    /// Documents with what makes tokens of them; their class names are the tags.
    pub fn new(texts: TokenTexts) -> Self {
        let names = texts.class_names().iter().cloned();
        Self {
            classes: names.zip(0..).collect(),
            texts,
        }
    }

    /// All words of a document, however long it is. Of a text without tags these are the [`words`](words()) of its [`sentences`](sentences()), each sentence a
    /// sequence, as in a corpus of tagged sentences.
    ///
    /// # Errors
    /// Those of the documents, and [`DataError::Tokeniser`].
    pub fn word_sequences(&self, index: usize) -> Result<WordSequences, DataError> {
        let document = self.texts.documents().get(index)?;
        let mut found = WordSequences::default();
        if !document.words.is_empty() {
            let class = |tag: &str| self.classes.get(tag).copied().unwrap_or(0);
            let classes = document.words.iter().map(|word| class(&word.tag)).collect();
            let words = document.words.into_iter().map(|word| word.word).collect();
            self.add(&mut found, words, classes, index)?;
            return Ok(found);
        }
        for sentence in sentences(&document.text) {
            let words: Vec<String> = words(sentence).map(str::to_owned).collect();
            let classes = vec![0; words.len()];
            self.add(&mut found, words, classes, index)?;
        }
        Ok(found)
    }

    /// What of these documents is not learnt from: those of the source, and sentences that are longer than a sequence.
    pub fn ledger(&self) -> Ledger {
        let (documents, preprocess) = (self.texts.documents(), self.texts.preprocess());
        let looked = Looked::at(documents.len());
        let look = |index| {
            let document = documents.get(index).ok()?;
            let words: Vec<&str> = document.words.iter().map(|word| &word.word[..]).collect();
            let pieces = preprocess.items_of_words(&words).ok()?;
            (pieces.len() > 1).then_some(())
        };
        let mut cut = Vec::new();
        looked.each(look, |index, ()| cut.push(place(&**documents, index)));
        let length = preprocess.length();
        let becomes = format!("are longer than {length} tokens; the words behind are not learnt");
        let mut ledger = documents.ledger();
        ledger.add(
            looked
                .remark("sentences", &cut, &becomes)
                .key("data.tokens.length"),
        );
        ledger
    }

    fn add(
        &self,
        found: &mut WordSequences,
        words: Vec<String>,
        classes: Vec<u32>,
        index: usize,
    ) -> Result<(), DataError> {
        let preprocess = self.texts.preprocess();
        let mut classes = classes.into_iter().map(Some);
        for (item, count) in preprocess.items_of_words(&words)? {
            let classes: Vec<Option<u32>> = classes.by_ref().take(count).collect();
            let sample = TaggedSample::of_words(item, &classes, preprocess.special(), index as u64);
            found.samples.push(sample);
        }
        found.words.extend(words);
        Ok(())
    }
}

impl Dataset<TaggedSample, DataError> for TaggedTexts {
    fn get(&self, index: usize) -> Result<TaggedSample, DataError> {
        let document = self.texts.documents().get(index)?;
        if document.words.is_empty() {
            let got = format!("none in item {}", document.id);
            return Err(DataError::format("words", "words with tags", got));
        }
        let preprocess = self.texts.preprocess();
        let words: Vec<&str> = document.words.iter().map(|word| &word.word[..]).collect();
        let classes = document.words.iter();
        let classes: Vec<Option<u32>> = classes
            .map(|word| self.classes.get(&word.tag).copied())
            .collect();
        let item = preprocess.item_of_words(&words)?;
        let special = preprocess.special();
        Ok(TaggedSample::of_words(
            item,
            &classes,
            special,
            index as u64,
        ))
    }

    fn len(&self) -> usize {
        self.texts.len()
    }
}

impl View<TaggedSample> for PlainTokens {
    type Out = TaggedSample;

    fn apply(&self, sample: TaggedSample, rng: SampleRng) -> TaggedSample {
        TaggedSample {
            index: rng.index(),
            ..sample
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::preprocess;
    use super::super::{DocumentSource, InMemoryDocuments, TaggedFile, TextFileConfig};
    use super::*;

    fn texts(documents: Arc<dyn DocumentSource>) -> TaggedTexts {
        let preprocess = preprocess("to be or not to be that is the question . ?", 6);
        TaggedTexts::new(TokenTexts::new(documents, preprocess))
    }

    #[test]
    fn a_sentence_has_the_class_of_each_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tags.tsv");
        let text = "to\tto\nbe\tbe\nor\tcc\nnot\t*\nto\tto\nbe\tbe\n\nthat\tdt\n";
        std::fs::write(&path, text).unwrap();
        let file = TaggedFile::open(&path, TextFileConfig::default()).unwrap();
        assert_eq!(file.class_names(), ["*", "be", "cc", "dt", "to"]);
        let texts = texts(Arc::new(file));
        let cut = Dataset::get(&texts, 0).unwrap();
        assert_eq!(cut.tags, [None, Some(4), Some(1), Some(2), Some(0), None]);
        let remarks = texts.ledger();
        let remarks: Vec<String> = remarks.remarks().iter().map(ToString::to_string).collect();
        assert_eq!(
            remarks,
            [
                "1 of 2 sentences are longer than 6 tokens; the words behind are not learnt (line 1 of tags.tsv); `data.tokens.length` changes that"
            ]
        );
        // For prediction no word is cut.
        let all = texts.word_sequences(0).unwrap();
        assert_eq!(all.words.len(), 6);
        assert_eq!(all.samples.len(), 2);
        assert_eq!(all.samples[0], cut);
        assert_eq!(all.samples[1].tags, [None, Some(4), Some(1), None]);
    }

    #[test]
    fn raw_text_has_words_and_nothing_to_learn() {
        let documents = InMemoryDocuments::new(["To be? That is the question.", " "]);
        let texts = texts(Arc::new(documents));
        let found = texts.word_sequences(0).unwrap();
        let words = ["To", "be", "?", "That", "is", "the", "question", "."];
        assert_eq!(found.words, words);
        let classes = found.samples.iter().flat_map(|sample| &sample.tags);
        assert_eq!(classes.filter(|tag| tag.is_some()).count(), words.len());
        assert_eq!(found.samples[0].tags[1..4], [Some(0); 3]);
        assert_eq!(texts.word_sequences(1).unwrap(), WordSequences::default());
        let error = Dataset::get(&texts, 0).unwrap_err().to_string();
        assert!(error.contains("words with tags"), "{error}");
    }
}
