//! How right an extracted answer is: the two measures of SQuAD (Rajpurkar et al. 2016, section 6.1), as its own evaluation computes them.

use std::collections::HashMap;

/// The words of an answer as they are compared: in lower case, without ASCII punctuation, and without the articles `a`, `an` and `the`.
fn words(answer: &str) -> Vec<String> {
    let lower = answer.to_lowercase();
    let bare: String = lower
        .chars()
        .filter(|letter| !letter.is_ascii_punctuation())
        .collect();
    let words = bare.split_whitespace();
    let words = words.filter(|word| !matches!(*word, "a" | "an" | "the"));
    words.map(str::to_owned).collect()
}

/// The best that `found` has with any of the right answers; where there is none, an empty answer is right.
fn best(found: &str, right: &[&str], measure: impl Fn(&[String], &[String]) -> f64) -> f64 {
    let found = words(found);
    let scores = right.iter().map(|right| measure(&found, &words(right)));
    let score = scores.reduce(f64::max);
    score.unwrap_or(if found.is_empty() { 1.0 } else { 0.0 })
}

/// 1 if an answer has the words of one of the right answers in their order, else 0.
pub fn exact_match(found: &str, right: &[&str]) -> f64 {
    best(found, right, |found, right| {
        f64::from(u8::from(found == right))
    })
}

/// The harmonic mean of precision and recall of the words of an answer, the best over the right answers.
pub fn answer_f1(found: &str, right: &[&str]) -> f64 {
    best(found, right, |found, right| {
        if found.is_empty() || right.is_empty() {
            return f64::from(u8::from(found == right));
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for word in right {
            *counts.entry(word).or_default() += 1;
        }
        let mut same = 0;
        for word in found {
            if let Some(count) = counts.get_mut(word.as_str()).filter(|count| **count > 0) {
                *count -= 1;
                same += 1;
            }
        }
        2.0 * f64::from(same) / (found.len() + right.len()) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_by_their_words() {
        let right = ["The Black Sea", "sea, black"];
        assert_eq!(exact_match("black  sea.", &right), 1.0);
        assert_eq!(exact_match("sea black", &right), 1.0);
        assert_eq!(exact_match("the sea", &right), 0.0);
        // One of one found, one of two right.
        assert!((answer_f1("the sea", &right) - 2.0 / 3.0).abs() < 1e-12);
        // A word that is said twice is right once: one of two, and one of two.
        assert!((answer_f1("sea sea", &["black sea"]) - 0.5).abs() < 1e-12);
        assert_eq!(answer_f1("river", &right), 0.0);
    }

    #[test]
    fn no_answer_is_right_where_there_is_none() {
        assert_eq!((exact_match("", &[]), answer_f1(" the ", &[])), (1.0, 1.0));
        assert_eq!(
            (exact_match("sea", &[]), answer_f1("", &["sea"])),
            (0.0, 0.0)
        );
    }
}
