//! From texts to the tokens that a model reads.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::sentence_pair::SPECIAL;
use super::tokeniser::{Encoded, Role, Tokeniser};
use super::{SpecialTokens, TokenItem};
use crate::DataError;

/// Bytes a wanted token beyond which a text is first tried by its start alone.
const BYTES_A_TOKEN: usize = 64;

/// A tokeniser, and the length that sequences are cut to: the only path from a text to the input of a model, in training and in
/// prediction.
#[derive(Debug, Clone)]
pub struct TextPreprocess {
    tokeniser: Arc<Tokeniser>,
    length: usize,
    special: SpecialTokens,
}

impl TextPreprocess {
    /// Sequences of at most `length` tokens, special ones included.
    ///
    /// # Errors
    /// [`DataError::Config`] if `length` is below 5, or the vocabulary leaves fewer than two ordinary tokens;
    /// [`DataError::Tokeniser`] when it has no `[PAD]`, `[CLS]`, `[SEP]` or `[MASK]`, by these names or RoBERTa's.
    pub fn new(tokeniser: Tokeniser, length: usize) -> Result<Self, DataError> {
        if length < SPECIAL + 2 {
            return Err(DataError::config("length", "at least 5", length));
        }
        let special = tokeniser.special_tokens()?;
        special.validate()?;
        Ok(Self {
            tokeniser: Arc::new(tokeniser),
            length,
            special,
        })
    }

    /// The tokeniser.
    pub fn tokeniser(&self) -> &Tokeniser {
        &self.tokeniser
    }

    /// The most tokens of a sequence.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The special tokens, and the size of the vocabulary.
    pub fn special(&self) -> &SpecialTokens {
        &self.special
    }

