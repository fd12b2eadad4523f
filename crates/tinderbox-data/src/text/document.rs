//! Documents, and data sets of them.

use std::ops::Range;

use burn::data::dataset::Dataset;

use crate::{Content, DataError, Labelled, Named};

/// A piece of text with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The text.
    pub text: String,
    /// The other text, if this is a pair.
    pub second: Option<String>,
    /// The words of the text with their tags, if they are tagged; else none.
    pub words: Vec<TaggedWord>,
    /// Where [`second`](Self::second) answers the text, if that is a question; any of them is right.
    pub answers: Vec<Answer>,
    /// The number of the class, if it is known.
    pub label: Option<u32>,
    /// Its name in the data set.
    pub id: String,
}

/// A word with its tag, such as its part of speech.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedWord {
    /// The word.
    pub word: String,
    /// The name of its class.
    pub tag: String,
}

/// A part of a text that answers a question, as somebody marked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub text: String,
    /// The byte of the text where it is said to begin.
    pub start: usize,
}

impl Answer {
    /// The bytes that it takes, if it stands there.
    pub fn bytes_in(&self, text: &str) -> Option<Range<usize>> {
        let bytes = self.start..self.start.checked_add(self.text.len())?;
        let stands = !self.text.is_empty() && text.get(bytes.clone()) == Some(&self.text);
        stands.then_some(bytes)
    }
}

impl Named for Document {
    fn rename(&mut self, label: Option<u32>, id: String) {
        (self.label, self.id) = (label, id);
    }
}

/// A data set of documents, for code that takes any of them.
///
/// Everything that is a data set of [`Document`], [`Labelled`] and has [`Content`] is one.
pub trait DocumentSource: Dataset<Document, DataError> + Labelled + Content {}

impl<T: Dataset<Document, DataError> + Labelled + Content + ?Sized> DocumentSource for T {}

/// Documents held in memory, with or without labels.
///
/// ```
/// use burn::data::dataset::Dataset;
/// use tinderbox_data::text::InMemoryDocuments;
/// let documents = InMemoryDocuments::new(["to be", "or not to be"]);
/// assert_eq!(documents.get(1)?.text, "or not to be");
/// # Ok::<(), tinderbox_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InMemoryDocuments {
    texts: Vec<String>,
    labels: Option<Vec<u32>>,
    class_names: Vec<String>,
}

impl InMemoryDocuments {
    /// Documents without labels.
    pub fn new<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self {
            texts: texts.into_iter().map(Into::into).collect(),
            labels: None,
            class_names: Vec::new(),
        }
    }

    /// Gives every document its label.
    ///
    /// # Errors
    /// [`DataError::Config`] when there is not one label for each document, or a label has no class name.
    pub fn with_labels(
        mut self,
        labels: Vec<u32>,
        class_names: Vec<String>,
    ) -> Result<Self, DataError> {
        if labels.len() != self.texts.len() {
            let expected = format!("{}, one for each document", self.texts.len());
            return Err(DataError::config("labels", expected, labels.len()));
        }
        let classes = class_names.len();
        if let Some(label) = labels.iter().find(|label| **label as usize >= classes) {
            let expected = format!("values below {classes}");
            return Err(DataError::config("labels", expected, label));
        }
        self.labels = Some(labels);
        self.class_names = class_names;
        Ok(self)
    }
}

impl Dataset<Document, DataError> for InMemoryDocuments {
    fn get(&self, index: usize) -> Result<Document, DataError> {
        Ok(Document {
            text: self.texts[index].clone(),
            second: None,
            words: Vec::new(),
            answers: Vec::new(),
            label: self.label(index),
            id: self.id(index),
        })
    }

    fn len(&self) -> usize {
        self.texts.len()
    }
}

impl Labelled for InMemoryDocuments {
    fn label(&self, index: usize) -> Option<u32> {
        self.labels.as_ref().map(|labels| labels[index])
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn id(&self, index: usize) -> String {
        index.to_string()
    }
}

impl Content for InMemoryDocuments {
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        sink(self.texts[index].as_bytes());
        Ok(())
    }
}
