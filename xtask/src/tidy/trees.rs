//! What a library crate compiles when a user takes it alone, from `cargo tree`.

use anyhow::Result;

use super::Findings;
use crate::shell;

/// Crates of programs: the command line, the terminal, error reports for people.
const PROGRAM: &[&str] = &[
    "clap",
    "clap_builder",
    "clap_complete",
    "console",
    "crossterm",
    "indicatif",
    "maud",
    "miette",
    "plotters",
    "ratatui",
    "signal-hook",
];

/// Decoders of images and sound.
const DECODERS: &[&str] = &[
    "claxon",
    "fast_image_resize",
    "gif",
    "image",
    "image-webp",
    "jpeg-decoder",
    "png",
    "tiff",
    "zune-jpeg",
];

/// The library crates, with what they must not compile when their features are the default ones.
const ALONE: &[(&str, &[&[&str]])] = &[
    ("tinderbox-data", &[PROGRAM, DECODERS]),
    ("tinderbox-kernels", &[PROGRAM, DECODERS]),
    ("tinderbox-nn", &[PROGRAM, DECODERS]),
    ("tinderbox-objectives", &[PROGRAM, DECODERS]),
    ("tinderbox-transfer", &[PROGRAM, DECODERS]),
    ("tinderbox-train", &[PROGRAM, DECODERS]),
    ("tinderbox", &[PROGRAM]),
];

pub fn check() -> Result<Findings> {
    let mut findings = Findings::new();
    for (package, forbidden) in ALONE {
        let tree = shell::output(&mut shell::cargo(&[
            "tree",
            "--locked",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
        ]))?;
        findings.extend(found_in(package, &tree, forbidden));
    }
    Ok(findings)
}

fn found_in(package: &str, tree: &str, forbidden: &[&[&str]]) -> Findings {
    let mut names: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| forbidden.iter().any(|list| list.contains(name)))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
        .iter()
        .map(|name| {
            format!("{package} alone compiles {name}; `cargo tree -p {package} -i {name}` says why")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_names_are_found_whole() {
        let tree =
            "tinderbox-nn v0.1.0\nimage v0.25.1\nimagesize v1.0.0\nclap v4.6.0 (*)\nclap v4.6.0\n";
        let findings = found_in("tinderbox-nn", tree, &[PROGRAM, DECODERS]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("tinderbox-nn alone compiles clap"));
        assert!(findings[1].starts_with("tinderbox-nn alone compiles image;"));
        assert!(found_in("tinderbox", tree, &[&["png"]]).is_empty());
    }
}
