//! `cargo xtask bench`: runs the benches and prints what they wrote as one table.

mod bert;
mod comparison;
mod plot;
mod quiet;
mod ratio;
mod scaling;
mod steps;
mod turns;
mod words;
mod worker;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{python, shell};

pub fn run(arguments: &[String]) -> Result<()> {
    if arguments.first().is_some_and(|first| first == "peers") {
        return peers(&arguments[1..]);
    }
    let folder = shell::root().join("target").join("bench");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("results.json");
    std::fs::remove_file(&file).ok();
    // In one build, so that the two share their artefacts. One bench starts the program.
    let packages = ["tinderbox-cli", "tinderbox-benches"];
    let mut command = Command::new(shell::built(&packages, "tinderbox-benches")?);
    command.arg("--json").arg(&file).current_dir(shell::root());
    command.args(arguments.iter().filter(|argument| *argument != "--"));
    shell::run(&mut command)?;
    print(&file)
}

/// `steps ...`, `views ...`, `words ...`, `bert ...`, or `[NAME...] [-- ARGS]`: runs the scripts of these names; `ARGS` go to each. Without a
/// name all, the steps and the views first.
fn peers(arguments: &[String]) -> Result<()> {
    if let Some((first, rest)) = arguments.split_first() {
        match first.as_str() {
            "steps" => return steps::run(rest),
            "views" => return steps::views(rest),
            "words" => return words::run(rest),
            "bert" => return bert::run(rest),
            _ => {}
        }
    }
    let mut halves = arguments.splitn(2, |argument| argument == "--");
    let names = halves.next().unwrap_or_default();
    let passed_on = halves.next().unwrap_or_default();
    let folder = shell::root().join("benches").join("peers");
    let scripts: Vec<_> = python::scripts(&folder)?
        .into_iter()
        .filter(|script| {
            let stem = script.file_stem().unwrap_or_default();
            names.is_empty() || names.iter().any(|name| stem == name.as_str())
        })
        .collect();
    if scripts.is_empty() {
        bail!("there is no such script in {}", folder.display());
    }
    if names.is_empty() {
        steps::run(&[])?;
        steps::views(&[])?;
    }
    let python = python::interpreter("peers-venv", &folder.join("requirements.txt"))?;
    let out = shell::root().join("target").join("bench").join("peers");
    std::fs::create_dir_all(&out)?;
    for script in scripts {
        let stem = script.file_stem().unwrap_or_default().to_string_lossy();
        let file = out.join(format!("{stem}.json"));
        std::fs::remove_file(&file).ok();
        shell::run(
            Command::new(&python)
                .arg(&script)
                .arg("--json")
                .arg(&file)
                .args(passed_on)
                .current_dir(shell::root()),
        )?;
        print(&file)?;
    }
    Ok(())
}

/// Prints a JSON list of flat objects, or an object that holds such a list, as a table.
fn print(file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the benches did not write {}", file.display()))?;
    let document: Value = serde_json::from_str(&text)?;
    let rows =
        table(&document).with_context(|| format!("{} holds no list of results", file.display()))?;
    show_facts(&document);
    shell::print_table(&rows);
    println!("\nwritten to {}", file.display());
    Ok(())
}

/// Prints the plain fields of an object, a line each.
fn show_facts(document: &Value) {
    println!();
    for (name, value) in document.as_object().into_iter().flatten() {
        if !value.is_array() && !value.is_object() {
            println!("{name}: {}", cell(value));
        }
    }
    println!();
}

fn table(document: &Value) -> Option<Vec<Vec<String>>> {
    let results = match document {
        Value::Array(results) => results,
        Value::Object(fields) => fields.values().find_map(Value::as_array)?,
        _ => return None,
    };
    let mut columns: Vec<&String> = Vec::new();
    for result in results {
        for key in result.as_object()?.keys() {
            if !columns.contains(&key) {
                columns.push(key);
            }
        }
    }
    // serde_json sorts keys by the alphabet; these have a place of their own, the rest follows.
    const FIRST: [&str; 6] = ["name", "unit", "median", "mean", "min", "max"];
    columns.sort_by_key(|key| match key.as_str() {
        "note" => FIRST.len() + 1,
        key => FIRST
            .iter()
            .position(|first| *first == key)
            .unwrap_or(FIRST.len()),
    });
    let mut rows = vec![columns.iter().map(|key| key.to_string()).collect()];
    for result in results {
        rows.push(columns.iter().map(|key| cell(&result[*key])).collect());
    }
    Some(rows)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(value) if value.fract() != 0.0 && value.abs() >= 1e-3 => {
                let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
                format!("{value:.digits$}")
            }
            Some(value) if value.fract() != 0.0 => format!("{value:.3e}"),
            Some(value) => format!("{value}"),
            None => number.to_string(),
        },
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_results_becomes_a_table() {
        let document = json!({"machine": "x", "results": [
            {"unit": "ms", "name": "step", "value": 12.345_67},
            {"name": "views", "value": 4000, "note": "per core"},
        ]});
        assert_eq!(
            table(&document).unwrap(),
            [
                ["name", "unit", "value", "note"],
                ["step", "ms", "12.35", ""],
                ["views", "", "4000", "per core"],
            ]
        );
        assert!(table(&json!(1)).is_none());
    }
}
