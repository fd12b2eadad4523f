//! The words of a raw text.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What is a word of its own at either end of another.
fn is_mark(c: char) -> bool {
    ".,;:!?\"'`()[]{}\u{2026}\u{2018}\u{2019}\u{201c}\u{201d}\u{ab}\u{bb}-\u{2013}\u{2014}\
     \u{a1}\u{bf}\u{201e}\u{201a}\u{2039}\u{203a}\u{60c}\u{61b}\u{61f}\u{6d4}\u{964}\u{965}\u{3001}\u{3002}\u{300c}\
     \u{300d}\u{300e}\u{300f}\u{ff01}\u{ff08}\u{ff09}\u{ff0c}\u{ff1a}\u{ff1b}\u{ff1f}"
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

/// The words of a text as vectors of words have them, in lower case and in Unicode's normal form C: runs of letters with their marks and of digits, with
/// apostrophes, hyphens and middle dots inside.
///
/// A soft hyphen is no part of a word, and does not part one.
///
/// ```
/// use tinderbox_data::text::lower_words;
/// let found = lower_words("\"Don't,\" he said -- a well-known Cafe\u{301}.");
/// assert_eq!(found, ["don't", "he", "said", "a", "well-known", "caf\u{e9}"]);
/// ```
pub fn lower_words(text: &str) -> Vec<String> {
    let lower: String = text
        .to_lowercase()
        .nfc()
        .filter(|c| *c != '\u{ad}')
        .collect();
    lower
        .split(|c: char| !is_of_word(c) && !JOINING.contains(&c))
        .map(|word| word.trim_matches(JOINING))
        .filter(|word| word.contains(char::is_alphanumeric))
        .map(String::from)
        .collect()
}

/// What joins parts of a word: apostrophes, hyphens, the middle dot of Catalan, the geresh and gershayim of Hebrew, and what keeps letters
/// of Indic and Arabic scripts apart or together.
const JOINING: [char; 10] = [
    '\'', '\u{2019}', '-', '\u{2010}', '\u{2011}', '\u{b7}', '\u{5f3}', '\u{5f4}', '\u{200c}',
    '\u{200d}',
];

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
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
        assert_eq!(
            found("\u{bf}Qui\u{e9}n? \u{201e}Ja\u{201c}"),
            ["\u{bf}", "Qui\u{e9}n", "?", "\u{201e}", "Ja", "\u{201c}"]
        );
        assert_eq!(found("वह गया।"), ["वह", "गया", "।"]);
        assert_eq!(found(" -- $5 \n"), ["--", "$5"]);
        assert_eq!(found(" \t "), [""; 0]);
    }

    #[test]
    fn words_of_all_scripts_keep_their_marks() {
        #[track_caller]
        fn check(text: &str, expected: &[&str]) {
            assert_eq!(lower_words(text), expected);
        }
        check(
            "\"Don't,\" he said -- the well-known 'U.S.' 42nd.",
            &["don't", "he", "said", "the", "well-known", "u", "s", "42nd"],
        );
        // Both forms of an accented letter are one word.
        check("Cafe\u{301} CAF\u{c9}", &["caf\u{e9}", "caf\u{e9}"]);
        // The virama is no letter; it joins two.
        check("हिन्दी में, विद्या।", &["हिन्दी", "में", "विद्या"]);
        check("العَرَبِيَّة لُغة", &["العَرَبِيَّة", "لُغة"]);
        check("น้ำ เด็ก", &["น้ำ".nfc().collect::<String>().as_str(), "เด็ก"]);
        check("می\u{200c}خواهم", &["می\u{200c}خواهم"]);
        check(
            "col\u{b7}lecci\u{f3} l\u{2019}eau",
            &["col\u{b7}lecci\u{f3}", "l\u{2019}eau"],
        );
        check("Wort\u{ad}teil \u{301} -- '", &["wortteil"]);
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
