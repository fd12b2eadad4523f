//! `cargo xtask tidy`: the repository's rules on architecture, licences and sources, as code.

mod arrows;
mod licences;
mod sources;
mod trees;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell;

/// What a rule found against the repository: one line each, with what to do.
type Findings = Vec<String>;

pub fn run() -> Result<()> {
    let metadata = metadata()?;
    let files = repository_files()?;
    let mut failed = 0;
    let mut report = |rule: &str, findings: Findings| {
        let word = if findings.is_empty() { "ok" } else { "FAILED" };
        println!("tidy: {rule}: {word}");
        for line in &findings {
            println!("  {line}");
        }
        failed += usize::from(!findings.is_empty());
    };
    report("arrows between crates", arrows::check(&metadata));
    report(
        "backends stay with the facade",
        arrows::check_backends(&metadata),
    );
    report("licences of dependencies", licences::check(&metadata));
    report("what a crate alone compiles", trees::check()?);
    report("sources", sources::check(&files)?);
    if failed > 0 {
        bail!("{failed} rules of tidy failed");
    }
    Ok(())
}

/// `cargo metadata` of the workspace with every feature, so that optional dependencies count too.
fn metadata() -> Result<Value> {
    let text = shell::output(&mut shell::cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--all-features",
        "--locked",
    ]))
    .context("the lock file may be out of date: run `cargo metadata` and commit Cargo.lock")?;
    Ok(serde_json::from_str(&text)?)
}

/// Every file that git tracks or would add, sorted.
pub fn repository_files() -> Result<Vec<String>> {
    let text = shell::output(&mut shell::program(
        "git",
        &[
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
        ],
    ))?;
    let root = shell::root();
    let mut files: Vec<String> = text
        .lines()
        .map(String::from)
        // A file that was deleted but not committed so is still listed.
        .filter(|file| root.join(file).is_file())
        .collect();
    files.sort();
    Ok(files)
}

/// The members of the workspace: packages without a source.
fn members(metadata: &Value) -> impl Iterator<Item = &Value> {
    let packages = metadata["packages"].as_array();
    packages
        .into_iter()
        .flatten()
        .filter(|package| package["source"].is_null())
}
