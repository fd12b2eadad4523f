//! `cargo xtask docs`: the API documents build without a warning, and links between pages resolve.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{shell, tidy};

pub fn run() -> Result<()> {
    check_links()?;
    build()
}

/// `cargo doc` of the workspace; a warning is an error.
pub fn build() -> Result<()> {
    shell::run(
        shell::cargo(&["doc", "--release", "--no-deps", "--workspace"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Every link from a Markdown page to a file or a heading of the repository resolves.
pub fn check_links() -> Result<()> {
    let root = shell::root();
    let files = tidy::repository_files()?;
    let mut pages = BTreeMap::new();
    for file in files.iter().filter(|file| file.ends_with(".md")) {
        let text =
            std::fs::read_to_string(root.join(file)).with_context(|| format!("reading {file}"))?;
        pages.insert(file.clone(), text);
    }
    let exists = |path: &str| {
        let folder = format!("{path}/");
        path.is_empty()
            || files
                .iter()
                .any(|file| *file == path || file.starts_with(&folder))
    };
    let mut broken = Vec::new();
    for (page, text) in &pages {
        for (line, target) in links(text) {
            if let Err(why) = resolve(page, &target, &pages, &exists) {
                broken.push(format!("{page}:{line}: link to `{target}`: {why}"));
            }
        }
    }
    if !broken.is_empty() {
        bail!("{}", broken.join("\n"));
    }
    Ok(())
}

fn resolve(
    page: &str,
    target: &str,
    pages: &BTreeMap<String, String>,
    exists: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (path, heading) = match target.split_once('#') {
        Some((path, heading)) => (path, Some(heading)),
        None => (target, None),
    };
    let file = if path.is_empty() {
        page.to_string()
    } else {
        let folder = Path::new(page).parent().unwrap_or(Path::new(""));
        normal(&folder.join(path)).ok_or("it leaves the repository")?
    };
    if !exists(&file) {
        return Err("there is no such file".into());
    }
    match (heading, pages.get(&file)) {
        (Some(heading), Some(text)) if !anchors(text).iter().any(|anchor| anchor == heading) => {
            Err(format!("{file} has no heading #{heading}"))
        }
        _ => Ok(()),
    }
}

/// The path without `.` and `..`, with `/`; none when it leaves the root.
fn normal(path: &Path) -> Option<String> {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                if !parts.pop() {
                    return None;
                }
            }
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.to_string_lossy().replace('\\', "/"))
}

/// The targets of `[text](target)` outside code, each with its line.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in prose(text) {
        // Every second part lies between back-quotes.
        let plain: String = line
            .split('`')
            .enumerate()
            .map(|(part, text)| if part % 2 == 0 { text } else { "" })
            .collect();
        let mut rest = plain.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end].split_whitespace().next().unwrap_or("");
            found.push((index, target.trim_matches(['<', '>']).to_string()));
            rest = &rest[end..];
        }
    }
    found
}

/// The anchors of a page's headings, as code hosts make them.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let anchor: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let same = anchors.iter().filter(|other| **other == anchor).count();
        if same > 0 {
            anchors.push(format!("{anchor}-{same}"));
        } else {
            anchors.push(anchor);
        }
    }
    anchors
}

/// The lines outside fenced code, numbered from one.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        if fence {
            fenced = !fenced;
        }
        (!fence && !fenced).then_some((index + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page\n\n[b](docs/b.md) and [here](#two-words-c)\n```\n[no](x.md)\n```\n`[no](y.md)` [out](https://burn.dev)\n## Two *words*, C\n";

    #[test]
    fn links_outside_code_are_found() {
        let targets: Vec<(usize, String)> = links(PAGE);
        let expected = [
            (3, "docs/b.md"),
            (3, "#two-words-c"),
            (7, "https://burn.dev"),
        ];
        assert_eq!(
            targets,
            expected.map(|(line, target)| (line, target.into()))
        );
    }

    #[track_caller]
    fn check(page: &str, target: &str, expected: Result<(), &str>) {
        let pages = BTreeMap::from([
            ("README.md".to_string(), PAGE.to_string()),
            ("docs/b.md".to_string(), "# B\n# B\n".to_string()),
        ]);
        let exists = |path: &str| pages.contains_key(path) || path == "docs";
        let found = resolve(page, target, &pages, &exists);
        assert_eq!(found, expected.map_err(String::from), "{target}");
    }

    #[test]
    fn targets_resolve_or_say_why() {
        check("README.md", "docs/b.md", Ok(()));
        check("README.md", "docs", Ok(()));
        check("docs/b.md", "../README.md#two-words-c", Ok(()));
        check("docs/b.md", "#b-1", Ok(()));
        check("docs/b.md", "https://burn.dev/x#y", Ok(()));
        check("docs/b.md", "c.md", Err("there is no such file"));
        check("docs/b.md", "../../c.md", Err("it leaves the repository"));
        check("docs/b.md", "#c", Err("docs/b.md has no heading #c"));
    }
}
