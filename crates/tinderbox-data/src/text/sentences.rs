//! Sentences of a text.

/// What a full stop behind does not end a sentence.
const ABBREVIATIONS: [&str; 14] = [
    "Mr", "Mrs", "Ms", "Dr", "St", "Messrs", "Gen", "Col", "Gov", "Sen", "Rep", "Hon", "No", "vs",
];

/// What ends a sentence: also the marks of Indic, Arabic and East Asian scripts.
const ENDS: [char; 10] = [
    '.', '?', '!', '\u{964}', '\u{965}', '\u{61f}', '\u{6d4}', '\u{3002}', '\u{ff01}', '\u{ff1f}',
];
/// Of these, those that no white space follows.
const CLOSE: [&str; 3] = ["\u{3002}", "\u{ff01}", "\u{ff1f}"];

/// The sentences of a text, in order, without white space around them.
///
/// The end of a line ends a sentence. So does a full stop, a question mark or an exclamation mark, with quotes and brackets behind it, if
/// white space (not behind those of East Asian scripts) and no lower-case letter follow; the full stop of an initial or of an English title (`Mr.`) does not.
///
/// ```
/// use tinderbox_data::text::sentences;
/// let text = "\"Who?\" asked Mr. J. Smith. Nobody knew.\nThe end";
/// let found: Vec<&str> = sentences(text).collect();
/// assert_eq!(found, ["\"Who?\" asked Mr. J. Smith.", "Nobody knew.", "The end"]);
/// ```
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(of_line)
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty())
}

fn of_line(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, mark) in line.match_indices(ENDS) {
        let behind = line[at + mark.len()..].trim_start_matches([
            '\"', '\'', ')', ']', '\u{201d}', '\u{2019}', '`', '\u{300d}', '\u{300f}', '\u{ff09}',
        ]);
        let end = line.len() - behind.len();
        let next = behind.trim_start();
        let parted = next.len() < behind.len() || CLOSE.contains(&mark);
        let goes_on = next.chars().next().is_none_or(char::is_lowercase);
        if end < start || !parted || goes_on || (mark == "." && is_abbreviation(&line[start..at])) {
            continue;
        }
        found.push(&line[start..end]);
        start = end;
    }
    found.push(&line[start..]);
    found
}

/// Whether what stands before a full stop ends with an initial or a title.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_alphanumeric()).next();
    let word = word.unwrap_or_default();
    let mut letters = word.chars();
    let initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    initial || ABBREVIATIONS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_lines_and_quotes_end_sentences() {
        let found = |text| sentences(text).collect::<Vec<_>>();
        assert_eq!(
            found("One. Two! Three? four"),
            ["One.", "Two!", "Three? four"]
        );
        assert_eq!(found("He said (so.) Then."), ["He said (so.)", "Then."]);
        assert_eq!(
            found("At 3.5 per cent. 1850 was"),
            ["At 3.5 per cent.", "1850 was"]
        );
        assert_eq!(
            found("U. S. Grant and Gen. Lee.\n\n  x "),
            ["U. S. Grant and Gen. Lee.", "x"]
        );
        assert_eq!(found("wait... What"), ["wait...", "What"]);
        assert_eq!(found("वह आया। वह गया।"), ["वह आया।", "वह गया।"]);
        assert_eq!(
            found("他来了。「谁？」他问。"),
            ["他来了。", "「谁？」", "他问。"]
        );
        assert_eq!(found("من هو؟ لا أعرف."), ["من هو؟", "لا أعرف."]);
        assert_eq!(found(" \n "), [""; 0]);
    }

    proptest! {
        #[test]
        fn nothing_but_white_space_is_lost(text in "[A-Za-z.?!\"') \n\u{201d}]{0,60}") {
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            let together: String = sentences(&text).map(bare).collect();
            prop_assert_eq!(together, bare(&text));
        }
    }
}
