//! A Python with the pinned packages that fixtures and peers need.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// The interpreter: `$TINDERBOX_PYTHON`, else that of a virtual environment at `target/NAME`, which is
/// made from the requirements file when it is not there or the file has changed since.
pub fn interpreter(name: &str, requirements: &Path) -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("TINDERBOX_PYTHON") {
        return Ok(given.into());
    }
    let folder = shell::root().join("target").join(name);
    let python = folder.join("bin").join("python");
    let stamp = folder.join("requirements.txt");
    let wanted = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    if !shell::works("python3", &["--version"]) {
        bail!(
            "there is no python3; install it, or name an interpreter that has the packages of {} in TINDERBOX_PYTHON",
            requirements.display()
        );
    }
    println!(
        "making {} from {}",
        folder.display(),
        requirements.display()
    );
    shell::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    shell::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "-r"])
            .arg(requirements),
    )?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// The scripts `folder/*.py`, sorted. A leading underscore marks a module that scripts import.
pub fn scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".py") && !name.starts_with('_') {
            scripts.push(path);
        }
    }
    scripts.sort();
    Ok(scripts)
}
