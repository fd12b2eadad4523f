//! From bytes to text, strictly or with what is wrong replaced.

use std::collections::BTreeMap;

use crate::{Ledger, Remark};

/// The key of a recipe that reads damaged texts as far as they are text.
pub(super) const LOSSY: &str = "data.tokens.lossy = true";
/// What is no text, and with `lossy` is replaced.
const NOT_UTF8: &str = "bytes that are not UTF-8";
const NUL: &str = "a NUL byte";
/// Places of damage that are kept of each kind.
const SHOWN: usize = 3;

/// The byte order mark of UTF-8, which says nothing and is left out.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Bytes that are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoText {
    /// Where the first of them is.
    pub(super) at: usize,
    /// What it is.
    pub(super) got: &'static str,
}

impl NoText {
    /// What was found and where: the place in its line of `bytes`, in characters from 1.
    pub(super) fn place_in(&self, bytes: &[u8]) -> String {
        let before = &bytes[..self.at];
        let line = memchr::memrchr(b'\n', before).map_or(before, |end| &before[end + 1..]);
        let line = line.strip_prefix(BOM).unwrap_or(line);
        let characters = String::from_utf8_lossy(line).chars().count();
        format!("{} at character {}", self.got, characters + 1)
    }
}

/// The text of `bytes`, without a byte order mark at their start.
///
/// Text is UTF-8 without NUL, which only files of other kinds hold. With `lossy`, what is not text becomes U+FFFD.
pub(super) fn text_of(bytes: &[u8], lossy: bool) -> Result<String, NoText> {
    let from = bom_length(bytes);
    let bytes = &bytes[from..];
    match damage(bytes) {
        None => {}
        Some(NoText { at, got }) if !lossy => return Err(NoText { at: from + at, got }),
        Some(_) => return Ok(String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")),
    }
    // It was just checked; the fallback is the same text.
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// The encoding that a byte order mark announces, if it is not UTF-8.
pub(super) fn foreign_encoding(start: &[u8]) -> Option<&'static str> {
    match start {
        [0xff, 0xfe, ..] => Some("UTF-16 or UTF-32, little-endian"),
        [0xfe, 0xff, ..] => Some("UTF-16, big-endian"),
        _ => None,
    }
}

/// How many bytes a byte order mark of UTF-8 takes at the start of a file.
pub(super) fn bom_length(start: &[u8]) -> usize {
    if start.starts_with(BOM) { BOM.len() } else { 0 }
}

/// The first bytes that are no text.
pub(super) fn damage(bytes: &[u8]) -> Option<NoText> {
    let nul = memchr::memchr(0, bytes).map(|at| NoText { at, got: NUL });
    let invalid = std::str::from_utf8(bytes).err().map(|error| NoText {
        at: error.valid_up_to(),
        got: NOT_UTF8,
    });
    nul.into_iter()
        .chain(invalid)
        .min_by_key(|damage| damage.at)
}

/// What is wrong with JSON, at which character of its line.
pub(super) fn json_fault(error: &serde_json::Error, json: &[u8]) -> String {
    let whole = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let (Some(what), line @ 1..) = (whole.strip_suffix(&place), error.line()) else {
        return whole;
    };
    let mut lines = json.split(|byte| *byte == b'\n');
    let text = lines.nth(line - 1).unwrap_or_default();
    let before = &text[..error.column().saturating_sub(1).min(text.len())];
    let characters = String::from_utf8_lossy(before).chars().count();
    format!("{what} at character {}", characters + 1)
}

/// How many texts hold bytes that are no text, by what these are, with the lines of the first.
#[derive(Debug, Default)]
pub(super) struct Damage {
    kinds: BTreeMap<&'static str, (usize, Vec<String>)>,
}

impl Damage {
    /// Looks at a line, or a text that begins there; true if it is damaged.
    pub(super) fn look(&mut self, line: &[u8], number: u64) -> bool {
        let found = damage(line);
        if let Some(found) = found {
            self.add(found.got, || format!("line {number}"));
        }
        found.is_some()
    }

    /// Counts a text.
    pub(super) fn add(&mut self, got: &'static str, place: impl FnOnce() -> String) {
        let (count, places) = self.kinds.entry(got).or_default();
        *count += 1;
        if places.len() < SHOWN {
            places.push(place());
        }
    }

    /// How many texts are damaged.
    pub(super) fn count(&self) -> usize {
        self.kinds.values().map(|(count, _)| count).sum()
    }

    /// What becomes of these texts, of `all`; `place` makes the name of a place whole.
    pub(super) fn remarks(
        &self,
        all: usize,
        lossy: bool,
        place: impl Fn(&str) -> String,
    ) -> Ledger {
        let mut ledger = Ledger::default();
        for (got, (count, places)) in &self.kinds {
            let mendable = [NOT_UTF8, NUL].contains(got);
            let becomes = match lossy && mendable {
                true => format!("hold {got}, read as \u{fffd}"),
                false => format!("hold {got} and are not read"),
            };
            let remark = Remark::new("texts", *count, becomes).of(all);
            let remark = remark.examples(places.iter().map(|name| place(name)));
            ledger.add(match mendable && !lossy {
                true => remark.key(LOSSY),
                false => remark,
            });
        }
        ledger
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_placed_or_replaced() {
        let bytes = "one\nKäse\n".as_bytes();
        let bytes = [bytes, b"\xff"].concat();
        let error = text_of(&bytes, false).unwrap_err();
        assert_eq!(
            error.place_in(&bytes),
            "bytes that are not UTF-8 at character 1"
        );
        let bytes = ["\u{feff}Käse".as_bytes(), b"\0"].concat();
        let error = text_of(&bytes, false).unwrap_err();
        assert_eq!(error.place_in(&bytes), "a NUL byte at character 5");
        assert_eq!(text_of("\u{feff}Käse".as_bytes(), false).unwrap(), "Käse");
        let error = text_of(b"ab\xffcd\0", false).unwrap_err();
        assert_eq!((error.at, error.got), (2, NOT_UTF8));
        let error = text_of(b"a\0\xff", false).unwrap_err();
        assert_eq!((error.at, error.got), (1, "a NUL byte"));
        assert_eq!(
            text_of(b"ab\xffcd\0", true).unwrap(),
            "ab\u{fffd}cd\u{fffd}"
        );
        assert!(foreign_encoding(b"\xff\xfea\0").is_some());
        assert!(foreign_encoding(b"abc").is_none());
    }

    #[test]
    fn json_is_placed_by_characters() {
        let fault = |json: &str| {
            let error = serde_json::from_str::<serde_json::Value>(json).unwrap_err();
            json_fault(&error, json.as_bytes())
        };
        assert_eq!(
            fault("[1,\n \"\u{e4}\u{4e00}\" x]"),
            "expected `,` or `]` at character 7"
        );
        assert_eq!(fault("{"), "EOF while parsing an object at character 1");
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let text = any::<String>().prop_map(String::into_bytes);
        let both = (any::<String>(), prop::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(text, bytes)| [text.as_bytes(), &bytes].concat());
        prop_oneof![text, both, prop::collection::vec(any::<u8>(), 0..40)]
    }

    proptest! {
        #[test]
        fn lossy_text_never_fails_and_strict_text_is_the_bytes(bytes in bytes()) {
            let lossy = text_of(&bytes, true).unwrap();
            prop_assert!(!lossy.contains('\0'));
            if let Ok(strict) = text_of(&bytes, false) {
                prop_assert_eq!(&strict, &lossy);
                prop_assert!(bytes.ends_with(strict.as_bytes()));
            }
        }
    }
}
