//! The files of word2vec and GloVe.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{WordVectors, WordVectorsError};

/// How words and vectors lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordVectorsFormat {
    /// A line `WORDS DIMENSION`, then a line a word: the word and its numbers, parted by spaces.
    Word2VecText,
    /// A line `WORDS DIMENSION`, then for each word its bytes, a space and its numbers as little-endian 32-bit floats; a line
    /// break may follow.
    Word2VecBinary,
    /// A line a word: the word and its numbers, parted by spaces.
    GloveText,
}

/// The most of a file that an error quotes.
const QUOTED: usize = 40;

/// Words of a file that have no vector of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutWords {
    /// Those that are not UTF-8.
    pub not_utf8: usize,
    /// Those that came before: the first vector stays, as in gensim.
    pub repeated: usize,
    /// Those without as many finite numbers as the others, which are fewer than the words that are read.
    pub malformed: usize,
    /// What is wrong with the first of these.
    pub first_malformed: Option<String>,
}

impl LeftOutWords {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.not_utf8 + self.repeated + self.malformed
    }
}

impl WordVectors {
    /// Reads a file as [`parse`](Self::parse) does.
    ///
    /// # Errors
    /// [`WordVectorsError`] if the file cannot be read or is not what its format says.
    pub fn read(
        path: impl AsRef<Path>,
        format: WordVectorsFormat,
    ) -> Result<Self, WordVectorsError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| WordVectorsError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        let parsed = Self::parse(&bytes, format).map_err(|error| error.in_file(path))?;
        Ok(parsed.0)
    }

    /// Reads the bytes of a file, with or without a byte order mark, and counts the words that are left out. Memory is taken for what the bytes
    /// hold, not for what they claim to.
    ///
    /// # Errors
    /// [`WordVectorsError`] if they are not what the format says.
    pub fn parse(
        bytes: &[u8],
        format: WordVectorsFormat,
    ) -> Result<(Self, LeftOutWords), WordVectorsError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match format {
            WordVectorsFormat::Word2VecText => {
                let (header, rest) = line(bytes);
                let (words, dimension) = parse_header(header)?;
                let vectors = parse_lines(rest, 2, Some(dimension))?;
                vectors.finish(Some(words))
            }
            WordVectorsFormat::GloveText => parse_lines(bytes, 1, None)?.finish(None),
            WordVectorsFormat::Word2VecBinary => parse_binary(bytes),
        }
    }

    /// Writes a file under a temporary name and renames it when it is whole. Numbers in text are the shortest that are read as the same floats.
    ///
    /// # Errors
    /// [`WordVectorsError::Unwritable`] for a word that is empty or has white space; [`WordVectorsError::Write`].
    pub fn write(
        &self,
        path: impl AsRef<Path>,
        format: WordVectorsFormat,
    ) -> Result<(), WordVectorsError> {
        let path = path.as_ref();
        let bytes = self.to_bytes(format)?;
        let failed = |reason: String| WordVectorsError::Write {
            path: path.to_path_buf(),
            reason,
        };
        let (target, mut file) =
            burn_pack::AtomicFile::create(path).map_err(|error| failed(error.to_string()))?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .map_err(|error| failed(error.to_string()))?;
        drop(file);
        target.commit().map_err(|error| failed(error.to_string()))
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`WordVectorsError::Unwritable`] for a word that is empty or has white space.
    pub fn to_bytes(&self, format: WordVectorsFormat) -> Result<Vec<u8>, WordVectorsError> {
        let unwritable = |word: &&String| word.is_empty() || word.contains(char::is_whitespace);
        if let Some(word) = self.words.iter().find(unwritable) {
            return Err(WordVectorsError::Unwritable { word: word.clone() });
        }
        let mut bytes = Vec::new();
        if format != WordVectorsFormat::GloveText {
            bytes.extend(format!("{} {}\n", self.len(), self.dimension).bytes());
        }
        let mut number = String::new();
        for (word, row) in self
            .words
            .iter()
            .zip(self.matrix.chunks_exact(self.dimension))
        {
            bytes.extend(word.bytes());
            if format == WordVectorsFormat::Word2VecBinary {
                bytes.push(b' ');
                row.iter()
                    .for_each(|value| bytes.extend(value.to_le_bytes()));
            } else {
                for value in row {
                    number.clear();
                    write!(number, " {value}").expect("a string takes all");
                    bytes.extend(number.bytes());
                }
            }
            bytes.push(b'\n');
        }
        Ok(bytes)
    }
}

