//! The reference of a recipe's keys: what the readers ask for when every kind of recipe is read, with a line on each.

mod lines;

use std::collections::BTreeMap;

use super::document::{Document, Override};
use super::findings::{Findings, KnownKey};
use super::reader::TableReader;
use super::{DataSource, EncoderRecipe, OPTIM_KINDS, ObjectiveRecipe, Recipe, SCHEDULE_KINDS};
use crate::encoder::Modality;

/// Keys that say of which kind a table is: its other keys depend on that.
const KINDS: [&str; 5] = [
    "data.source",
    "encoder.kind",
    "objective.kind",
    "optim.kind",
    "schedule.kind",
];

/// A key that a recipe may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceKey {
    /// Its dotted path.
    pub path: String,
    /// What it is for, in one line.
    pub line: &'static str,
    /// More on it, or nothing.
    pub more: &'static str,
    /// What is known of it, and with which kinds of its table; none where it is so with all.
    pub known: Vec<(Option<String>, KnownKey)>,
}

impl ReferenceKey {
    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        self.known.iter().all(|(_, known)| known.accepts.is_empty())
    }
}

/// All keys, those of a table behind each other.
pub fn reference() -> Vec<ReferenceKey> {
    let mut found = BTreeMap::<String, Vec<(String, KnownKey)>>::new();
    let mut kinds = BTreeMap::<&str, usize>::new();
    for (number, (table, kind, sets)) in recipes().into_iter().enumerate() {
        *kinds.entry(table).or_default() += 1;
        for (path, known) in read(&sets) {
            let of = KINDS.iter().find(|of| {
                let of = of.split('.').next().unwrap_or_default();
                path.split('.').next() == Some(of)
            });
            // Of tables without a kind one reading is enough.
            if of.is_some_and(|of| *of == table) || of.is_none() && number == 0 {
                found.entry(path).or_default().push((kind.clone(), known));
            }
        }
    }
    let order = |path: &str| lines::LINES.iter().position(|(of, _)| *of == path);
    let mut keys: Vec<ReferenceKey> = found
        .into_iter()
        .map(|(path, known)| {
            let table = path.split('.').next().unwrap_or_default();
            let of = KINDS.iter().find(|of| of.starts_with(&format!("{table}.")));
            let all = of.map_or(1, |of| kinds[*of]);
            let line = order(&path).map_or("", |at| lines::LINES[at].1);
            let more = lines::MORE.iter().find(|(of, _)| *of == path);
            ReferenceKey {
                line,
                more: more.map_or("", |(_, more)| more),
                known: grouped(known, all),
                path,
            }
        })
        .collect();
    keys.sort_by_key(|key| order(&key.path).unwrap_or(usize::MAX));
    keys
}

/// What is known alike of several kinds, together.
fn grouped(known: Vec<(String, KnownKey)>, all: usize) -> Vec<(Option<String>, KnownKey)> {
    let mut groups: Vec<(Vec<String>, KnownKey)> = Vec::new();
    for (kind, known) in known {
        match groups.iter_mut().find(|(_, other)| *other == known) {
            Some((kinds, _)) => kinds.push(kind),
            None => groups.push((vec![kind], known)),
        }
    }
    let named = |(kinds, known): (Vec<String>, KnownKey)| {
        let some = (kinds.len() < all).then(|| kinds.join(", "));
        (some, known)
    };
    groups.into_iter().map(named).collect()
}

