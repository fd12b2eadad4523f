//! Models that find the answer to a question in a text, and how often they are right.

use burn::tensor::Device;
use tinderbox::data::Collate;
use tinderbox::data::text::{ContextWindow, Question, SpanCollate, SpanSample};
use tinderbox::objectives::{SpanBatch, SpanExtraction, best_span};
use tinderbox::train::{Evaluation, Evaluator, FromPlain, TrainError, Trainer};
use tinderbox::transfer::{FeatureMatrix, answer_f1, exact_match};

use crate::encoder::AnyEncoder;
use crate::error::CliError;
use crate::inputs::{Inputs, Target};
use crate::output::Output;
use crate::rows::FoundAnswer;
use crate::training::Setup;

/// A model that answers questions, which a recipe chose.
pub type Answerer = SpanExtraction<AnyEncoder>;

/// The F1 of the answers on the test part, as the trainer's figure.
pub const ANSWER_F1: &str = "test/f1";
/// The share of the test part whose answers are right to the word.
const EXACT_MATCH: &str = "test/exact_match";

/// Windows that a model sees at once.
const AT_ONCE: usize = 64;
/// The most tokens of an answer, as in the authors' code of BERT.
const LONGEST: usize = 30;

/// Measures a model on all questions of the test part.
pub struct AnswerEvaluator {
    questions: Vec<Question>,
    collate: SpanCollate,
    device: Device,
}

impl AnswerEvaluator {
    /// Adds one to a trainer, for the end of the run, if the data has questions.
    ///
    /// # Errors
    /// If no question of the test part can be read.
    pub fn add<'t>(
        trainer: Trainer<'t, Answerer>,
        setup: &Setup<'_>,
        output: &Output,
    ) -> Result<Trainer<'t, Answerer>, CliError> {
        let (Inputs::Texts(texts), true) = (setup.inputs, setup.data.has(Target::Answers)) else {
            return Ok(trainer);
        };
        let questions = texts.questions();
        Ok(trainer.with_last_evaluator(Self {
            questions: setup.read_test(|index| questions.question(index), output)?,
            collate: texts.question_collate(),
            device: setup.device.clone(),
        }))
    }
}

impl Evaluator<Answerer> for AnswerEvaluator {
    fn evaluate(&mut self, answerer: &Answerer) -> Result<Evaluation, TrainError> {
        let found = answer(answerer, &self.questions, self.collate, &self.device);
        let (mut exact, mut f1) = (0.0, 0.0);
        for (question, found) in self.questions.iter().zip(&found) {
            let right = question.document.answers.iter();
            let right: Vec<&str> = right.map(|answer| &answer.text[..]).collect();
            exact += exact_match(&found.text, &right);
            f1 += answer_f1(&found.text, &right);
        }
        let count = self.questions.len() as f64;
        Ok(Evaluation {
            figures: vec![
                (EXACT_MATCH.to_string(), exact / count),
                (ANSWER_F1.to_string(), f1 / count),
            ],
            warnings: Vec::new(),
        })
    }
}

/// The best answer to each question, in order; nothing where `[CLS]`, which stands for no answer, has a higher score in every window (Devlin
/// et al. 2019, section 4.3). The model is in inference mode, on `device`.
pub fn answer(
    answerer: &Answerer,
    questions: &[Question],
    collate: SpanCollate,
    device: &Device,
) -> Vec<FoundAnswer> {
    let mut all = questions
        .iter()
        .flat_map(|question| question.windows.iter());
    let mut found = Vec::new();
    loop {
        let windows: Vec<ContextWindow> = all.by_ref().take(AT_ONCE).collect();
        if windows.is_empty() {
            break;
        }
        let samples: Vec<SpanSample> = windows.iter().map(|window| window.sample(0)).collect();
        let batch = SpanBatch::from_plain(&collate.collate(samples), device);
        let logits = answerer.logits(batch.input);
        let [starts, ends] = [logits.starts, logits.ends].map(FeatureMatrix::from_tensor);
        let rows = starts.iter_rows().zip(ends.iter_rows()).zip(&windows);
        found.extend(rows.map(|((starts, ends), window)| InWindow::of(window, starts, ends)));
    }
    let mut found = found.into_iter();
    let of_question = |question: &Question| {
        let of_windows = found.by_ref().take(question.windows.count());
        let best =
            of_windows.reduce(|best, other| if other.odds > best.odds { other } else { best });
        let best = best.expect("a question has a window");
        let context = question.document.second.as_deref().unwrap_or_default();
        let bytes = best.bytes.filter(|_| best.odds > 0.0);
        let answer = bytes.and_then(|bytes| trimmed(context, bytes));
        FoundAnswer {
            text: answer.map_or("", |(_, text)| text).to_string(),
            start: answer.map(|(from, _)| context[..from].chars().count()),
            probability: match answer {
                Some(_) => best.probability,
                None => best.without,
            },
        }
    };
    questions.iter().map(of_question).collect()
}