    /// `[CLS] text [SEP]` in segment 0, and of a pair `second [SEP]` in segment 1. What is too long loses tokens at its end, of a
    /// pair the longer of the two first, as where the `tokenizers` library cuts the longest first.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn item(&self, text: &str, second: Option<&str>) -> Result<TokenItem, DataError> {
        Ok(self.reading(text, second)?.item)
    }

    /// As [`item`](Self::item), with what is known of how the texts became tokens.
    pub(super) fn reading(&self, text: &str, second: Option<&str>) -> Result<Reading, DataError> {
        let mut parts = vec![self.encode(text)?];
        parts.extend(second.map(|second| self.encode(second)).transpose()?);
        let whole: usize = parts.iter().map(|part| part.ids.len()).sum();
        let room = match &parts[..] {
            [one, other] => {
                let [one, other] = [one, other].map(|part| part.looked_at(self.length));
                let room = self.length - SPECIAL;
                let (half, more) = (room / 2, room - room / 2);
                // Both halves are taken only if both are too long; the longer has the odd token.
                match one <= other {
                    true => vec![room - other.min(more), room - one.min(half)],
                    false => vec![room - other.min(half), room - one.min(more)],
                }
            }
            _ => vec![self.length - 2],
        };
        for (part, room) in parts.iter_mut().zip(room) {
            part.truncate(room);
        }
        let read: usize = parts.iter().map(|part| part.ids.len()).sum();
        let mut item = TokenItem::new(vec![self.special.cls]);
        for (segment, part) in (0..).zip(&parts) {
            self.append(&mut item, part, segment);
        }
        let unknown = self.tokeniser.special(Role::Unknown);
        let texts = [Some(text), second];
        let unknown = parts.iter().zip(texts).flat_map(|(part, text)| {
            let places = part.ids.iter().zip(&part.bytes);
            let places = places.filter(move |(id, _)| Some(**id) == unknown);
            places.map(move |(_, (from, to))| text?.get(*from..*to))
        });
        Ok(Reading {
            unknown: unknown
                .map(|word| word.unwrap_or_default().to_owned())
                .collect(),
            tokens: read,
            cut: read < whole,
            item,
        })
    }

    /// `[CLS] words [SEP]` of words that are known as such, as in a corpus of tagged words: whatever the tokeniser makes of a word, its
    /// first token begins it and the others continue it. A word of which it makes nothing is unknown. What is too long loses tokens at its
    /// end.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn item_of_words<W: AsRef<str>>(&self, words: &[W]) -> Result<TokenItem, DataError> {
        let (mut tokens, mut continues) = (Vec::new(), Vec::new());
        for word in words {
            let ids = self.pieces(word.as_ref())?;
            continues.extend((0..ids.len()).map(|piece| piece > 0));
            tokens.extend(ids);
            if tokens.len() >= self.length {
                break;
            }
        }
        tokens.truncate(self.length - 2);
        continues.truncate(self.length - 2);
        Ok(self.framed(tokens, continues))
    }

    /// As [`item_of_words`](Self::item_of_words), in as many sequences as the words need, each with how many of them it holds. A word
    /// that is longer than a sequence loses tokens at its end.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`].
    pub fn items_of_words<W: AsRef<str>>(
        &self,
        words: &[W],
    ) -> Result<Vec<(TokenItem, usize)>, DataError> {
        let room = self.length - 2;
        let mut items = Vec::new();
        let (mut tokens, mut continues, mut count) = (Vec::new(), Vec::new(), 0);
        for word in words {
            let mut ids = self.pieces(word.as_ref())?;
            ids.truncate(room);
            if tokens.len() + ids.len() > room {
                let full = (std::mem::take(&mut tokens), std::mem::take(&mut continues));
                items.push((self.framed(full.0, full.1), count));
                count = 0;
            }
            continues.extend((0..ids.len()).map(|piece| piece > 0));
            tokens.extend(ids);
            count += 1;
        }
        if count > 0 {
            items.push((self.framed(tokens, continues), count));
        }
        Ok(items)
    }

    /// `part [SEP]` behind what an item has, in a segment.
    pub(super) fn append(&self, item: &mut TokenItem, part: &Encoded, segment: u32) {
        item.continues.extend(part.continues_word());
        item.tokens.extend(&part.ids);
        item.tokens.push(self.special.sep);
        item.continues.push(false);
        item.segments.resize(item.tokens.len(), segment);
    }

    /// The tokens of a word, at least one, none of which is one that frames sequences.
    fn pieces(&self, word: &str) -> Result<Vec<u32>, DataError> {
        let frame = [self.special.pad, self.special.cls, self.special.sep];
        let mut ids = self.tokeniser.encode(word, false)?.ids;
        ids.retain(|id| !frame.contains(id));
        if ids.is_empty() {
            let unknown = self.tokeniser.special(Role::Unknown);
            ids.push(unknown.unwrap_or(self.special.mask));
        }
        Ok(ids)
    }

    /// `[CLS] tokens [SEP]`, all in segment 0.
    fn framed(&self, mut tokens: Vec<u32>, mut continues: Vec<bool>) -> TokenItem {
        tokens.insert(0, self.special.cls);
        continues.insert(0, false);
        tokens.push(self.special.sep);
        continues.push(false);
        TokenItem::new(tokens).with_continuations(continues)
    }

    /// The tokens of a text, without special ones, as many as a sequence may need.
    ///
    /// A long text is cut at white space before it is tokenised: of a document of megabytes a sequence needs the start alone.
    pub(super) fn encode(&self, text: &str) -> Result<Encoded, DataError> {
        let start = start_of(text, BYTES_A_TOKEN * self.length);
        let encoded = self.tokeniser.encode(start, false)?;
        if start.len() < text.len() && encoded.ids.len() < self.length {
            return self.tokeniser.encode(text, false);
        }
        Ok(encoded)
    }
}

/// A text, or two, as a model reads it.
pub(super) struct Reading {
    pub(super) item: TokenItem,
    /// Tokens but for those of the frame.
    pub(super) tokens: usize,
    /// Of these, what the vocabulary does not know.
    pub(super) unknown: Vec<String>,
    /// Whether there were more.
    pub(super) cut: bool,
}

/// The text up to the first white space behind `bytes`, or all of it.
fn start_of(text: &str, bytes: usize) -> &str {
    let from = text.ceil_char_boundary(bytes.min(text.len()));
    match text[from..].find(char::is_whitespace) {
        Some(end) => &text[..from + end],
        None => text,
    }
}

