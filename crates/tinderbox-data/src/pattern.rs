//! Several files by one path, as shells have it.

use std::path::{Path, PathBuf};

use crate::DataError;

/// A pattern may stand for so many paths.
const MOST: usize = 100_000;

/// The files that a path stands for: itself if it is there; else those of `{000000..000004}` and `{a,b}`, one after the other, and of
/// `*`, `?` and `[abc]` in the order of their names.
///
/// # Errors
/// [`DataError::Empty`] if nothing matches, [`DataError::Config`] for a pattern that is none or stands for more than 100,000 paths. That
/// paths in braces are there is not checked.
pub fn expand(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let Some(text) = path.to_str().filter(|_| !path.exists()) else {
        return Ok(vec![path.to_path_buf()]);
    };
    let wrong = |expected: &str| DataError::config("data.path", expected, text);
    let mut paths = Vec::new();
    for one in braces(text).ok_or_else(|| wrong("braces for at most 100,000 paths"))? {
        if !one.contains(['*', '?', '[']) {
            paths.push(PathBuf::from(one));
            continue;
        }
        let found = glob::glob(&one).map_err(|error| wrong(&format!("a pattern: {error}")))?;
        for path in found {
            paths.push(
                path.map_err(|error| DataError::io(error.path().to_path_buf(), error.into()))?,
            );
        }
    }
    if paths.is_empty() {
        return Err(DataError::Empty {
            path: path.to_path_buf(),
            what: "files of this pattern",
            ignored: 0,
        });
    }
    Ok(paths)
}

/// The texts that one with braces stands for; none if they are too many.
fn braces(text: &str) -> Option<Vec<String>> {
    let parts = text.split_once('{').and_then(|(front, rest)| {
        let (inside, behind) = rest.split_once('}')?;
        Some((front, choices(inside)?, behind))
    });
    let Some((front, choices, behind)) = parts else {
        return Some(vec![text.to_owned()]);
    };
    let behind = braces(behind)?;
    if choices.len().saturating_mul(behind.len()) > MOST {
        return None;
    }
    let all = choices.iter().flat_map(|choice| {
        behind
            .iter()
            .map(move |behind| format!("{front}{choice}{behind}"))
    });
    Some(all.collect())
}

/// What stands between braces: a range of numbers, with the zeros of its ends, or several texts; none if it is neither.
fn choices(inside: &str) -> Option<Vec<String>> {
    if let Some((first, last)) = inside.split_once("..") {
        let (from, to): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        let width = if first.starts_with('0') {
            first.len()
        } else {
            0
        };
        let range = (from..=to).take(MOST + 1);
        return Some(range.map(|number| format!("{number:0width$}")).collect());
    }
    inside
        .contains(',')
        .then(|| inside.split(',').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_files() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a-000.tar", "a-001.tar", "b.txt", "{x}.tar"] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            let paths = expand(&root.path().join(pattern)).unwrap();
            let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            paths.into_iter().map(name).collect()
        };
        assert_eq!(names("a-*.tar"), ["a-000.tar", "a-001.tar"]);
        assert_eq!(
            names("a-{000..002}.tar"),
            ["a-000.tar", "a-001.tar", "a-002.tar"]
        );
        assert_eq!(names("{b,a-00?}.t*"), ["b.txt", "a-000.tar", "a-001.tar"]);
        assert_eq!(names("{9..11}"), ["9", "10", "11"]);
        assert_eq!(names("{x}.tar"), ["{x}.tar"]);
        assert_eq!(names("plain"), ["plain"]);
        let error = |pattern: &str| expand(&root.path().join(pattern)).unwrap_err();
        assert!(matches!(error("c*"), DataError::Empty { .. }));
        assert!(matches!(
            error("{0..99999999999}"),
            DataError::Config { .. }
        ));
    }
}
