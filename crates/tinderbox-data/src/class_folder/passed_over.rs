//! What of a folder is not read, by reason.

use std::ffi::OsStr;

use serde::{Deserialize, Serialize};

use super::FileKind;
use crate::odd_name::shown;
use crate::{Ledger, Remark};

/// Examples that are kept of each reason.
const EXAMPLES: usize = 3;

/// Why a file or folder is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its name begins with a dot.
    Hidden,
    /// It is of another kind, by its ending.
    Ending,
    /// It is a pipe or a device.
    NoFile,
    /// It is a link to a folder that is read elsewhere.
    FolderElsewhere,
}

const REASONS: [Reason; 4] = [
    Reason::Hidden,
    Reason::Ending,
    Reason::NoFile,
    Reason::FolderElsewhere,
];

/// How many are not read for each reason, with the first of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct PassedOver([(usize, Vec<String>); REASONS.len()]);

impl PassedOver {
    pub(super) fn add(&mut self, reason: Reason, name: &OsStr) {
        let (count, examples) = &mut self.0[reason as usize];
        *count += 1;
        keep_first(examples, shown(name));
    }

    pub(super) fn extend(&mut self, other: Self) {
        for ((count, examples), (more, names)) in self.0.iter_mut().zip(other.0) {
            *count += more;
            for name in names {
                keep_first(examples, name);
            }
        }
    }

    /// How many, but for those that are hidden.
    pub(super) fn others(&self) -> usize {
        let counted = REASONS.iter().filter(|reason| **reason != Reason::Hidden);
        counted.map(|reason| self.0[*reason as usize].0).sum()
    }

    /// A remark for each reason.
    pub(super) fn ledger(&self, kind: FileKind) -> Ledger {
        let mut ledger = Ledger::default();
        for reason in REASONS {
            let (what, becomes) = match reason {
                Reason::Hidden => (
                    "files and folders",
                    "are ignored: hidden, by a dot first".to_owned(),
                ),
                Reason::Ending => (
                    "files",
                    format!("are ignored: no {}, by their endings", kind.what),
                ),
                Reason::NoFile => ("files", "are ignored: pipes or devices".to_owned()),
                Reason::FolderElsewhere => (
                    "links",
                    "are not followed: their folders are read elsewhere".to_owned(),
                ),
            };
            let (count, examples) = &self.0[reason as usize];
            ledger.add(Remark::new(what, *count, becomes).examples(examples.iter().cloned()));
        }
        ledger
    }
}

/// Keeps the first few names by their bytes, whatever the order in which a folder gives them.
fn keep_first(names: &mut Vec<String>, name: String) {
    let place = names.partition_point(|known| *known < name);
    if place < EXAMPLES {
        names.insert(place, name);
        names.truncate(EXAMPLES);
    }
}
