//! The ledger: what of some data is not used as it was given, counted and with its reason.
//!
//! Readers, preprocessing and splits write into one; whoever shows data shows all of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Examples that a remark keeps at most.
const EXAMPLES: usize = 3;

/// Something that is left out, cut, changed or guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What it concerns, in the plural, such as `columns` or `texts`.
    pub what: String,
    /// How many of these.
    pub count: u64,
    /// Of how many, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// What becomes of them and why, such as `are dropped: neither numbers nor categories`.
    pub becomes: String,
    /// The first few, as the user wrote them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// The key of a recipe that changes it, with a value, such as `data.missing = ["?"]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Remark {
    /// `count` of something: `Remark::new("texts", 2, "are longer than 32 tokens; their ends are not read")`.
    pub fn new(what: impl Into<String>, count: usize, becomes: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            count: count as u64,
            of: None,
            becomes: becomes.into(),
            examples: Vec::new(),
            key: None,
        }
    }

    /// Says of how many.
    #[must_use]
    pub fn of(mut self, all: usize) -> Self {
        self.of = Some(all as u64);
        self
    }

    /// Names the first few.
    #[must_use]
    pub fn examples<T: Into<String>>(mut self, examples: impl IntoIterator<Item = T>) -> Self {
        let room = EXAMPLES - self.examples.len();
        let more = examples.into_iter().take(room).map(Into::into);
        self.examples.extend(more);
        self
    }

    /// Names the key that changes it.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.count)?;
        if let Some(of) = self.of {
            write!(f, " of {of}")?;
        }
        write!(f, " {} {}", self.what, self.becomes)?;
        if !self.examples.is_empty() {
            let more = if self.count > self.examples.len() as u64 {
                ", ..."
            } else {
                ""
            };
            write!(f, " ({}{more})", self.examples.join(", "))?;
        }
        match &self.key {
            Some(key) => write!(f, "; `{key}` changes that"),
            None => Ok(()),
        }
    }
}

/// All remarks on some data, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ledger {
    remarks: Vec<Remark>,
}

impl Ledger {
    /// Adds a remark, unless it is on nothing. What was remarked in the same words before is counted together with it.
    pub fn add(&mut self, remark: Remark) {
        if remark.count == 0 {
            return;
        }
        let same = |other: &&mut Remark| {
            (&other.what, &other.becomes, &other.key)
                == (&remark.what, &remark.becomes, &remark.key)
        };
        let Some(known) = self.remarks.iter_mut().find(same) else {
            self.remarks.push(remark);
            return;
        };
        known.count += remark.count;
        known.of = known.of.zip(remark.of).map(|(one, other)| one + other);
        let room = EXAMPLES.saturating_sub(known.examples.len());
        known
            .examples
            .extend(remark.examples.into_iter().take(room));
    }

    /// Adds all remarks of another.
    pub fn extend(&mut self, other: Self) {
        for remark in other.remarks {
            self.add(remark);
        }
    }

    /// The remarks.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Whether everything is used as it was given.
    pub fn is_empty(&self) -> bool {
        self.remarks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_reads_as_a_sentence() {
        let remark = Remark::new("columns", 5, "are dropped: not numbers")
            .of(8)
            .examples(["price (\"1,5\")", "b", "c", "d"])
            .key("data.decimal = \",\"");
        assert_eq!(
            remark.to_string(),
            "5 of 8 columns are dropped: not numbers (price (\"1,5\"), b, c, ...); \
             `data.decimal = \",\"` changes that"
        );
    }

    #[test]
    fn what_is_the_same_is_counted_together_and_nothing_is_no_remark() {
        let mut ledger = Ledger::default();
        ledger.add(Remark::new("files", 0, "are ignored"));
        assert!(ledger.is_empty());
        let one = || Remark::new("files", 2, "are ignored").of(10);
        ledger.add(one().examples(["a", "b"]));
        let mut other = Ledger::default();
        other.add(one().examples(["c", "d"]));
        ledger.extend(other);
        let text: Vec<String> = ledger.remarks().iter().map(Remark::to_string).collect();
        assert_eq!(text, ["4 of 20 files are ignored (a, b, c, ...)"]);
    }
}
