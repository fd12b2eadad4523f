//! What changed between two resolved recipes, and what of it a resumed run may change.

use std::collections::BTreeMap;
use std::fmt;

use super::Recipe;

/// A key whose value differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The dotted key.
    pub key: String,
    /// The value before, in TOML; none if the key was absent.
    pub old: Option<String>,
    /// The value after, in TOML; none if the key is absent.
    pub new: Option<String>,
    /// Whether a resumed run may differ so.
    pub allowed: bool,
}

impl Change {
    /// Whether both values are paths of data or weights that lead to the same place, seen from the working directory.
    pub fn is_same_place(&self) -> bool {
        let path = |value: &Option<String>| {
            let value = format!("path = {}", value.as_ref()?).parse::<toml::Table>();
            let value = value.ok()?.remove("path")?;
            std::fs::canonicalize(value.as_str()?).ok()
        };
        let places = [path(&self.old), path(&self.new)];
        (self.key.starts_with("data.") || self.key == "encoder.init")
            && places[0].is_some()
            && places[0] == places[1]
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".into());
        write!(
            f,
            "{}: {} -> {}",
            self.key,
            show(&self.old),
            show(&self.new)
        )
    }
}

/// All keys that differ, in the order of their names.
///
/// On resume only `threads`, `eval`, `checkpoint`, `compare`, `out` and a device of the same kind may
/// change: none of them alters the weights of a run. How often a training on labels is validated does.
pub fn changes(old: &Recipe, new: &Recipe) -> Vec<Change> {
    let (before, after) = (flat(old), flat(new));
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let same_kind = old.device.kind() == new.device.kind();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Change {
            key: key.clone(),
            old: before.get(key).cloned(),
            new: after.get(key).cloned(),
            allowed: match key.split('.').next().unwrap_or_default() {
                "eval" if new.objective.is_supervised() => key != "eval.every",
                "threads" | "eval" | "checkpoint" | "compare" | "out" => true,
                // Versions before held nothing out.
                "train" if key == "train.validation_share" => {
                    !before.contains_key(key) && after.get(key).is_some_and(|share| share == "0.0")
                }
                "device" => same_kind,
                _ => false,
            },
        })
        .collect()
}

fn flat(recipe: &Recipe) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    flatten("", &recipe.to_table(), &mut found);
    found
}

fn flatten(path: &str, table: &toml::Table, found: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let dotted = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match value {
            toml::Value::Table(inner) if !inner.is_empty() => flatten(&dotted, inner, found),
            other => {
                found.insert(dotted, other.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Override, RecipeFile};
    use super::*;

    #[track_caller]
    fn check(set: &[&str], expected: &[(&str, bool)]) {
        let file = RecipeFile::find("simclr-digits").unwrap();
        let overrides: Vec<_> = set.iter().map(|text| Override::set(text)).collect();
        let old = file.resolve(&[]).unwrap();
        let new = file.resolve(&overrides).unwrap();
        let got: Vec<_> = changes(&old, &new)
            .into_iter()
            .map(|c| (c.key, c.allowed))
            .collect();
        let got: Vec<_> = got
            .iter()
            .map(|(key, allowed)| (key.as_str(), *allowed))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn only_what_leaves_the_weights_alone_may_change() {
        check(&[], &[]);
        check(
            &["threads=1", "eval.every=7", "checkpoint.keep=9", "out=x"],
            &[
                ("checkpoint.keep", true),
                ("eval.every", true),
                ("out", true),
                ("threads", true),
            ],
        );
        check(
            &["optim.lr=0.5", "seed=99"],
            &[("optim.lr", false), ("seed", false)],
        );
        check(&["device=vulkan"], &[("device", false)]);
        check(&["device=flex"], &[]);
    }

    #[test]
    fn a_change_reads_as_old_and_new() {
        let change = Change {
            key: "train.clip".into(),
            old: None,
            new: Some("1.0".into()),
            allowed: false,
        };
        assert_eq!(change.to_string(), "train.clip: (not set) -> 1.0");
    }
}
