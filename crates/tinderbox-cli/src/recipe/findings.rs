//! What reading a recipe brings to light: faults, known keys, and keys that nobody asked for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::complaint::Complaint;
use super::document::Override;

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

/// What a reader says of a key that it asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownKey {
    /// What is accepted, such as `1 or more`; nothing for a table.
    pub accepts: String,
    /// What it is without being written, in TOML; none if that depends, or is nothing.
    pub default: Option<String>,
}

/// What reading a document brings to light.
#[derive(Debug, Default)]
pub struct Findings {
    complaints: RefCell<Vec<Complaint>>,
    known: RefCell<BTreeMap<String, KnownKey>>,
    unknown: RefCell<Vec<(String, Range<usize>)>>,
    /// Tables whose `kind` an override sets, and to what.
    kinds: Vec<(String, String)>,
    explores: bool,
}

impl Findings {
    /// Findings that ask tables which other crates define for their keys, too.
    pub(super) fn exploring() -> Self {
        Self {
            explores: true,
            ..Self::default()
        }
    }

    /// Findings in a document with some overrides.
    pub(super) fn with(overrides: &[Override]) -> Self {
        let kinds = overrides.iter().filter_map(|set| {
            let (key, kind) = set.text.split_once('=')?;
            let table = key.trim().strip_suffix(".kind")?;
            Some((table.to_string(), kind.trim().trim_matches('"').to_string()))
        });
        Self {
            kinds: kinds.collect(),
            ..Self::default()
        }
    }

    /// What helps with a key at `path` that its table does not have, where an override gave the
    /// table another kind.
    pub(super) fn help_of_kind(&self, path: &str) -> Option<String> {
        help_of_kind(path.rsplit_once('.')?.0, &self.kinds)
    }

    /// Whether tables of other crates are asked for their keys.
    pub(super) fn explores(&self) -> bool {
        self.explores
    }

    /// Notes a fault.
    pub fn complain(&self, complaint: Complaint) {
        self.complaints.borrow_mut().push(complaint);
    }

    /// Notes a key that was asked for, by dotted path.
    pub(super) fn note_known(&self, path: String) {
        self.known.borrow_mut().entry(path).or_default();
    }

    /// Notes what is accepted for a key.
    pub(super) fn note_accepted(&self, path: &str, accepts: impl Into<String>) {
        let mut known = self.known.borrow_mut();
        known.entry(path.to_string()).or_default().accepts = accepts.into();
    }

    /// Notes what a key is without being written.
    pub(super) fn note_default(&self, path: &str, default: String) {
        let mut known = self.known.borrow_mut();
        known.entry(path.to_string()).or_default().default = Some(default);
    }

    /// Notes a key that nobody asked for, by dotted path, and where it was written.
    pub(super) fn note_unknown(&self, key: (String, Range<usize>)) {
        self.unknown.borrow_mut().push(key);
    }

    /// Every key that was asked for, by dotted path.
    pub fn known(&self) -> BTreeSet<String> {
        self.known.borrow().keys().cloned().collect()
    }

    /// Every key that was asked for, with what is known of it.
    pub fn keys(self) -> BTreeMap<String, KnownKey> {
        self.known.into_inner()
    }

    /// All faults; unknown keys come with the nearest key of the whole recipe.
    pub fn into_complaints(self) -> Vec<Complaint> {
        let mut complaints = self.complaints.into_inner();
        let known: BTreeSet<String> = self.known.into_inner().into_keys().collect();
        for (path, span) in self.unknown.into_inner() {
            let help = unknown_key_help(&path, &known, &self.kinds);
            let complaint = Complaint::new(span, format!("unknown key `{path}`"));
            complaints.push(match help {
                Some(help) => complaint.with_help(help),
                None => complaint,
            });
        }
        complaints
    }
}

/// What helps where an override gave a table another kind, and the document's keys are the old kind's.
fn help_of_kind(table: &str, kinds: &[(String, String)]) -> Option<String> {
    let (_, kind) = kinds.iter().find(|(of, _)| of == table)?;
    Some(format!(
        "kind \"{kind}\" does not have it; `--set '{table}={{ kind = \"{kind}\" }}'` replaces the whole table"
    ))
}

fn unknown_key_help(
    path: &str,
    known: &BTreeSet<String>,
    kinds: &[(String, String)],
) -> Option<String> {
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
    if let Some(help) = help_of_kind(parent, kinds) {
        return Some(help);
    }
    let elsewhere = known.iter().find(|other| split(other).1 == key);
    if let Some(other) = elsewhere {
        return Some(format!("did you mean `{other}`?"));
    }
    let list: Vec<_> = siblings.iter().map(|key| format!("`{key}`")).collect();
    (!list.is_empty()).then(|| format!("known here: {}", list.join(", ")))
}
