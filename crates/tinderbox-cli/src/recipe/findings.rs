//! What reading a recipe brings to light: faults, known keys, and keys that nobody asked for.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use super::complaint::Complaint;

/// How alike two keys must be for one to be offered in place of the other.
const ALIKE: f64 = 0.6;

/// The most alike of some names, if any is alike enough to be what was meant.
pub fn nearest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase().replace('-', "_");
    among
        .into_iter()
        .map(|other| {
            let alike = strsim::normalized_damerau_levenshtein(&folded, &other.replace('-', "_"));
            let prefixed = other.starts_with(&folded) || folded.starts_with(other);
            (alike + if prefixed { 0.25 } else { 0.0 }, other)
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

/// What reading a document brings to light.
#[derive(Debug, Default)]
pub struct Findings {
    complaints: RefCell<Vec<Complaint>>,
    known: RefCell<BTreeSet<String>>,
    unknown: RefCell<Vec<(String, Range<usize>)>>,
}

impl Findings {
    /// Notes a fault.
    pub fn complain(&self, complaint: Complaint) {
        self.complaints.borrow_mut().push(complaint);
    }

    /// Notes a key that was asked for, by dotted path.
    pub(super) fn note_known(&self, path: String) {
        self.known.borrow_mut().insert(path);
    }

    /// Notes a key that nobody asked for, by dotted path, and where it was written.
    pub(super) fn note_unknown(&self, key: (String, Range<usize>)) {
        self.unknown.borrow_mut().push(key);
    }

    /// Every key that was asked for, by dotted path.
    pub fn known(&self) -> BTreeSet<String> {
        self.known.borrow().clone()
    }

    /// All faults; unknown keys come with the nearest key of the whole recipe.
    pub fn into_complaints(self) -> Vec<Complaint> {
        let mut complaints = self.complaints.into_inner();
        let known = self.known.into_inner();
        for (path, span) in self.unknown.into_inner() {
            let help = unknown_key_help(&path, &known);
            let complaint = Complaint::new(span, format!("unknown key `{path}`"));
            complaints.push(match help {
                Some(help) => complaint.with_help(help),
                None => complaint,
            });
        }
        complaints
    }
}

fn unknown_key_help(path: &str, known: &BTreeSet<String>) -> Option<String> {
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let split = |other: &'_ str| {
        let (parent, key) = other.rsplit_once('.').unwrap_or(("", other));
        (parent.to_string(), key.to_string())
    };
    let siblings: Vec<String> = known
        .iter()
        .map(|other| split(other))
        .filter(|(at, _)| at == parent)
        .map(|(_, key)| key)
        .collect();
    if let Some(near) = nearest(key, siblings.iter().map(String::as_str)) {
        return Some(format!("did you mean `{near}`?"));
    }
    let elsewhere = known.iter().find(|other| split(other).1 == key);
    if let Some(other) = elsewhere {
        return Some(format!("did you mean `{other}`?"));
    }
    let list: Vec<_> = siblings.iter().map(|key| format!("`{key}`")).collect();
    (!list.is_empty()).then(|| format!("known here: {}", list.join(", ")))
}
