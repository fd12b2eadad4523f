//! Rules on the files themselves.

use anyhow::{Context, Result};

use super::Findings;
use crate::shell;

/// A source file of a crate may have this many lines, tests included; split it by concept before.
const MAX_LINES: usize = 600;

/// From here on a line of the report says so, and nothing fails.
const WARN_LINES: usize = 450;

/// Crates that may hold `unsafe`, in modules that say why; they `deny` it.
const MAY_BE_UNSAFE: &[&str] = &["tinderbox-data", "tinderbox-kernels"];

/// Endings of the files that are read as text.
const TEXT: &[&str] = &["md", "py", "rs", "sh", "toml", "yaml", "yml", "json"];

pub fn check(files: &[String]) -> Result<Findings> {
    let mut findings = Findings::new();
    let mut documents = String::new();
    for file in files {
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
        if !TEXT.contains(&ending) && !file.starts_with(".ci/") {
            continue;
        }
        let text = std::fs::read_to_string(shell::root().join(file))
            .with_context(|| format!("reading {file}"))?;
        if ending != "json" {
            findings.extend(check_text(file, &text));
        }
        if ending == "rs" {
            findings.extend(check_rust(file, &text));
        }
        if file == "README.md" || (file.starts_with("docs/") && ending == "md") {
            documents.push_str(&text);
        }
    }
    findings.extend(check_recipes(files, &documents));
    Ok(findings)
}

/// Paths of one machine have no place in a repository.
fn check_text(file: &str, text: &str) -> Findings {
    // Split, so that this file is not found by its own rule.
    let homes = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
        concat!("C:\\", "Users"),
    ];
    let mut findings = Findings::new();
    for (number, line) in numbered(text) {
        for home in homes {
            let Some(at) = line.find(home) else { continue };
            // `own/work/` is a relative path.
            let before = line[..at].chars().next_back();
            if !before.is_some_and(|c| c.is_alphanumeric() || "._-*$}".contains(c)) {
                findings.push(format!("{file}:{number}: a path of one machine, {home}"));
            }
        }
    }
    findings
}

fn check_rust(file: &str, text: &str) -> Findings {
    let mut findings = Findings::new();
    let unfinished = [concat!("to", "do!("), concat!("unimple", "mented!(")];
    let ignored = concat!("```ig", "nore");
    for (number, line) in numbered(text) {
        if unfinished.iter().any(|word| line.contains(word)) {
            findings.push(format!("{file}:{number}: unfinished code"));
        }
        if line.contains(ignored) {
            findings.push(format!("{file}:{number}: a doctest that is never compiled"));
        }
    }
    if file.ends_with("src/lib.rs") {
        for (number, line) in numbered(text) {
            let line = line.trim();
            if line.starts_with("pub use") && line.contains("::*") {
                findings.push(format!("{file}:{number}: re-export by name, not `*`"));
            }
        }
    }
    if file.ends_with("src/lib.rs") || file.ends_with("src/main.rs") {
        let free = MAY_BE_UNSAFE
            .iter()
            .any(|name| file.starts_with(&format!("crates/{name}/")));
        let wanted = if free {
            "#![deny(unsafe_code)]"
        } else {
            "#![forbid(unsafe_code)]"
        };
        if !text.lines().any(|line| line.trim() == wanted) {
            findings.push(format!("{file}: lacks {wanted}"));
        }
    }
    if file.starts_with("crates/") {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            findings.push(format!(
                "{file}: {lines} lines, at most {MAX_LINES} are allowed"
            ));
        } else if lines > WARN_LINES {
            println!("  note: {file} has {lines} lines; {MAX_LINES} is the limit");
        }
    }
    findings
}

/// Every recipe is told of in the README or the book.
fn check_recipes(files: &[String], documents: &str) -> Findings {
    files
        .iter()
        .filter_map(|file| file.strip_prefix("recipes/")?.strip_suffix(".toml"))
        .filter(|name| !documents.contains(name))
        .map(|name| format!("recipes/{name}.toml is named neither in README.md nor in docs/"))
        .collect()
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn rust(file: &str, text: &str, expected: &[&str]) {
        assert_eq!(check_rust(file, text), expected);
    }

    #[test]
    fn paths_of_a_machine() {
        let home = concat!("/ho", "me/");
        let found = check_text("a.md", &format!("fine\nsee {home}me/x\n"));
        assert_eq!(found, [format!("a.md:2: a path of one machine, {home}")]);
        let relative = concat!("own/wo", "rk/x and a/ro", "ot/b and $HOME/ho", "me/");
        assert!(check_text("a.md", relative).is_empty());
    }

    #[test]
    fn rust_sources() {
        let forbid = "#![forbid(unsafe_code)]\n";
        rust("crates/a/src/lib.rs", forbid, &[]);
        rust(
            "crates/a/src/lib.rs",
            "//! Says #![forbid(unsafe_code)]\n",
            &["crates/a/src/lib.rs: lacks #![forbid(unsafe_code)]"],
        );
        rust(
            "crates/tinderbox-kernels/src/lib.rs",
            "#![deny(unsafe_code)]\n",
            &[],
        );
        rust(
            "crates/a/src/lib.rs",
            &format!("{forbid}pub use b::*;\n"),
            &["crates/a/src/lib.rs:2: re-export by name, not `*`"],
        );
        rust(
            "crates/a/src/b.rs",
            concat!("to", "do!()"),
            &["crates/a/src/b.rs:1: unfinished code"],
        );
        rust(
            "crates/a/src/b.rs",
            concat!("/// ```ig", "nore"),
            &["crates/a/src/b.rs:1: a doctest that is never compiled"],
        );
        rust("crates/a/src/b.rs", &"\n".repeat(MAX_LINES), &[]);
        rust(
            "crates/a/src/b.rs",
            &"\n".repeat(MAX_LINES + 1),
            &["crates/a/src/b.rs: 601 lines, at most 600 are allowed"],
        );
    }

    #[test]
    fn recipes_are_documented() {
        let files = ["recipes/a-b.toml", "recipes/c.toml", "docs/d.toml"].map(String::from);
        assert_eq!(
            check_recipes(&files, "see `a-b`"),
            ["recipes/c.toml is named neither in README.md nor in docs/"]
        );
    }
}
