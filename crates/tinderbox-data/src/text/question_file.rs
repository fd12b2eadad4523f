//! A file of questions about texts.

use std::borrow::Cow;
use std::path::Path;

use burn::data::dataset::Dataset;
use serde::Deserialize;
use serde_json::Value;

use super::document::{Answer, Document};
use super::plain_text::{LOSSY, json_fault};
use super::unpack::read_unpacked;
use crate::{Content, DataError, Labelled, Ledger, Remark};

/// Questions with the texts that answer them, as in SQuAD (Rajpurkar et al. 2016, and 2018 for questions without an answer): JSON with
/// `data`, `paragraphs`, `context`, `qas`, `question`, `id`, and of each answer `text` and `answer_start`, in characters.
///
/// A question with bytes that are not UTF-8, in itself or in its text, is not read, or with `lossy` is read with U+FFFD in their place.
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
    /// Questions with bytes that are not UTF-8.
    damaged: Vec<String>,
    lossy: bool,
}

/// Stands for bytes that are not UTF-8 while JSON is read; it is no character of any text.
const NO_TEXT: char = '\u{fdd0}';

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
    pub fn open(path: impl AsRef<Path>, lossy: bool) -> Result<Self, DataError> {
        let path = path.as_ref();
        let bytes = read_unpacked(path)?;
        let json = marked(&bytes);
        let whole: Whole = serde_json::from_str(&json).map_err(|error| DataError::Line {
            path: path.to_path_buf(),
            line: error.line() as u64,
            what: "questions".into(),
            expected: "JSON as SQuAD has it".into(),
            got: json_fault(&error, json.as_bytes()),
        })?;
        let (mut contexts, mut questions) = (Vec::new(), Vec::<Question>::new());
        let mut damaged = Vec::new();
        let mut place = 0;
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
            let no_text = paragraph.context.contains(NO_TEXT);
            contexts.push(mended(paragraph.context));
            for qas in paragraph.qas {
                let id = match &qas["id"] {
                    Value::String(id) => id.clone(),
                    Value::Number(id) => id.to_string(),
                    _ => place.to_string(),
                };
                place += 1;
                match serde_json::from_value::<Qas>(qas) {
                    Ok(qas) => {
                        if no_text || qas.is_damaged() {
                            damaged.push(format!("question {}", mended(id.clone())));
                            if !lossy {
                                continue;
                            }
                        }
                        let (id, qas) = (mended(id), qas.mended());
                        questions.push(Question { context, id, qas });
                    }
                    Err(error) => malformed.push(format!("question {id}: {error}")),
                }
            }
        }
        if questions.is_empty() {
            malformed.extend(damaged.iter().map(|id| format!("{id}: {DAMAGED}")));
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
            damaged,
            lossy,
        })
    }
}

const DAMAGED: &str = "bytes that are not UTF-8";

/// The text of bytes, with a mark for those that are none.
fn marked(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(NO_TEXT);
        }
    }
    Cow::Owned(text)
}

/// A text with U+FFFD for its marks.
fn mended(text: String) -> String {
    match text.contains(NO_TEXT) {
        true => text.replace(NO_TEXT, "\u{fffd}"),
        false => text,
    }
}

impl Qas {
    fn is_damaged(&self) -> bool {
        let mut answers = self.answers.iter().flatten();
        self.question.contains(NO_TEXT) || answers.any(|answer| answer.text.contains(NO_TEXT))
    }

    fn mended(self) -> Self {
        let answers = self.answers.map(|answers| {
            let answers = answers.into_iter().map(|answer| Span {
                text: mended(answer.text),
                ..answer
            });
            answers.collect()
        });
        Self {
            question: mended(self.question),
            answers,
        }
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
        let damaged = self.damaged.iter().take(3).cloned();
        ledger.add(match self.lossy {
            true => {
                let becomes = format!("hold {DAMAGED}, read as \u{fffd}");
                Remark::new("questions", self.damaged.len(), becomes).examples(damaged)
            }
            false => {
                let becomes = format!("or their texts hold {DAMAGED}, and are not read");
                let remark = Remark::new("questions", self.damaged.len(), becomes);
                remark.examples(damaged).key(LOSSY)
            }
        });
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
        let file = QuestionFile::open(&path, false);
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
    fn bytes_that_are_no_text_cost_their_questions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("questions.json");
        let mut bytes = FILE.as_bytes().to_vec();
        let at = FILE.find("Why?").unwrap();
        bytes[at] = 0xff;
        std::fs::write(&path, &bytes).unwrap();
        let strict = QuestionFile::open(&path, false).unwrap();
        let ids: Vec<String> = (0..strict.len()).map(|index| strict.id(index)).collect();
        assert_eq!(ids, ["a", "c", "3"]);
        assert_eq!(
            strict.ledger().remarks()[0].to_string(),
            "1 questions or their texts hold bytes that are not UTF-8, and are not read (question 17); `data.tokens.lossy = true` changes that"
        );
        let lossy = QuestionFile::open(&path, true).unwrap();
        assert_eq!(lossy.len(), 4);
        assert_eq!(lossy.get(1).unwrap().text, "\u{fffd}hy?");
        // Answers stand where they did.
        let first = lossy.get(0).unwrap();
        assert_eq!(
            first.answers[0].bytes_in(&first.second.unwrap()),
            Some(9..15)
        );
        let told = lossy.ledger().remarks()[0].to_string();
        assert!(told.contains("read as \u{fffd} (question 17)"), "{told}");
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
