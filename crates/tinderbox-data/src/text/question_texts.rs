//! Questions as tokens.

use burn::data::dataset::Dataset;

use super::context_windows::ContextWindows;
use super::document::Document;
use super::span::SpanSample;
use super::token_texts::TokenTexts;
use super::unread::Looked;
use crate::{DataError, Ledger, SampleRng, View};

/// Pairs of a question and the text that is to answer it, as windows of tokens.
#[derive(Clone)]
pub struct QuestionTexts {
    texts: TokenTexts,
}

/// A question with all of its text.
#[derive(Debug, Clone)]
pub struct Question {
    /// The question, its text and its answers.
    pub document: Document,
    /// Question and text as a model reads them, with the first of the answers.
    pub windows: ContextWindows,
}

impl QuestionTexts {
    /// Pairs with what makes tokens of them.
    pub fn new(texts: TokenTexts) -> Self {
        Self { texts }
    }

    /// A question, whether or not its answers are where they are said to be.
    ///
    /// # Errors
    /// Those of the documents, [`DataError::Tokeniser`], and [`DataError::Format`] for a text alone.
    pub fn question(&self, index: usize) -> Result<Question, DataError> {
        let document = self.texts.documents().get(index)?;
        let Some(context) = &document.second else {
            let got = format!("a text alone in item {}", document.id);
            return Err(DataError::format("question", "a question and a text", got));
        };
        let answer = document.answers.first();
        let answer = answer.and_then(|answer| answer.bytes_in(context));
        let preprocess = self.texts.preprocess();
        Ok(Question {
            windows: ContextWindows::new(preprocess, &document.text, context, answer)?,
            document,
        })
    }
}

impl QuestionTexts {
    /// What of these questions is not read or learnt from: those of the source, ends of long questions, and answers that no sequence holds.
    pub fn ledger(&self) -> Ledger {
        let documents = self.texts.documents();
        let looked = Looked::at(documents.len());
        let (mut cut, mut long) = (Vec::new(), Vec::new());
        let look = |index| {
            let Question { document, windows } = self.question(index).ok()?;
            let held = (0..windows.count()).any(|place| windows.holds_answer(place));
            let lost = windows.has_answer() && !held;
            Some((document.id, windows.cuts_question(), lost))
        };
        looked.each(look, |_, (id, cuts, lost)| {
            if cuts {
                cut.push(format!("question {id}"));
            }
            if lost {
                long.push(format!("question {id}"));
            }
        });
        let length = self.texts.preprocess().length();
        let mut ledger = documents.ledger();
        let becomes = format!("take more than half of {length} tokens; their ends are not read");
        let cut = looked.remark("questions", &cut, &becomes);
        ledger.add(cut.key("data.tokens.length"));
        let becomes = format!(
            "have an answer that no sequence of {length} tokens holds, and are not learnt from"
        );
        let long = looked.remark("questions", &long, &becomes);
        ledger.add(long.key("data.tokens.length"));
        ledger
    }
}

/// Questions to learn from. One whose answer does not stand where it is said to, or is too long for a window, is an error that costs one item.
impl Dataset<Question, DataError> for QuestionTexts {
    fn get(&self, index: usize) -> Result<Question, DataError> {
        let question = self.question(index)?;
        let Question { document, windows } = &question;
        let Some(answer) = document.answers.first() else {
            return Ok(question);
        };
        let context = document.second.as_deref().unwrap_or_default();
        let wrong = |got: String| {
            let expected = format!("the answer of question {} in its text", document.id);
            Err(DataError::format("answer", expected, got))
        };
        if answer.bytes_in(context).is_none() {
            let text = &answer.text;
            return wrong(format!(
                "{text:?}, which does not stand where it is said to"
            ));
        }
        if !(0..windows.count()).any(|index| windows.holds_answer(index)) {
            return wrong(format!("{:?}, which no sequence holds", answer.text));
        }
        Ok(question)
    }