/// What stands at some bytes and where it begins, without white space around it: a tokeniser may count that before a word to the word.
fn trimmed(context: &str, (from, to): (usize, usize)) -> Option<(usize, &str)> {
    let text = context[from..to].trim_end();
    let answer = text.trim_start();
    (!answer.is_empty()).then(|| (from + text.len() - answer.len(), answer))
}

/// The best answer of one window.
struct InWindow {
    /// Its bytes in the text; none if the window has no token of it.
    bytes: Option<(usize, usize)>,
    /// By how much its score is above that of no answer.
    odds: f32,
    /// The probabilities of the answer and of none.
    probability: f32,
    without: f32,
}

impl InWindow {
    fn of(window: &ContextWindow, starts: &[f32], ends: &[f32]) -> Self {
        let places = window.begin..window.begin + window.bytes.len();
        let allowed: Vec<bool> = (0..starts.len())
            .map(|place| places.contains(&place))
            .collect();
        let best = best_span(starts, ends, &allowed, LONGEST);
        let all = log_sum_exp(starts) + log_sum_exp(ends);
        let none = starts[0] + ends[0];
        let score = best.map_or(f32::NEG_INFINITY, |best| best.score);
        let bytes = best.map(|best| {
            let [first, last] =
                [best.start, best.end].map(|place| window.bytes[place - window.begin]);
            (first.0, last.1)
        });
        Self {
            bytes,
            odds: score - none,
            probability: (score - all).exp(),
            without: (none - all).exp(),
        }
    }
}

fn log_sum_exp(logits: &[f32]) -> f32 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    most + logits
        .iter()
        .map(|logit| (logit - most).exp())
        .sum::<f32>()
        .ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_no_part_of_an_answer() {
        let context = "dan lives in san juan .";
        assert_eq!(trimmed(context, (12, 22)), Some((13, "san juan")));
        assert_eq!(trimmed(context, (13, 21)), Some((13, "san juan")));
        assert_eq!(trimmed(context, (12, 13)), None);
    }

    #[test]
    fn the_best_of_a_window_is_in_the_text() {
        let window = ContextWindow {
            item: tinderbox::data::text::TokenItem::new(vec![2, 9, 3, 7, 8, 3]),
            begin: 3,
            bytes: vec![(0, 2), (3, 5)],
            answer: None,
        };
        // The question's token has the highest logits, and the end comes before the start.
        let found = InWindow::of(
            &window,
            &[1.0, 9.0, 0.0, 2.0, 4.0, 0.0],
            &[0.5, 9.0, 0.0, 5.0, 1.0, 0.0],
        );
        assert_eq!(found.bytes, Some((0, 2)));
        assert!((found.odds - 5.5).abs() < 1e-6, "{}", found.odds);
        assert!(found.probability > 0.0 && found.probability + found.without < 1.0);
        let none = ContextWindow {
            bytes: Vec::new(),
            ..window
        };
        let found = InWindow::of(&none, &[1.0; 6], &[1.0; 6]);
        assert_eq!((found.bytes, found.odds), (None, f32::NEG_INFINITY));
        assert!((found.without - 1.0 / 36.0).abs() < 1e-6);
    }
}
