//! Two texts that belong together, each a sequence of its own.

use burn::data::dataset::Dataset;

use super::TokenItem;
use super::token_texts::{PlainTokens, TokenTexts, numbered, view};
use crate::{Collate, DataError, PlainBatch, SampleRng, View};

/// The two texts of each document as sequences of tokens, such as a question and its answer, or a sentence and what follows from it.
#[derive(Clone)]
pub struct PairedTexts {
    texts: TokenTexts,
}

impl PairedTexts {
    /// Documents of two texts with what makes tokens of them.
    pub fn new(texts: TokenTexts) -> Self {
        Self { texts }
    }
}

impl Dataset<[TokenItem; 2], DataError> for PairedTexts {
    fn get(&self, index: usize) -> Result<[TokenItem; 2], DataError> {
        let document = self.texts.documents().get(index)?;
        let Some(second) = document.second else {
            let got = format!("one text in item {}", document.id);
            return Err(DataError::format("pair", "two texts", got));
        };
        let preprocess = self.texts.preprocess();
        Ok([
            preprocess.item(&document.text, None)?,
            preprocess.item(&second, None)?,
        ])
    }

    fn len(&self) -> usize {
        self.texts.len()
    }
}

/// Two sequences with the index of their item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairSample {
    /// The sequences.
    pub items: [TokenItem; 2],
    /// The index of the item in the data set.
    pub index: u64,
}

impl View<[TokenItem; 2]> for PlainTokens {
    type Out = PairSample;

    fn apply(&self, items: [TokenItem; 2], rng: SampleRng) -> PairSample {
        PairSample {
            items,
            index: rng.index(),
        }
    }
}

/// Pads [`PairSample`]s to a batch: the first texts are view 0, the second ones view 1, each as long as its longest sequence.
///
/// Gives `tokens`, `segments` and `padding` (1 where a token is padding), each `[B, T]`, and `tokens1`, `segments1` and `padding1`, each `[B, U]`,
/// all of `i64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairCollate {
    /// The id that fills sequences up; its segment is 0.
    pub pad: u32,
}

impl Collate<PairSample> for PairCollate {
    /// # Panics
    /// If there are no samples.
    fn collate(&self, samples: Vec<PairSample>) -> PlainBatch {
        let of_view = |number: usize| {
            let items = samples.iter().map(move |sample| &sample.items[number]);
            numbered(view(items, self.pad), number)
        };
        PlainBatch {
            indices: samples.iter().map(|sample| sample.index).collect(),
            tensors: [0, 1].into_iter().flat_map(of_view).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::{preprocess, rng};
    use super::super::{DocumentSource, InMemoryDocuments, QuestionFile};
    use super::*;

    const CONTEXT: &str = "to be or not to be that is the question";

    fn texts(documents: Arc<dyn DocumentSource>) -> PairedTexts {
        PairedTexts::new(TokenTexts::new(documents, preprocess(CONTEXT, 6)))
    }

    #[test]
    fn each_text_is_a_view_of_its_own_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("questions.json");
        let asked =
            |question| serde_json::json!({"id": question, "question": question, "answers": []});
        let asked = [asked("to be"), asked("that is the")];
        let file =
            serde_json::json!({"data": [{"paragraphs": [{"context": CONTEXT, "qas": asked}]}]});
        std::fs::write(&path, file.to_string()).unwrap();
        let texts = texts(Arc::new(QuestionFile::open(&path, false).unwrap()));
        let sample = |index: usize| PlainTokens.apply(texts.get(index).unwrap(), rng(index as u64));
        let samples = vec![sample(0), sample(1)];
        let [first, second] = &samples[0].items;
        // What is too long is cut, each text by itself.
        assert_eq!((first.tokens.len(), second.tokens.len()), (4, 6));
        let segments = first.segments.iter().chain(&second.segments);
        assert!(segments.into_iter().all(|segment| *segment == 0));
        let batch = PairCollate { pad: 0 }.collate(samples);
        let names: Vec<&str> = batch.tensors.iter().map(|(name, _)| &name[..]).collect();
        let expected = "tokens segments padding tokens1 segments1 padding1";
        assert_eq!(names.join(" "), expected);
        let shape = |place: usize| batch.tensors[place].1.shape().to_vec();
        assert_eq!([shape(0), shape(3)], [vec![2, 5], vec![2, 6]]);
        let pads = batch.tensors[2].1.as_slice::<i64>().unwrap();
        assert_eq!(pads, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(batch.indices, [0, 1]);
    }

    #[test]
    fn a_text_alone_is_no_pair() {
        let error = texts(Arc::new(InMemoryDocuments::new(["be"]))).get(0);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("two texts"), "{error}");
    }
}
