//! Whether the quotes in a file of separated values enclose anything.

use std::io::BufRead;
use std::mem::take;

/// What the quotes in a file would enclose, read in three ways: as quotes, as quotes that a backslash may precede, and as characters.
#[derive(Debug, Default)]
pub(super) struct Quotes {
    pub plain: Reading,
    pub escaped: Reading,
    /// Fields that begin with a quote, if that is a character.
    pub begun: usize,
    without: Widths,
}

/// A file with quotes, read in one way.
#[derive(Debug, Default)]
pub(super) struct Reading {
    place: Place,
    /// Fields that begin with a quote.
    opened: usize,
    /// Quotes behind a backslash.
    pub skipped: usize,
    /// Closing quotes behind which the field goes on.
    malformed: usize,
    /// Line ends between quotes.
    line_ends: usize,
    widths: Widths,
}

/// How many fields records have.
#[derive(Debug, Default)]
struct Widths {
    first: Option<usize>,
    ragged: usize,
    current: usize,
    any: bool,
}

impl Widths {
    fn field(&mut self) {
        self.current += 1;
        self.any = true;
    }

    fn end(&mut self) {
        if take(&mut self.any) {
            let width = self.current + 1;
            self.ragged += usize::from(*self.first.get_or_insert(width) != width);
        }
        self.current = 0;
    }
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Start,
    Bare,
    Quoted,
    /// Behind a backslash between quotes.
    Escaped,
    Closing,
}

impl Reading {
    fn take(&mut self, byte: u8, delimiter: u8, escapes: bool) {
        let line_end = matches!(byte, b'\n' | b'\r');
        self.place = match (take(&mut self.place), byte) {
            (Place::Start, b'"') => {
                self.opened += 1;
                self.widths.any = true;
                Place::Quoted
            }
            (Place::Quoted, b'"') => Place::Closing,
            (Place::Quoted, b'\\') if escapes => Place::Escaped,
            (within @ (Place::Quoted | Place::Escaped), _) => {
                self.line_ends += usize::from(byte == b'\n');
                let is_escaped = matches!(within, Place::Escaped);
                self.skipped += usize::from(is_escaped && byte == b'"');
                Place::Quoted
            }
            (Place::Closing, b'"') => Place::Quoted,
            (_, _) if line_end => {
                self.widths.end();
                Place::Start
            }
            (_, _) if byte == delimiter => {
                self.widths.field();
                Place::Start
            }
            (Place::Closing, _) => {
                self.malformed += 1;
                Place::Bare
            }
            _ => {
                self.widths.any = true;
                Place::Bare
            }
        };
    }

    fn is_open(&self) -> bool {
        matches!(self.place, Place::Quoted | Place::Escaped)
    }

    /// Whether a quote is not where it can be.
    fn is_broken(&self) -> bool {
        self.malformed > 0 || self.is_open()
    }
}

impl Quotes {
    /// Reads the whole file once.
    pub fn scan(mut text: Box<dyn BufRead>, delimiter: u8) -> std::io::Result<Self> {
        let mut quotes = Self::default();
        let mut is_start = true;
        loop {
            let bytes = text.fill_buf()?;
            let length = bytes.len();
            if length == 0 {
                break;
            }
            for &byte in bytes {
                quotes.plain.take(byte, delimiter, false);
                quotes.escaped.take(byte, delimiter, true);
                quotes.begun += usize::from(is_start && byte == b'"');
                is_start = byte == delimiter || matches!(byte, b'\n' | b'\r');
                match byte {
                    b'\n' | b'\r' => quotes.without.end(),
                    _ if byte == delimiter => quotes.without.field(),
                    _ => quotes.without.any = true,
                }
            }
            text.consume(length);
        }
        quotes.plain.widths.end();
        quotes.escaped.widths.end();
        quotes.without.end();
        Ok(quotes)
    }

    /// Whether they are characters like any other: what they enclose makes no sense, and without them all rows have the same width.
    pub fn are_none(&self) -> bool {
        let several = self.without.first.is_some_and(|width| width > 1);
        let broken = self.plain.is_broken() || self.plain.line_ends > 0 && several;
        let rows_fit = self.without.ragged == 0 || self.without.ragged < self.plain.widths.ragged;
        self.plain.opened > 0 && broken && rows_fit && !self.are_escaped()
    }

    /// Whether they make sense only if those behind a backslash do not end their field.
    pub fn are_escaped(&self) -> bool {
        let ragged = |reading: &Reading| reading.widths.ragged;
        self.escaped.skipped > 0
            && self.plain.is_broken()
            && !self.escaped.is_broken()
            && ragged(&self.escaped) <= ragged(&self.plain)
    }
}