    fn len(&self) -> usize {
        self.texts.len()
    }
}

/// One of the windows of a question: half of the time, if there are such, one that holds the answer, else any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnyWindow;

impl View<Question> for AnyWindow {
    type Out = SpanSample;

    fn apply(&self, question: Question, mut rng: SampleRng) -> SpanSample {
        let windows = &question.windows;
        let mut places: Vec<usize> = (0..windows.count()).collect();
        let holds = |place: &usize| windows.holds_answer(*place);
        if rng.bool(0.5) && places.iter().any(holds) {
            places.retain(holds);
        }
        let place = places[rng.below(places.len() as u64) as usize];
        windows.get(place).sample(rng.index())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::{preprocess, rng};
    use super::super::{DocumentSource, InMemoryDocuments, QuestionFile};
    use super::*;

    const CONTEXT: &str = "to be or not to be that is the question";

    fn texts(documents: Arc<dyn DocumentSource>, length: usize) -> QuestionTexts {
        let preprocess = preprocess(CONTEXT, length);
        QuestionTexts::new(TokenTexts::new(documents, preprocess))
    }

    fn asked(answer: &str, start: usize) -> (tempfile::TempDir, Arc<QuestionFile>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("questions.json");
        let file = serde_json::json!({"data": [{"paragraphs": [{"context": CONTEXT, "qas": [
            {"id": "a", "question": "to be", "answers": [{"text": answer, "answer_start": start}]}]}]}]});
        std::fs::write(&path, file.to_string()).unwrap();
        let file = QuestionFile::open(&path, false).unwrap();
        (folder, Arc::new(file))
    }

    #[test]
    fn half_of_the_samples_hold_the_answer() {
        // Nine tokens in windows of two: one holds the answer.
        let (_folder, file) = asked("that is", CONTEXT.find("that is").unwrap());
        let question = Dataset::get(&texts(file, 7), 0).unwrap();
        assert_eq!(question.windows.count(), 9);
        let sample = |number| AnyWindow.apply(question.clone(), rng(number));
        let samples: Vec<SpanSample> = (0..100).map(sample).collect();
        let with = samples.iter().filter(|sample| sample.start > 0);
        assert!(
            with.clone()
                .all(|sample| (sample.start, sample.end) == (4, 5))
        );
        assert!((40..70).contains(&with.count()));
        assert_eq!(samples[7], sample(7));
    }

    #[test]
    fn an_answer_in_another_place_costs_its_question() {
        let (_folder, file) = asked("that is", 3);
        let moved = texts(file, 20);
        let error = Dataset::get(&moved, 0).unwrap_err().to_string();
        assert!(
            error.contains("question a") && error.contains("does not stand where"),
            "{error}"
        );
        // It can be asked all the same.
        assert_eq!(moved.question(0).unwrap().windows.get(0).answer, None);
        let (_folder, file) = asked(CONTEXT, 0);
        let error = Dataset::get(&texts(file, 11), 0).unwrap_err().to_string();
        assert!(error.contains("no sequence holds"), "{error}");
        let (_folder, file) = asked(CONTEXT, 0);
        let remarks = texts(file, 6).ledger();
        let remarks: Vec<String> = remarks.remarks().iter().map(ToString::to_string).collect();
        let key = "`data.tokens.length` changes that";
        assert_eq!(
            remarks,
            [
                format!(
                    "1 of 1 questions take more than half of 6 tokens; their ends are not read (question a); {key}"
                ),
                format!(
                    "1 of 1 questions have an answer that no sequence of 6 tokens holds, and are not learnt from (question a); {key}"
                ),
            ]
        );
        let alone = texts(Arc::new(InMemoryDocuments::new(["why?"])), 15);
        let error = alone.question(0).unwrap_err().to_string();
        assert!(error.contains("a question and a text"), "{error}");
    }
}
