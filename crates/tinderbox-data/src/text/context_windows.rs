//! A question, and a text that is too long for one sequence.

use std::ops::Range;

use super::TokenItem;
use super::preprocess::TextPreprocess;
use super::sentence_pair::SPECIAL;
use super::span::SpanSample;
use super::tokeniser::Encoded;
use crate::DataError;

/// A question with a text, in as many sequences as the text needs, of which each begins half of its place for the text behind the one before, so
/// that a short answer is whole in one of them.
#[derive(Debug, Clone)]
pub struct ContextWindows {
    preprocess: TextPreprocess,
    /// `[CLS] question [SEP]`.
    head: TokenItem,
    context: Encoded,
    /// Tokens of the text in a sequence.
    width: usize,
    /// The first and the last token of the answer in the text.
    answer: Option<(usize, usize)>,
    cuts_question: bool,
}

/// One of the sequences: `[CLS] question [SEP]` in segment 0 and `part of the text [SEP]` in segment 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextWindow {
    /// The sequence.
    pub item: TokenItem,
    /// The place of the first token of the text.
    pub begin: usize,
    /// For each token of the text from [`begin`](Self::begin) on, its first byte in the text and the one behind its last.
    pub bytes: Vec<(usize, usize)>,
    /// The places of the answer's first and last token, if this part holds all of it.
    pub answer: Option<(usize, usize)>,
}

impl ContextWindows {
    /// A question and a text with the bytes of the answer, if there is one. A question longer than half a sequence loses tokens at its end.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn new(
        preprocess: &TextPreprocess,
        question: &str,
        context: &str,
        answer: Option<Range<usize>>,
    ) -> Result<Self, DataError> {
        let room = preprocess.length() - SPECIAL;
        let mut question = preprocess.encode(question)?;
        let cuts_question = question.ids.len() > room / 2;
        question.truncate(room / 2);
        let mut head = TokenItem::new(vec![preprocess.special().cls]);
        preprocess.append(&mut head, &question, 0);
        let context = preprocess.tokeniser().encode(context, false)?;
        let answer = answer.and_then(|answer| {
            let first = (context.bytes.iter()).position(|(_, end)| *end > answer.start)?;
            let last = (context.bytes.iter()).rposition(|(start, _)| *start < answer.end)?;
            (first <= last).then_some((first, last))
        });
        Ok(Self {
            preprocess: preprocess.clone(),
            head,
            context,
            width: room - question.ids.len(),
            answer,
            cuts_question,
        })
    }

    fn stride(&self) -> usize {
        (self.width / 2).max(1)
    }

    /// How many there are, at least one.
    pub fn count(&self) -> usize {
        let more = self.context.ids.len().saturating_sub(self.width);
        1 + more.div_ceil(self.stride())
    }

    fn tokens(&self, index: usize) -> Range<usize> {
        let from = index * self.stride();
        from..self.context.ids.len().min(from + self.width)
    }

    /// The one at `index`.
    ///
    /// # Panics
    /// Beyond the last.
    pub fn get(&self, index: usize) -> ContextWindow {
        let tokens = self.tokens(index);
        let (from, part) = (tokens.start, self.context.part(tokens));
        let begin = self.head.tokens.len();
        let mut item = self.head.clone();
        self.preprocess.append(&mut item, &part, 1);
        let answer = self.answer.filter(|_| self.holds_answer(index));
        ContextWindow {
            item,
            begin,
            bytes: part.bytes,
            answer: answer.map(|(first, last)| (begin + first - from, begin + last - from)),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = ContextWindow> + '_ {
        (0..self.count()).map(|index| self.get(index))
    }

    /// Whether the text has the answer.
    pub(super) fn has_answer(&self) -> bool {
        self.answer.is_some()
    }

    /// Whether the question loses tokens at its end.
    pub(super) fn cuts_question(&self) -> bool {
        self.cuts_question
    }

    /// Whether the one at `index` holds the whole answer.
    pub fn holds_answer(&self, index: usize) -> bool {
        let tokens = self.tokens(index);
        self.answer
            .is_some_and(|(first, last)| tokens.start <= first && last < tokens.end)
    }
}

impl ContextWindow {
    /// The window as a sample. Where it does not hold the answer, the first token, `[CLS]`, stands for that (Devlin et al. 2019, section 4.3).
    pub fn sample(&self, index: u64) -> SpanSample {
        let (start, end) = self.answer.unwrap_or((0, 0));
        SpanSample {
            tokens: self.item.tokens.clone(),
            segments: self.item.segments.clone(),
            start,
            end,
            index,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::preprocess;
    use super::*;

    const CONTEXT: &str = "to be or not to be that is the question";

    fn windows(length: usize, question: &str, context: &str, answer: &str) -> ContextWindows {
        let preprocess = preprocess(CONTEXT, length);
        let start = context.find(answer).unwrap();
        let answer = (!answer.is_empty()).then(|| start..start + answer.len());
        ContextWindows::new(&preprocess, question, context, answer).unwrap()
    }

    #[test]
    fn they_overlap_and_know_the_bytes_of_the_text() {
        // Of eleven places three are special and two the question's: six are left for ten tokens.
        let all: Vec<ContextWindow> = windows(11, "to be", CONTEXT, "that is").iter().collect();
        let begins: Vec<usize> = all.iter().map(|window| window.bytes[0].0).collect();
        let places = ["to", "not", "that"].map(|word| CONTEXT.find(word).unwrap());
        assert_eq!(begins, places);
        assert!(
            all.iter()
                .all(|window| window.begin == 4 && window.item.tokens.len() <= 11)
        );
        assert_eq!(all[0].answer, None, "its end is cut off");
        let spelt = |window: &ContextWindow, (first, last): (usize, usize)| {
            let [from, to] = [window.bytes[first - 4].0, window.bytes[last - 4].1];
            CONTEXT[from..to].to_owned()
        };
        for window in &all[1..] {
            assert_eq!(spelt(window, window.answer.unwrap()), "that is");
        }
        assert_eq!(all[1].item.segments, [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn what_is_short_or_empty_has_one() {
        let one = windows(15, "to be", CONTEXT, "or");
        assert_eq!(one.count(), 1);
        assert_eq!(one.get(0).answer, Some((6, 6)));
        let empty = windows(15, "to be", "", "");
        assert_eq!((empty.count(), empty.get(0).bytes.len()), (1, 0));
        assert_eq!(empty.get(0).item.segments, [0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_long_question_leaves_half_a_sequence() {
        // Two places for both: each window is a token.
        let narrow = windows(5, CONTEXT, CONTEXT, "that is");
        assert_eq!(narrow.count(), 10);
        assert!(
            (0..10).all(|index| !narrow.holds_answer(index)),
            "it is two tokens"
        );
    }

    #[test]
    fn letters_that_the_tokeniser_changes_keep_their_bytes() {
        let context = "TO B\u{c9} \u{2014} or n\u{f3}t";
        let window = windows(20, "be", context, "n\u{f3}t").get(0);
        let (first, last) = window.answer.unwrap();
        let [first, last] = [first, last].map(|place| window.bytes[place - window.begin]);
        assert_eq!(&context[first.0..last.1], "n\u{f3}t");
    }
}
