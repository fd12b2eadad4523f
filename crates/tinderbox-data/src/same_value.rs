//! Which spellings are one value: of labels, of categories, of names of folders.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::Remark;

/// The form that all spellings of a value share: without white space around it, in the normal form NFC, `true` and `false` in small
/// letters, numbers without a plus, without zeros behind the decimal point and without the point where nothing follows.
///
/// `True` is `true`, `0.0` is `0`, and an accent is the same whether it is part of a letter or follows it, as macOS writes it. Zeros in
/// front stay, since `007` may be a code, as does the case of all other words.
pub(crate) fn same_value(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if is_nfc_quick(text.chars()) != IsNormalized::Yes {
        return Cow::Owned(text.nfc().collect());
    }
    for truth in ["true", "false"] {
        if text.eq_ignore_ascii_case(truth) {
            return Cow::Borrowed(truth);
        }
    }
    plain_number(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A decimal number in its plain form, where it is written otherwise.
fn plain_number(text: &str) -> Option<String> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + part.len() == 0 || !are_digits(whole) || !are_digits(part) {
        return None;
    }
    let part = part.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let sign = if whole == "0" && part.is_empty() {
        ""
    } else {
        sign
    };
    let point = if part.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{part}")).filter(|plain| plain != text)
}

/// The spellings of some values, each value known by its most frequent one, the first by bytes of equally frequent ones.
#[derive(Debug, Default)]
pub(crate) struct Spellings<'a> {
    /// The spelling by which a value is known, by its spellings.
    known_as: HashMap<&'a str, &'a str>,
}

impl<'a> Spellings<'a> {
    /// Those of some texts.
    pub(crate) fn of(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut counts = HashMap::<&str, u64>::new();
        for text in texts {
            *counts.entry(text).or_default() += 1;
        }
        Self::counted(counts)
    }

    /// Those of different texts, each with how often it occurs.
    pub(crate) fn counted(counts: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let mut values = HashMap::<Cow<'_, str>, BTreeMap<&str, u64>>::new();
        for (text, count) in counts {
            values
                .entry(same_value(text))
                .or_default()
                .insert(text, count);
        }
        let mut known_as = HashMap::new();
        for spellings in values.into_values() {
            // Of equal counts the last wins, so that the first by bytes comes last.
            let most = spellings.iter().rev().max_by_key(|(_, count)| **count);
            let name = most.map_or("", |(text, _)| *text);
            known_as.extend(spellings.into_keys().map(|text| (text, name)));
        }
        Self { known_as }
    }

    /// The spelling by which the value of a text is known; the text itself, if it was not among them.
    pub(crate) fn name(&self, text: &'a str) -> &'a str {
        self.known_as.get(text).copied().unwrap_or(text)
    }

    /// The names of all values, in the order of their bytes.
    pub(crate) fn names(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = self.known_as.values().copied().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// That values with several spellings are one each; on nothing where each has one. `what` they are is in the plural.
    pub(crate) fn remark(&self, what: &str) -> Remark {
        let mut other: Vec<(&str, &str)> = self.known_as.iter().map(|(a, b)| (*a, *b)).collect();
        other.retain(|(text, name)| text != name);
        other.sort_unstable();
        respelt(what, &other).of(self.known_as.len())
    }
}

/// That some texts are taken for others that are the same value.
pub(crate) fn respelt(what: &str, pairs: &[(&str, &str)]) -> Remark {
    let shown = pairs
        .iter()
        .map(|(text, name)| format!("{} as {}", marks_shown(text), marks_shown(name)));
    Remark::new(
        what,
        pairs.len(),
        "are other spellings of the same value, and count as it",
    )
    .examples(shown)
}

/// The text in quotes, with marks that stand behind their letters as numbers, so that two that look alike can be told apart.
fn marks_shown(text: &str) -> String {
    let shown: String = text.chars().flat_map(char::escape_debug).collect();
    format!("\"{}\"", shown.replace("\\'", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(same_value(text), expected);
    }

    #[test]
    fn spellings_of_a_value_share_a_form() {
        for text in ["true", "True", "TRUE", " tRuE "] {
            check(text, "true");
        }
        for text in ["0", "0.0", "-0", "0.", "+0.000", ".0"] {
            check(text, "0");
        }
        check("cafe\u{301}", "caf\u{e9}");
        check("1.50", "1.5");
        check("-2.0", "-2");
        check(".5", "0.5");
    }

    #[test]
    fn what_may_be_another_value_stays() {
        for text in [
            "007", "7", "1e3", "Yes", "-", ".", "+", "1.2.3", "1,0", "", "Cat", "NaN",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn the_most_frequent_spelling_is_the_name() {
        let texts = ["TRUE", "True", "True", "0", "0.0", "x"];
        let spellings = Spellings::of(texts);
        assert_eq!(spellings.names(), ["0", "True", "x"]);
        assert_eq!(
            texts.map(|text| spellings.name(text)),
            ["True", "True", "True", "0", "0", "x"]
        );
        assert_eq!(
            spellings.remark("labels").to_string(),
            "2 of 5 labels are other spellings of the same value, and count as it (\"0.0\" as \"0\", \"TRUE\" as \"True\")"
        );
        assert_eq!(Spellings::of(["a", "b"]).remark("labels").count, 0);
        let accents = Spellings::of(["caf\u{e9}", "cafe\u{301}", "caf\u{e9}"]).remark("labels");
        assert_eq!(accents.examples, ["\"cafe\\u{301}\" as \"café\""]);
    }
}
