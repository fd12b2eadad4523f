//! `cargo xtask parity`: makes the fixtures anew with PyTorch and compares every number with the
//! committed ones.
//!
//! A script is run as `SCRIPT --out FOLDER` with that folder as the current one, and writes JSON files
//! there. The committed ones lie in `data/` beside the script, or beside it where there is no `data/`.
//! Last, other libraries open what the program exports.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::json::{self, Tolerance};
use crate::{python, shell};

/// Scripts compute in double precision and write seven significant digits. Another release of PyTorch
/// or another CPU may round the last of them the other way, which is 1e-6 of a number at most; what
/// cancels to zero does so to about 1e-15.
const TOLERANCE: Tolerance = Tolerance {
    absolute: 1e-9,
    relative: 2e-6,
};

/// Keys that tell how a file was made; they may differ.
const IGNORED: &[&str] = &["made_with", "made_by", "versions"];

/// How many differences of a file are printed.
const SHOWN: usize = 10;

pub fn run(names: &[String]) -> Result<()> {
    let root = shell::root();
    let fixtures = root.join("fixtures");
    let python = python::interpreter("parity-venv", &fixtures.join("requirements.txt"))?;
    let mut rows = vec![
        ["file", "numbers", "worst / allowed", "differences"]
            .map(String::from)
            .to_vec(),
    ];
    let mut failed = Vec::new();
    let mut ran = 0;
    for folder in folders(&root)? {
        let scripts = python::scripts(&folder)?;
        let committed = if folder.join("data").exists() {
            folder.join("data")
        } else {
            folder.clone()
        };
        let place = committed.strip_prefix(&root).unwrap_or(&committed);
        let mut compared = Vec::new();
        for script in &scripts {
            let stem = script.file_stem().unwrap_or_default();
            if !names.is_empty() && !names.iter().any(|name| stem == name.as_str()) {
                continue;
            }
            ran += 1;
            for made in make(&python, script)? {
                let name = made.file_name().unwrap_or_default().to_os_string();
                let label = place.join(&name).display().to_string();
                let found = json::compare(
                    &read(&committed.join(&name))?,
                    &read(&made)?,
                    TOLERANCE,
                    IGNORED,
                );
                for line in found.differences.iter().take(SHOWN) {
                    println!("{label}: {line}");
                }
                if let Some(first) = found.differences.first() {
                    failed.push(format!("{label}: {first}"));
                }
                rows.push(vec![
                    label,
                    found.numbers.to_string(),
                    format!("{:.3}", found.worst),
                    found.differences.len().to_string(),
                ]);
                compared.push(name);
            }
        }
        if !names.is_empty() {
            continue;
        }
        for file in json_files(&committed)? {
            let name = file.file_name().unwrap_or_default();
            if !compared.iter().any(|made| made == name) {
                failed.push(format!("{}: no script makes it", file.display()));
            }
        }
    }
    if ran == 0 {
        bail!("there is no script of that name");
    }
    println!(
        "\nallowed is {:.0e} + {:.0e} * |expected|",
        TOLERANCE.absolute, TOLERANCE.relative
    );
    shell::print_table(&rows);
    if names.is_empty() {
        opened_elsewhere(&python)?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{}", failed.join("\n"))
}

/// Runs the tests in which other libraries open what the program exported; they say what the Python lacks for them.
fn opened_elsewhere(python: &Path) -> Result<()> {
    let tests = "package(tinderbox-cli) and test(elsewhere)";
    shell::run(
        Command::new("cargo")
            .args([
                "nextest",
                "run",
                "--release",
                "--workspace",
                "--no-capture",
                "-E",
                tests,
            ])
            .env("TINDERBOX_PYTHON", python)
            .env_remove("TINDERBOX_STRICT")
            .current_dir(shell::root()),
    )
}

/// Where fixture scripts lie: `fixtures/`, and `tests/fixtures/` of a crate.
fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let folder = entry?.path().join("tests").join("fixtures");
        if folder.exists() && !python::scripts(&folder)?.is_empty() {
            folders.push(folder);
        }
    }
    folders.sort();
    folders.insert(0, root.join("fixtures"));
    Ok(folders)
}

/// Runs a script in an empty folder and returns the JSON files it wrote.
fn make(python: &Path, script: &Path) -> Result<Vec<PathBuf>> {
    let out = std::path::absolute(shell::root().join("target").join("parity"))?
        .join(script.file_stem().unwrap_or_default());
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    std::fs::create_dir_all(&out)?;
    shell::run(
        Command::new(python)
            .arg(std::path::absolute(script)?)
            .arg("--out")
            .arg(&out)
            .current_dir(&out),
    )?;
    let files = json_files(&out)?;
    if files.is_empty() {
        bail!("{} wrote no JSON file", script.display());
    }
    Ok(files)
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Value> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}
