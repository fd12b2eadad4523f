//! What word vectors know: similarities that people judged, and analogies.

use serde::{Deserialize, Serialize};
use tinderbox_nn::{Analogy, WordVectors};

use crate::error::TransferError;
use crate::rank_correlation::spearman;

/// Two words and how similar people found them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgedPair {
    /// The words.
    pub words: [String; 2],
    /// The mean judgement.
    pub score: f64,
}

/// Reads lines of two words and a number, parted by tabs; empty lines and those that begin with `#` are left out. Both
/// `wordsim353.tsv` and `simlex999.txt` of gensim are such files.
///
/// # Errors
/// [`TransferError::Line`] for the first line that is none.
pub fn parse_judged_pairs(text: &str) -> Result<Vec<JudgedPair>, TransferError> {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let pair = |(number, line): (usize, &str)| {
        let parts: Vec<&str> = line.split('\t').map(str::trim).collect();
        let score = match &parts[..] {
            [one, other, score] if !one.is_empty() && !other.is_empty() => score.parse().ok(),
            _ => None,
        };
        let score = score.filter(|score: &f64| score.is_finite());
        let score = score.ok_or_else(|| {
            TransferError::line(number, "two words and a number, parted by tabs", line)
        })?;
        Ok(JudgedPair {
            words: [parts[0], parts[1]].map(str::to_owned),
            score,
        })
    };
    lines.map(pair).collect()
}

/// How well similarities of vectors agree with people's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SimilarityResult {
    /// Spearman's correlation of cosines with judgements; none if there are too few pairs.
    pub spearman: Option<f64>,
    /// Pairs whose words are both known.
    pub pairs: usize,
    /// Pairs that were left out, because a word is not known.
    pub unknown: usize,
}

/// Compares cosines with judgements. A word that is not known as it is written is looked up in lower case.
pub fn word_similarity(vectors: &WordVectors, pairs: &[JudgedPair]) -> SimilarityResult {
    let similarity = |pair: &JudgedPair| {
        let [one, other] = pair.words.each_ref().map(|word| known(vectors, word));
        Some((f64::from(vectors.similarity(one?, other?)?), pair.score))
    };
    let (cosines, scores): (Vec<f64>, Vec<f64>) = pairs.iter().filter_map(similarity).unzip();
    SimilarityResult {
        spearman: spearman(&cosines, &scores),
        pairs: cosines.len(),
        unknown: pairs.len() - cosines.len(),
    }
}

/// `a` is to `b` as `c` is to `d`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalogyQuestion {
    /// The section of the file that it stands in.
    pub section: String,
    /// The four words.
    pub words: [String; 4],
}

/// Reads `questions-words.txt`: lines of four words under lines `: SECTION`.
///
/// # Errors
/// [`TransferError::Line`] for the first line that is neither.
pub fn parse_analogies(text: &str) -> Result<Vec<AnalogyQuestion>, TransferError> {
    let mut section = String::new();
    let mut questions = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match &words[..] {
            [] => {}
            [":", ..] => section = words[1..].join(" "),
            [a, b, c, d] => questions.push(AnalogyQuestion {
                section: section.clone(),
                words: [*a, *b, *c, *d].map(str::to_owned),
            }),
            _ => {
                return Err(TransferError::line(
                    number,
                    "four words, or : and a section",
                    line,
                ));
            }
        }
    }
    Ok(questions)
}

/// How many analogies of a section were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalogyResult {
    /// The section.
    pub section: String,
    /// Questions whose nearest word is the fourth.
    pub correct: usize,
    /// Questions whose words are all known.
    pub questions: usize,
    /// Questions that were left out.
    pub unknown: usize,
}

/// Answers analogies, section by section in their order. A word that is not known as it is written is looked up in lower case.
///
/// Each question is compared with every word.
pub fn word_analogies(
    vectors: &WordVectors,
    questions: &[AnalogyQuestion],
    rule: Analogy,
) -> Vec<AnalogyResult> {
    let mut results: Vec<AnalogyResult> = Vec::new();
    for question in questions {
        if results
            .last()
            .is_none_or(|result| result.section != question.section)
        {
            results.push(AnalogyResult {
                section: question.section.clone(),
                correct: 0,
                questions: 0,
                unknown: 0,
            });
        }
        let result = results.last_mut().expect("it was pushed");
        match is_correct(vectors, question, rule) {
            None => result.unknown += 1,
            Some(correct) => {
                result.questions += 1;
                result.correct += usize::from(correct);
            }
        }
    }
    results
}

fn is_correct(vectors: &WordVectors, question: &AnalogyQuestion, rule: Analogy) -> Option<bool> {
    let [a, b, c, d] = question.words.each_ref().map(|word| known(vectors, word));
    let (words, fourth) = ([a?, b?, c?], vectors.id(d?)?);
    let best = vectors.analogy(words, 1, rule)?;
    Some(best.first().is_some_and(|best| best.id == fourth))
}

/// The word as the vectors know it.
fn known<'a>(vectors: &'a WordVectors, word: &str) -> Option<&'a str> {
    let id = vectors
        .id(word)
        .or_else(|| vectors.id(&word.to_lowercase()));
    id.map(|id| vectors.word(id))
}
