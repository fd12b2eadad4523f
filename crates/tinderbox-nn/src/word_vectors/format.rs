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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutWords {
    /// Those that are not UTF-8.
    pub not_utf8: usize,
    /// Those that came before: the first vector stays, as in gensim.
    pub repeated: usize,
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
}

impl Rows {
    fn new(dimension: usize) -> Self {
        Self {
            dimension,
            words: Vec::new(),
            known: HashSet::new(),
            matrix: Vec::new(),
            left_out: LeftOutWords::default(),
        }
    }

    /// Adds a word with its numbers, which `values` gives one by one.
    fn push(
        &mut self,
        word: &[u8],
        place: impl Fn() -> String,
        values: impl Iterator<Item = Result<f32, WordVectorsError>>,
    ) -> Result<(), WordVectorsError> {
        let before = self.matrix.len();
        for value in values {
            let value = value?;
            if !value.is_finite() {
                return Err(WordVectorsError::malformed(
                    place(),
                    "finite numbers",
                    value,
                ));
            }
            self.matrix.push(value);
        }
        match std::str::from_utf8(word) {
            Ok(word) if self.known.insert(word.to_owned()) => {
                self.words.push(word.to_owned());
                return Ok(());
            }
            Ok(_) => self.left_out.repeated += 1,
            Err(_) => self.left_out.not_utf8 += 1,
        }
        self.matrix.truncate(before);
        Ok(())
    }

    fn finish(self, words: Option<usize>) -> Result<(WordVectors, LeftOutWords), WordVectorsError> {
        let LeftOutWords { not_utf8, repeated } = self.left_out;
        let read = self.words.len() + not_utf8 + repeated;
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

/// Lines of a word and its numbers. The last numbers of a line are taken, so that a word may hold spaces, as some of GloVe's do.
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
        let place = || format!("line {number}");
        let text = bytes.trim_ascii_end();
        if text.is_empty() {
            number += 1;
            continue;
        }
        let rows = match &mut rows {
            Some(rows) => rows,
            None => {
                // The first line says how many numbers there are.
                let numbers = text.split(|byte| *byte == b' ').count() - 1;
                if numbers == 0 {
                    let got = quote(text);
                    return Err(WordVectorsError::malformed(
                        place(),
                        "a word and numbers",
                        got,
                    ));
                }
                rows.insert(Rows::new(numbers))
            }
        };
        let mut parts = text.rsplitn(rows.dimension.saturating_add(1), |byte| *byte == b' ');
        // From the last number to the first, then the word.
        let mut values: Vec<&[u8]> = parts.by_ref().take(rows.dimension).collect();
        let word = parts.next();
        let Some(word) = word.filter(|word| !word.is_empty()) else {
            let expected = format!("a word and {} numbers", rows.dimension);
            return Err(WordVectorsError::malformed(place(), expected, quote(text)));
        };
        values.reverse();
        let values = values.into_iter().map(|value| {
            let parsed = std::str::from_utf8(value)
                .ok()
                .and_then(|value| value.parse().ok());
            parsed.ok_or_else(|| WordVectorsError::malformed(place(), "a number", quote(value)))
        });
        rows.push(word, place, values)?;
        number += 1;
    }
    rows.ok_or_else(|| WordVectorsError::malformed("the file", "a word and numbers", "nothing"))
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
        rows.push(
            word,
            place,
            floats.iter().map(|bytes| Ok(f32::from_le_bytes(*bytes))),
        )?;
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