impl PartialEq for TextPreprocess {
    fn eq(&self, other: &Self) -> bool {
        let same = || self.tokeniser.json().ok() == other.tokeniser.json().ok();
        self.length == other.length && (Arc::ptr_eq(&self.tokeniser, &other.tokeniser) || same())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    length: usize,
    /// The content of a `tokenizer.json`.
    tokeniser: Value,
}

impl Serialize for TextPreprocess {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        let json = self.tokeniser.json().map_err(S::Error::custom)?;
        let tokeniser = serde_json::from_str(&json).map_err(S::Error::custom)?;
        let length = self.length;
        Written { length, tokeniser }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TextPreprocess {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let Written { length, tokeniser } = Written::deserialize(deserializer)?;
        Tokeniser::from_json(tokeniser.to_string().as_bytes())
            .and_then(|tokeniser| Self::new(tokeniser, length))
            .map_err(D::Error::custom)
    }
}

impl Tokeniser {
    /// What views need to know of the vocabulary.
    ///
    /// # Errors
    /// [`DataError::Tokeniser`] when a token is missing that sequences are made with.
    pub fn special_tokens(&self) -> Result<SpecialTokens, DataError> {
        let id = |role, name: &str| {
            self.special(role).ok_or_else(|| DataError::Tokeniser {
                message: format!("the vocabulary has no {name}"),
            })
        };
        Ok(SpecialTokens {
            vocabulary: self.vocabulary_size() as u32,
            pad: id(Role::Pad, "[PAD]")?,
            cls: id(Role::Cls, "[CLS]")?,
            sep: id(Role::Sep, "[SEP]")?,
            mask: id(Role::Mask, "[MASK]")?,
            others: self.special(Role::Unknown).into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TaggedSample, testing};
    use super::*;

    fn preprocess(length: usize) -> TextPreprocess {
        testing::preprocess("to be or not to be that is the question", length)
    }

    #[test]
    fn texts_are_framed_and_cut_at_their_ends() {
        let preprocess = preprocess(6);
        let whole = preprocess.item("to be or not to be", None).unwrap();
        let words: Vec<u32> = ["to", "be", "or", "not"]
            .map(|word| preprocess.tokeniser().id(word).unwrap())
            .to_vec();
        assert_eq!(whole.tokens, [&[2][..], &words, &[3]].concat());
        assert_eq!(whole.segments, [0; 6]);
        let pair = preprocess.item("to be or not", Some("be")).unwrap();
        assert_eq!(
            pair.tokens,
            [2, words[0], words[1], 3, words[1], 3],
            "the longer loses first"
        );
        assert_eq!(pair.segments, [0, 0, 0, 0, 1, 1]);
        let empty = preprocess.item("", None).unwrap();
        assert_eq!(empty.tokens, [2, 3]);
        let unknown = preprocess.item("\u{4e00}", None).unwrap();
        assert_eq!(unknown.tokens, [2, 1, 3]);
    }

    #[test]
    fn words_stay_words_whatever_is_inside_them() {
        let preprocess = preprocess(12);
        // "be", "-" and "or" are one word of the corpus; of the second the tokeniser makes nothing.
        let item = preprocess
            .item_of_words(&["be-or", "\u{200b}", "not"])
            .unwrap();
        assert_eq!(
            item.continues,
            [false, false, true, true, false, false, false]
        );
        let classes = [Some(4), Some(5), Some(6)];
        let sample = TaggedSample::of_words(item, &classes, preprocess.special(), 0);
        assert_eq!(
            sample.tags,
            [None, Some(4), None, None, Some(5), Some(6), None]
        );
        let cut = preprocess.item_of_words(&["or"; 40]).unwrap();
        assert_eq!((cut.tokens.len(), cut.tokens[11]), (12, 3));
        // A word that is written like a special token is none.
        let odd = preprocess.item_of_words(&["[SEP]", "or"]).unwrap();
        assert_eq!(odd.tokens[..2], [2, 1]);
    }

    #[test]
    fn words_go_on_in_another_sequence() {
        let preprocess = preprocess(6);
        // The word of nine pieces is longer than the four places of a sequence.
        let words = ["to", "be", "or", "not", "to-be-or-not-to", "be"];
        let items = preprocess.items_of_words(&words).unwrap();
        let counts: Vec<usize> = items.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [4, 1, 1]);
        assert_eq!(items[0].0, preprocess.item_of_words(&words[..4]).unwrap());
        assert_eq!(items[1].0.tokens.len(), 6);
        assert_eq!(
            items[1].0.continues,
            [false, false, true, true, true, false]
        );
        assert!(preprocess.items_of_words::<&str>(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_long_text_gives_the_tokens_of_its_start() {
        let preprocess = preprocess(8);
        let short = "not to be or to be not ".repeat(2);
        let long = short.repeat(100_000);
        let item = |text: &str| preprocess.item(text, None).unwrap();
        assert_eq!(item(&long), item(&short));
        // White space alone fills the start.
        let late = format!("{}to be", " ".repeat(10_000));
        assert_eq!(item(&late), item("to be"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let preprocess = preprocess(8);
        let text = serde_json::to_string(&preprocess).unwrap();
        let read: TextPreprocess = serde_json::from_str(&text).unwrap();
        assert_eq!(read, preprocess);
        let short = text.replace("\"length\":8", "\"length\":4");
        let error = serde_json::from_str::<TextPreprocess>(&short).unwrap_err();
        assert!(error.to_string().contains("at least 5"), "{error}");
    }
}
