//! From bytes to text, strictly or with what is wrong replaced.

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

/// The text of `bytes`, without a byte order mark at their start.
///
/// Text is UTF-8 without NUL, which only files of other kinds hold. With `lossy`, what is not text becomes U+FFFD.
pub(super) fn text_of(bytes: &[u8], lossy: bool) -> Result<String, NoText> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    match damage(bytes) {
        None => {}
        Some(damage) if !lossy => return Err(damage),
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

fn damage(bytes: &[u8]) -> Option<NoText> {
    let nul = memchr::memchr(0, bytes).map(|at| NoText {
        at,
        got: "a NUL byte",
    });
    let invalid = std::str::from_utf8(bytes).err().map(|error| NoText {
        at: error.valid_up_to(),
        got: "bytes that are not UTF-8",
    });
    nul.into_iter()
        .chain(invalid)
        .min_by_key(|damage| damage.at)
}

/// Finds out whether bytes that come in pieces are text, in constant memory.
#[derive(Debug, Default)]
pub(super) struct TextCheck {
    /// The bytes of a character that the last piece did not end.
    pending: Vec<u8>,
    damaged: bool,
}

impl TextCheck {
    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        if self.damaged {
            return;
        }
        let mut rest = piece;
        // At most three more bytes end a character that was begun.
        while !self.pending.is_empty() && !rest.is_empty() {
            self.pending.push(rest[0]);
            rest = &rest[1..];
            match std::str::from_utf8(&self.pending) {
                Ok(_) => self.pending.clear(),
                Err(error) if error.error_len().is_none() => {}
                Err(_) => {
                    self.damaged = true;
                    return;
                }
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => {}
            Err(error) if error.error_len().is_none() => {
                self.pending.extend(&rest[error.valid_up_to()..]);
            }
            Err(_) => self.damaged = true,
        }
        self.damaged |= memchr::memchr(0, piece).is_some();
    }

    /// Whether all that was taken is text; then begins anew.
    pub(super) fn finish(&mut self) -> bool {
        let sound = !self.damaged && self.pending.is_empty();
        self.pending.clear();
        self.damaged = false;
        sound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_placed_or_replaced() {
        assert_eq!(text_of("\u{feff}Käse".as_bytes(), false).unwrap(), "Käse");
        let error = text_of(b"ab\xffcd\0", false).unwrap_err();
        assert_eq!((error.at, error.got), (2, "bytes that are not UTF-8"));
        let error = text_of(b"a\0\xff", false).unwrap_err();
        assert_eq!((error.at, error.got), (1, "a NUL byte"));
        assert_eq!(
            text_of(b"ab\xffcd\0", true).unwrap(),
            "ab\u{fffd}cd\u{fffd}"
        );
        assert!(foreign_encoding(b"\xff\xfea\0").is_some());
        assert!(foreign_encoding(b"abc").is_none());
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let text = any::<String>().prop_map(String::into_bytes);
        let both = (any::<String>(), prop::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(text, bytes)| [text.as_bytes(), &bytes].concat());
        prop_oneof![text, both, prop::collection::vec(any::<u8>(), 0..40)]
    }

    proptest! {
        #[test]
        fn pieces_are_judged_like_the_whole(bytes in bytes(), size in 1_usize..7) {
            let mut check = TextCheck::default();
            for piece in bytes.chunks(size) {
                check.feed(piece);
            }
            let whole = std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0'));
            prop_assert_eq!(check.finish(), whole);
            check.feed(b"fine");
            prop_assert!(check.finish());
        }

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