/// What has been read so far.
struct Rows {
    dimension: usize,
    words: Vec<String>,
    known: HashSet<String>,
    matrix: Vec<f32>,
    left_out: LeftOutWords,
    first_malformed: Option<WordVectorsError>,
}

impl Rows {
    fn new(dimension: usize) -> Self {
        Self {
            dimension,
            words: Vec::new(),
            known: HashSet::new(),
            matrix: Vec::new(),
            left_out: LeftOutWords::default(),
            first_malformed: None,
        }
    }

    /// Adds a word with its numbers, if they are finite and it is a new one.
    fn push(
        &mut self,
        word: &[u8],
        values: Result<Vec<f32>, WordVectorsError>,
        place: impl Fn() -> String,
    ) {
        let finite = values.and_then(|values| match values.iter().find(|v| !v.is_finite()) {
            Some(value) => Err(WordVectorsError::malformed(
                place(),
                "finite numbers",
                value,
            )),
            None => Ok(values),
        });
        match (finite, std::str::from_utf8(word)) {
            (Err(error), _) => {
                self.left_out.malformed += 1;
                self.first_malformed.get_or_insert(error);
            }
            (Ok(values), Ok(word)) if self.known.insert(word.to_owned()) => {
                self.words.push(word.to_owned());
                self.matrix.extend(values);
            }
            (Ok(_), Ok(_)) => self.left_out.repeated += 1,
            (Ok(_), Err(_)) => self.left_out.not_utf8 += 1,
        }
    }

    fn finish(
        mut self,
        words: Option<usize>,
    ) -> Result<(WordVectors, LeftOutWords), WordVectorsError> {
        if let Some(error) = self.first_malformed {
            // A file most of which is no word with numbers is something else.
            if self.left_out.malformed >= self.words.len() {
                return Err(error);
            }
            self.left_out.first_malformed = Some(error.to_string());
        }
        let read = self.words.len() + self.left_out.count();
        if let Some(words) = words
            && words != read
        {
            let expected = format!("{words} words, as the first line says");
            return Err(WordVectorsError::malformed("the file", expected, read));
        }
        let vectors = WordVectors::new(self.words, self.dimension, self.matrix)?;
        Ok((vectors, self.left_out))
    }
}

/// The first line, without its end, and what follows it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn parse_header(header: &[u8]) -> Result<(usize, usize), WordVectorsError> {
    let numbers = std::str::from_utf8(header).ok().and_then(|header| {
        let mut numbers = header.split_ascii_whitespace().map(str::parse::<usize>);
        match (numbers.next()?, numbers.next()?, numbers.next()) {
            (Ok(words), Ok(dimension), None) if dimension > 0 => Some((words, dimension)),
            _ => None,
        }
    });
    let expected = "the number of words and the size of a vector";
    numbers.ok_or_else(|| WordVectorsError::malformed("line 1", expected, quote(header)))
}

