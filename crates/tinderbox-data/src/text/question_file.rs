//! A file of questions about texts.

use std::path::Path;

use burn::data::dataset::Dataset;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Answer, Document};
use super::unpack::read_unpacked;
use crate::{Content, DataError, Labelled, Ledger, Remark};

/// Questions with the texts that answer them, as in SQuAD (Rajpurkar et al. 2016, and 2018 for questions without an answer): JSON with
/// `data`, `paragraphs`, `context`, `qas`, `question`, `id`, and of each answer `text` and `answer_start`, in characters.
///
/// A question is a [`Document`] whose [`second`](Document::second) is the text, with [`answers`](Document::answers); it has none if it cannot be
/// answered. Whether its answers stand where they are said to is for those who learn from them to ask; a question without an `id` has its place in
/// the file as one.
#[derive(Debug)]
pub struct QuestionFile {
    contexts: Vec<String>,
    questions: Vec<Question>,
    /// What is wrong with each part that is not read.
    malformed: Vec<String>,
}

#[derive(Debug)]
struct Question {
    context: usize,
    id: String,
    qas: Qas,
}

#[derive(Deserialize)]
struct Whole {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    paragraphs: Vec<Value>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Qas {
    question: String,
    answers: Option<Vec<Span>>,
}

#[derive(Debug, Deserialize)]
struct Span {
    text: String,
    answer_start: i64,
}

impl QuestionFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Those of [`read_unpacked`]; [`DataError::Line`] if it is no JSON with articles of paragraphs; [`DataError::NothingReadable`] or
    /// [`DataError::Empty`] without a question.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let bytes = read_unpacked(path)?;
        let whole: Whole = serde_json::from_slice(&bytes).map_err(|error| DataError::Line {
            path: path.to_path_buf(),
            line: error.line() as u64,
            what: "questions".into(),
            expected: "JSON as SQuAD has it".into(),
            got: error.to_string(),
        })?;
        let (mut contexts, mut questions) = (Vec::new(), Vec::<Question>::new());
        // A part of another form costs itself.
        let mut malformed = Vec::new();
        let articles = whole.data.into_iter();
        let paragraphs = articles.flat_map(|article| article.paragraphs);
        for (number, paragraph) in paragraphs.enumerate() {
            let paragraph = match serde_json::from_value::<Paragraph>(paragraph) {
                Ok(paragraph) => paragraph,
                Err(error) => {
                    malformed.push(format!("paragraph {number}: {error}"));
                    continue;
                }
            };
            let context = contexts.len();
            contexts.push(paragraph.context);
            for qas in paragraph.qas {
                let id = match &qas["id"] {
                    Value::String(id) => id.clone(),
                    Value::Number(id) => id.to_string(),
                    _ => (questions.len() + malformed.len()).to_string(),
                };
                match serde_json::from_value(qas) {
                    Ok(qas) => questions.push(Question { context, id, qas }),
                    Err(error) => malformed.push(format!("question {id}: {error}")),
                }
            }
        }
        if questions.is_empty() {
            return Err(match malformed.len() {
                0 => DataError::Empty {
                    path: path.to_path_buf(),
                    what: "question",
                    ignored: 0,
                },
                items => DataError::NothingReadable {
                    items,
                    reasons: malformed.into_iter().take(3).collect(),
                },
            });
        }
        Ok(Self {
            contexts,
            questions,
            malformed,
        })
    }
}

impl Span {
    /// The answer; one that begins outside of the text begins behind its end.
    fn answer(&self, context: &str) -> Answer {
        let mut starts = context.char_indices().map(|(byte, _)| byte);
        let place = usize::try_from(self.answer_start).ok();
        let start = place.and_then(|place| starts.nth(place));
        Answer {
            text: self.text.clone(),
            start: start.unwrap_or(context.len()),
        }
    }
}

impl Dataset<Document, DataError> for QuestionFile {
    fn get(&self, index: usize) -> Result<Document, DataError> {
        let Question { context, id, qas } = &self.questions[index];
        let context = &self.contexts[*context];
        let answers = qas.answers.iter().flatten();
        Ok(Document {
            text: qas.question.clone(),
            second: Some(context.clone()),
            words: Vec::new(),
            answers: answers.map(|span| span.answer(context)).collect(),
            label: None,
            id: id.clone(),
        })
    }

    fn len(&self) -> usize {
        self.questions.len()
    }
}

impl Labelled for QuestionFile {
    /// None: a question has answers.
    fn label(&self, _index: usize) -> Option<u32> {
        None
    }

    fn class_names(&self) -> &[String] {
        &[]
    }

    fn id(&self, index: usize) -> String {
        self.questions[index].id.clone()
    }