/// A recipe of each kind of each table: the key that says the kind, the kind, and what is set.
fn recipes() -> Vec<(&'static str, String, Vec<String>)> {
    let of = |source: DataSource| match source.modality() {
        Modality::Image => ["encoder.kind=reference-cnn", "objective.kind=simclr"],
        Modality::Row => ["encoder.kind=mlp", "objective.kind=simclr"],
        Modality::Text => ["encoder.kind=bert", "objective.kind=masked-lm"],
    };
    let data = |source: &str| {
        let path = (source != "digits").then(|| "data.path=x".to_string());
        let columns = (source == "table").then(|| "data.columns={}".to_string());
        let source = format!("data.source={source}");
        [Some(source), path, columns].into_iter().flatten()
    };
    let mut recipes = Vec::new();
    for (name, source) in DataSource::NAMES {
        let sets = data(name).chain(of(source).map(String::from));
        recipes.push((KINDS[0], name.to_string(), sets.collect()));
    }
    for kind in EncoderRecipe::KINDS {
        let source = match kind {
            "mlp" => "table",
            "bert" | "recurrent" | "encoder-decoder" => "text",
            _ => "folder",
        };
        let rest = [
            format!("encoder.kind={kind}"),
            "objective.kind=simclr".into(),
        ];
        recipes.push((
            KINDS[1],
            kind.to_string(),
            data(source).chain(rest).collect(),
        ));
    }
    for kind in ObjectiveRecipe::KINDS {
        let rest = ["encoder.kind=bert".into(), format!("objective.kind={kind}")];
        recipes.push((
            KINDS[2],
            kind.to_string(),
            data("text").chain(rest).collect(),
        ));
    }
    for (table, kinds) in [(KINDS[3], OPTIM_KINDS), (KINDS[4], SCHEDULE_KINDS)] {
        for kind in kinds {
            let sets = data("digits").chain([format!("{table}={kind}")]);
            recipes.push((table, kind.to_string(), sets.collect()));
        }
    }
    recipes
}

/// The keys that reading a recipe asks for, whatever is wrong with it.
fn read(sets: &[String]) -> BTreeMap<String, KnownKey> {
    let sets: Vec<Override> = sets.iter().map(|set| Override::set(set)).collect();
    let text = "version = 1\n[compare]\n[finetune]\n";
    let document = Document::parse("reference", text, &sets, &mut Vec::new());
    let findings = Findings::exploring();
    TableReader::root(&findings, document.root, Recipe::read);
    findings.keys()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_line_and_every_line_a_key() {
        let keys = reference();
        let without: Vec<&str> = keys
            .iter()
            .filter(|key| key.line.is_empty())
            .map(|key| key.path.as_str())
            .collect();
        assert_eq!(without, [""; 0], "add them to recipe/reference/lines.rs");
        let paths: Vec<&str> = keys.iter().map(|key| key.path.as_str()).collect();
        let listed: Vec<&str> = lines::LINES.iter().map(|(path, _)| *path).collect();
        assert_eq!(paths, listed);
        for (path, _) in lines::MORE {
            assert!(paths.contains(path), "{path}");
        }
    }

    #[test]
    fn every_key_of_every_shipped_recipe_is_in_it() {
        fn walk(table: &toml::Table, before: &str, known: &dyn Fn(&str) -> bool) {
            for (key, value) in table {
                let path = format!("{before}{key}");
                assert!(known(&path), "{path}");
                // Its keys are the names of columns.
                if let Some(inner) = value.as_table().filter(|_| path != "data.columns") {
                    walk(inner, &format!("{path}."), known);
                }
            }
        }
        let keys = reference();
        let known = |path: &str| keys.iter().any(|key| key.path == path);
        for shipped in super::super::BUILTINS {
            walk(&shipped.text.parse().unwrap(), "", &known);
        }
    }

    #[track_caller]
    fn check(path: &str, expected: &[(Option<&str>, &str, Option<&str>)]) {
        let keys = reference();
        let key = keys.iter().find(|key| key.path == path).unwrap();
        let known: Vec<_> = key
            .known
            .iter()
            .map(|(kinds, known)| {
                (
                    kinds.as_deref(),
                    known.accepts.as_str(),
                    known.default.as_deref(),
                )
            })
            .collect();
        assert_eq!(known, expected);
    }

    #[test]
    fn what_is_accepted_and_the_default_are_those_of_the_reader() {
        check("train.accumulate", &[(None, "1 or more", Some("1"))]);
        check("seed", &[(None, "a whole number, 0 or more", Some("0"))]);
        let rate = "a rate above 0";
        check(
            "optim.lr",
            &[
                (Some("adamw"), rate, Some("0.001")),
                (Some("sgd"), rate, Some("0.05")),
                (Some("lars"), rate, Some("0.3")),
            ],
        );
        check("eval.every", &[(None, "1 or more", None)]);
    }

    #[test]
    fn tables_of_other_crates_are_asked_too() {
        let images = "digits, idx, cifar10, cifar100, folder, list, shards";
        check(
            "data.views.blur.p",
            &[(Some(images), "a number", Some("0.5"))],
        );
        check(
            "encoder.cell",
            &[(
                Some("recurrent"),
                "\"lstm\", \"gru\", \"rnn\"",
                Some("\"lstm\""),
            )],
        );
    }
}