/// Lines of a word and its numbers, parted by spaces or tabs. The last numbers of a line are taken, so that a word may hold spaces, as some
/// of GloVe's do.
fn parse_lines(
    mut rest: &[u8],
    first: usize,
    dimension: Option<usize>,
) -> Result<Rows, WordVectorsError> {
    let mut rows = dimension.map(Rows::new);
    let mut number = first;
    while !rest.is_empty() {
        let (bytes, behind) = line(rest);
        rest = behind;
        let text = bytes.trim_ascii_end();
        let place = || format!("line {number}");
        if !text.is_empty() {
            // The first line says how many numbers there are.
            let dimension = rows.as_ref().map(|rows| rows.dimension);
            let dimension = dimension.unwrap_or_else(|| numbers_behind(text));
            if dimension == 0 {
                let expected = "a word and numbers";
                return Err(WordVectorsError::malformed(place(), expected, quote(text)));
            }
            let rows = rows.get_or_insert_with(|| Rows::new(dimension));
            match word_and_values(text, dimension) {
                Some((word, values)) => {
                    let values = values.into_iter().rev().map(|value| {
                        parsed(value).ok_or_else(|| {
                            WordVectorsError::malformed(place(), "a number", quote(value))
                        })
                    });
                    rows.push(word, values.collect(), place);
                }
                None => {
                    let expected = format!("a word and {dimension} numbers");
                    let error = WordVectorsError::malformed(place(), expected, quote(text));
                    rows.push(text, Err(error), place);
                }
            }
        }
        number += 1;
    }
    rows.ok_or_else(|| WordVectorsError::malformed("the file", "a word and numbers", "nothing"))
}

fn is_gap(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn parsed(value: &[u8]) -> Option<f32> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// How many numbers stand behind a word; if there is none, how many parts.
fn numbers_behind(text: &[u8]) -> usize {
    let parts = || text.split(is_gap).filter(|part| !part.is_empty());
    let most = parts().count().saturating_sub(1);
    let numbers = parts().rev().take_while(|part| parsed(part).is_some());
    match numbers.count().min(most) {
        0 => most,
        numbers => numbers,
    }
}

/// The word of a line, and its last parts, from the last on.
fn word_and_values(text: &[u8], count: usize) -> Option<(&[u8], Vec<&[u8]>)> {
    let mut rest = text;
    let mut values = Vec::new();
    for _ in 0..count {
        rest = without_gaps(rest);
        let at = rest.iter().rposition(is_gap)?;
        values.push(&rest[at + 1..]);
        rest = &rest[..at];
    }
    let word = without_gaps(rest);
    (!word.is_empty()).then_some((word, values))
}

fn without_gaps(mut text: &[u8]) -> &[u8] {
    while let [before @ .., last] = text
        && is_gap(last)
    {
        text = before;
    }
    text
}

fn parse_binary(bytes: &[u8]) -> Result<(WordVectors, LeftOutWords), WordVectorsError> {
    let (header, mut rest) = line(bytes);
    let (words, dimension) = parse_header(header)?;
    let mut rows = Rows::new(dimension);
    let vector = dimension
        .checked_mul(4)
        .filter(|size| *size <= rest.len() || words == 0);
    let too_short = |number: usize, left: usize| {
        let expected = format!("a word, a space and {dimension} floats");
        WordVectorsError::malformed(format!("word {number}"), expected, format!("{left} bytes"))
    };
    let vector = vector.ok_or_else(|| too_short(1, rest.len()))?;
    for number in 1..=words {
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        let end = rest.iter().position(|byte| *byte == b' ');
        let parts =
            end.and_then(|end| Some((&rest[..end], rest[end + 1..].split_at_checked(vector)?)));
        let Some((word, (values, behind))) = parts else {
            return Err(too_short(number, rest.len()));
        };
        let place = || format!("word {number}");
        if word.is_empty() {
            return Err(WordVectorsError::malformed(place(), "a word", "a space"));
        }
        let (floats, _) = values.as_chunks::<4>();
        let floats = floats.iter().map(|bytes| f32::from_le_bytes(*bytes));
        rows.push(word, Ok(floats.collect()), place);
        rest = behind;
    }
    let left = rest.trim_ascii();
    if !left.is_empty() {
        let got = format!("{} bytes more", left.len());
        return Err(WordVectorsError::malformed(
            "the file",
            format!("{words} words"),
            got,
        ));
    }
    rows.finish(Some(words))
}

fn quote(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(QUOTED)];
    let more = if cut.len() < bytes.len() { "..." } else { "" };
    format!("{:?}{more}", String::from_utf8_lossy(cut))
}
