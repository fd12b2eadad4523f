//! The words of a raw text.

/// What is a word of its own at either end of another.
fn is_mark(c: char) -> bool {
    ".,;:!?\"'`()[]{}\u{2026}\u{2018}\u{2019}\u{201c}\u{201d}\u{ab}\u{bb}-\u{2013}\u{2014}"
        .contains(c)
}

/// The words of a text as corpora of tagged words have them: what white space parts, and punctuation marks before and behind a word, equal
/// ones in a row together. Marks inside a word stay in it.
///
/// ```
/// use tinderbox_data::text::words;
/// let found: Vec<&str> = words("(He didn't -- \"well-known\" as he was...)").collect();
/// let expected = ["(", "He", "didn't", "--", "\"", "well-known", "\"", "as", "he", "was", "...", ")"];
/// assert_eq!(found, expected);
/// ```
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|chunk| {
        let inner = chunk.trim_matches(is_mark);
        // Of marks alone all stand before.
        let before = chunk.len() - chunk.trim_start_matches(is_mark).len();
        let behind = before + inner.len();
        let inner = (!inner.is_empty()).then_some(inner);
        marks(&chunk[..before])
            .chain(inner)
            .chain(marks(&chunk[behind..]))
    })
}

/// Runs of equal characters.
fn marks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.len() - rest.trim_start_matches(first).len();
        let (run, behind) = rest.split_at(end);
        rest = behind;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_part_from_words_and_not_inside_them() {
        let found = |text| words(text).collect::<Vec<_>>();
        assert_eq!(found("At 3.5 o'clock."), ["At", "3.5", "o'clock", "."]);
        assert_eq!(found("``Why?!''"), ["``", "Why", "?", "!", "''"]);
        assert_eq!(
            found("\u{201c}K\u{e4}se\u{201d}\u{2014}"),
            ["\u{201c}", "K\u{e4}se", "\u{201d}", "\u{2014}"]
        );
        assert_eq!(found(" -- $5 \n"), ["--", "$5"]);
        assert_eq!(found(" \t "), [""; 0]);
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "[a-c.,'\" \u{2014}\u{e9}\n]{0,40}") {
            let whole: String = text.split_whitespace().collect();
            prop_assert_eq!(words(&text).collect::<String>(), whole);
            prop_assert!(words(&text).all(|word| !word.is_empty()));
        }
    }
}
