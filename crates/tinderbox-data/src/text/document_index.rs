//! Where each document of a large file begins.

use super::plain_text::{Damage, bom_length};

/// What ends a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Boundary {
    /// The end of a line; a blank line is no document.
    Line,
    /// The end of a line, whatever it holds.
    AnyLine,
    /// A blank line.
    BlankLine,
}

/// Where documents begin, in memory: 8 bytes a document, and 16 more where lines between them are none.
///
/// It is made anew at each opening, by one pass over the file: nothing is written anywhere, and nothing can be stale.
#[derive(Debug, Default)]
pub(super) struct DocumentIndex {
    /// Where each document begins, then where the file ends.
    starts: Vec<usize>,
    /// A document and the line it begins at, wherever that does not follow the line at which the one before begins.
    jumps: Vec<(usize, u64)>,
    /// Lines of the file.
    pub(super) lines: usize,
    /// Of these, lines of nothing but white space.
    pub(super) blank: usize,
    /// Documents with a tab in them.
    pub(super) tabs: usize,
    /// Documents that hold bytes that are no text.
    pub(super) damage: Damage,
}

impl DocumentIndex {
    /// Reads a corpus once.
    pub(super) fn of(corpus: &[u8], boundary: Boundary) -> Self {
        let mut index = Self::default();
        let mut start = bom_length(corpus);
        // Whether the next line goes on with a document, and what is known of that.
        let (mut goes_on, mut damaged, mut tab) = (false, false, false);
        while start < corpus.len() {
            let newline = memchr::memchr(b'\n', &corpus[start..]);
            let end = newline.map_or(corpus.len(), |at| start + at);
            let line = &corpus[start..end];
            index.lines += 1;
            let blank = line.trim_ascii().is_empty();
            index.blank += usize::from(blank);
            if !blank || boundary == Boundary::AnyLine {
                if !goes_on {
                    index.begin(start);
                    (damaged, tab) = (false, false);
                }
                if !damaged {
                    damaged = index.damage.look(line, index.lines as u64);
                }
                if !tab && memchr::memchr(b'\t', line).is_some() {
                    tab = true;
                    index.tabs += 1;
                }
            }
            goes_on = boundary == Boundary::BlankLine && !blank;
            start = end + 1;
        }
        index.starts.push(corpus.len());
        index
    }

    fn begin(&mut self, start: usize) {
        let (document, line) = (self.starts.len(), self.lines as u64);
        if self.line_after_jump(document) != Some(line) {
            self.jumps.push((document, line));
        }
        self.starts.push(start);
    }

    /// The line of a document, if none was jumped over since the last jump.
    fn line_after_jump(&self, document: usize) -> Option<u64> {
        let behind = self.jumps.partition_point(|(at, _)| *at <= document);
        let (at, line) = self.jumps.get(behind.checked_sub(1)?)?;
        Some(line + (document - at) as u64)
    }

    /// How many documents there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where document `index` begins and where the next one does.
    ///
    /// # Panics
    /// If there is none.
    pub(super) fn span(&self, index: usize) -> (usize, usize) {
        (self.starts[index], self.starts[index + 1])
    }

    /// The line at which document `index` begins, counted from 1.
    pub(super) fn line(&self, index: usize) -> u64 {
        self.line_after_jump(index).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_know_their_lines() {
        let text = b"\n \na\nb\t\n\n\n\nc\xff\nd";
        let lines = |boundary| {
            let index = DocumentIndex::of(text, boundary);
            let lines = (0..index.len()).map(|document| index.line(document));
            (lines.collect::<Vec<_>>(), index)
        };
        let (found, index) = lines(Boundary::Line);
        assert_eq!(found, [3, 4, 8, 9]);
        assert_eq!((index.lines, index.blank, index.tabs), (9, 5, 1));
        assert_eq!((index.jumps.len(), index.damage.count()), (2, 1));
        assert_eq!(index.span(2), (11, 14));
        assert_eq!(lines(Boundary::AnyLine).0, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(lines(Boundary::BlankLine).0, [3, 8]);
        assert_eq!(DocumentIndex::of(b"", Boundary::Line).len(), 0);
    }
}