    /// Parts of another form, and questions whose answer is not where it is said to be.
    fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        let becomes = "are not as SQuAD has them, and are not read";
        let malformed = Remark::new("questions or texts", self.malformed.len(), becomes);
        ledger.add(malformed.examples(self.malformed.iter().take(3).cloned()));
        let misplaced = |Question { context, id, qas }: &Question| {
            let span = qas.answers.as_ref()?.first()?;
            let context = &self.contexts[*context];
            let stands = span.answer(context).bytes_in(context).is_some();
            let (text, start) = (&span.text, span.answer_start);
            (!stands).then(|| format!("{id}: {text:?} at character {start}"))
        };
        let misplaced: Vec<String> = self.questions.iter().filter_map(misplaced).collect();
        let becomes =
            "have an answer that does not stand where it is said to, and are not learnt from";
        let remark = Remark::new("questions", misplaced.len(), becomes);
        ledger.add(remark.of(self.len()).examples(misplaced));
        ledger
    }
}

impl Content for QuestionFile {
    /// The bytes of the question, of its text and of its answers, each behind its length.
    fn content(&self, index: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), DataError> {
        let Question { context, qas, .. } = &self.questions[index];
        let mut text = |text: &str| {
            sink(&(text.len() as u64).to_le_bytes());
            sink(text.as_bytes());
        };
        text(&qas.question);
        text(&self.contexts[*context]);
        for span in qas.answers.iter().flatten() {
            text(&span.text);
            text(&span.answer_start.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str) -> (tempfile::TempDir, Result<QuestionFile, DataError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("questions.json");
        std::fs::write(&path, text).unwrap();
        let file = QuestionFile::open(&path);
        (folder, file)
    }

    const FILE: &str = r#"{"version": "1", "data": [{"title": "T", "paragraphs": [
        {"context": "Käse is cheese.", "qas": [
            {"id": "a", "question": "What is Käse?", "answers": [{"text": "cheese", "answer_start": 8}]},
            {"id": 17, "question": "Why?", "is_impossible": true, "answers": null},
            {"id": "c", "question": "Where?", "answers": [
                {"text": "cheese", "answer_start": 9}, {"text": "cheese", "answer_start": -1}]}]},
        {"context": "", "qas": [{"question": "Who?"}]}]}]}"#;

    #[test]
    fn questions_have_texts_and_answers_by_their_bytes() {
        for text in [FILE.to_owned(), format!("\u{feff}{FILE}")] {
            let (_folder, file) = open(&text);
            let file = file.unwrap();
            let ids: Vec<String> = (0..4).map(|index| file.id(index)).collect();
            assert_eq!(
                (file.len(), &ids[..]),
                (4, &["a", "17", "c", "3"].map(String::from)[..])
            );
            let first = file.get(0).unwrap();
            assert_eq!(first.text, "What is K\u{e4}se?");
            let (context, answer) = (first.second.unwrap(), &first.answers[0]);
            // A letter of two bytes stands before.
            assert_eq!(answer.bytes_in(&context), Some(9..15));
            let remarks = file.ledger();
            assert_eq!(
                remarks.remarks()[0].to_string(),
                "1 of 4 questions have an answer that does not stand where it is said to, and are not learnt from \
                 (c: \"cheese\" at character 9)"
            );
            assert!(file.get(1).unwrap().answers.is_empty());
            let third = file.get(2).unwrap();
            assert!(
                third
                    .answers
                    .iter()
                    .all(|answer| answer.bytes_in(&context).is_none())
            );
            assert_eq!(file.get(3).unwrap().second.as_deref(), Some(""));
        }
    }

    #[test]
    fn what_is_no_file_of_questions_says_so() {
        let error = |text: &str| open(text).1.unwrap_err().to_string();
        let cut = error(&FILE[..FILE.len() / 2]);
        assert!(
            cut.contains("questions.json:") && cut.contains("SQuAD"),
            "{cut}"
        );
        assert!(error("[]").contains("SQuAD"));
        let odd = FILE.replace("\"answers\": null", "\"answers\": \"none\"");
        let (_folder, file) = open(&odd.replace("\"context\": \"\",", ""));
        let file = file.unwrap();
        assert_eq!((file.len(), &*file.id(1)), (2, "c"));
        let told = file.ledger().remarks()[0].to_string();
        let expected = "2 questions or texts are not as SQuAD has them, and are not read (question 17: invalid type: string \
                        \"none\", expected a sequence, paragraph 1: missing field `context`)";
        assert_eq!(told, expected);
        let none = error(r#"{"data": [{"paragraphs": [{"qas": []}]}]}"#);
        assert!(none.contains("missing field `context`"), "{none}");
        let none = open(r#"{"data": []}"#).1;
        assert!(matches!(none, Err(DataError::Empty { .. })));
    }
}
