//! Names of files as text, whatever bytes they are.

use std::ffi::OsStr;
use std::fmt::Write;

/// The name as text: as it is if it is UTF-8, else with `\xE9` for each byte that is no text. No two names give the same text: where that
/// is in doubt, a backslash is doubled.
pub(crate) fn shown(name: &OsStr) -> String {
    let bytes = name.as_encoded_bytes();
    if let Some(text) = name.to_str().filter(|text| !holds_escape(text)) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text += &chunk.valid().replace('\\', "\\\\");
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

/// Whether the name is UTF-8.
#[cfg(any(feature = "audio", feature = "image", feature = "text"))]
pub(crate) fn is_text(name: &OsStr) -> bool {
    name.to_str().is_some()
}

/// Whether a text holds what stands for a byte in the name of another file.
fn holds_escape(text: &str) -> bool {
    text.as_bytes()
        .windows(4)
        .any(|four| four.starts_with(b"\\x") && four[2..].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(all(test, unix))]
mod tests {
    use std::collections::HashSet;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn every_name_has_a_text_of_its_own() {
        let names: [(&[u8], &str); 7] = [
            (b"a/b.png", "a/b.png"),
            ("caf\u{e9}.png".as_bytes(), "caf\u{e9}.png"),
            (b"\xe9.png", "\\xE9.png"),
            (b"\xe8.png", "\\xE8.png"),
            (b"\\xE9.png", "\\\\xE9.png"),
            (b"a\\b.png", "a\\b.png"),
            (b"\xe9\\xE9.png", "\\xE9\\\\xE9.png"),
        ];
        let texts: HashSet<String> = names
            .iter()
            .map(|(name, expected)| {
                let text = shown(OsStr::from_bytes(name));
                assert_eq!(text, *expected);
                text
            })
            .collect();
        assert_eq!(texts.len(), names.len());
    }
}
