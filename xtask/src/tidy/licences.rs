//! Licences of all dependencies, from their SPDX expressions.

use serde_json::Value;

use super::Findings;

/// Licences that any dependency may have. None asks more than a notice.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages whose licence is allowed for them alone, with the expression they must keep.
const EXCEPTIONS: &[(&str, &str)] = &[
    // MPL-2.0 binds changed files of the package itself; none is changed here.
    ("attohttpc", "MPL-2.0"),
    ("buildid", "MPL-2.0"),
    ("colored", "MPL-2.0"),
    ("option-ext", "MPL-2.0"),
    // Root certificates as data; in the lock for the remote backend.
    ("webpki-root-certs", "CDLA-Permissive-2.0"),
    ("webpki-roots", "CDLA-Permissive-2.0"),
    // NCSA is a BSD-like licence; in the lock for fuzzing features of others.
    ("libfuzzer-sys", "(MIT OR Apache-2.0) AND NCSA"),
    // Names a file instead of an expression; the file holds Apache-2.0.
    ("cfg_block", ""),
];

pub fn check(metadata: &Value) -> Findings {
    let mut findings = Findings::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if EXCEPTIONS.contains(&(name, licence)) {
            continue;
        }
        match allows(licence) {
            Some(true) => {}
            Some(false) => findings.push(format!("{name}: {licence} is not on the list")),
            None => findings.push(format!("{name}: `{licence}` is no licence expression")),
        }
    }
    findings
}

/// Whether the expression can be met with allowed licences; none when it cannot be read.
///
/// `OR` needs one side, `AND` both, and binds closer; `/` is the old way to write `OR`.
fn allows(expression: &str) -> Option<bool> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
    };
    let result = parser.any()?;
    (parser.at == tokens.len()).then_some(result)
}

struct Parser<'a> {
    tokens: &'a [&'a str],
    at: usize,
}

impl Parser<'_> {
    fn take(&mut self, token: &str) -> bool {
        let found = self.tokens.get(self.at) == Some(&token);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Option<bool> {
        let mut result = self.all()?;
        while self.take("OR") {
            result |= self.all()?;
        }
        Some(result)
    }

    fn all(&mut self) -> Option<bool> {
        let mut result = self.one()?;
        while self.take("AND") {
            result &= self.one()?;
        }
        Some(result)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let result = self.any()?;
            return self.take(")").then_some(result);
        }
        let mut licence = self.word()?.to_string();
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.word()?);
        }
        Some(ALLOWED.contains(&licence.as_str()))
    }

    fn word(&mut self) -> Option<&str> {
        let word = self.tokens.get(self.at)?;
        if matches!(*word, "(" | ")" | "OR" | "AND" | "WITH") {
            return None;
        }
        self.at += 1;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn expression(expression: &str, expected: Option<bool>) {
        assert_eq!(allows(expression), expected, "{expression}");
    }

    #[test]
    fn expressions() {
        expression("MIT", Some(true));
        expression("GPL-3.0-only", Some(false));
        expression("MIT OR GPL-3.0-only", Some(true));
        expression("MIT AND GPL-3.0-only", Some(false));
        expression("MIT/Apache-2.0", Some(true));
        expression("Apache-2.0 / MIT", Some(true));
        expression(
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            Some(true),
        );
        expression("GPL-2.0 WITH LLVM-exception", Some(false));
        expression("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true));
        expression("(MIT OR Apache-2.0) AND NCSA", Some(false));
        // AND binds closer than OR.
        expression("MIT OR Apache-2.0 AND GPL-3.0-only", Some(true));
        expression("GPL-3.0-only AND MIT OR AGPL-3.0-only", Some(false));
    }

    #[test]
    fn what_is_no_expression() {
        expression("", None);
        expression("MIT OR", None);
        expression("(MIT", None);
        expression("MIT Apache-2.0", None);
        expression("OR", None);
    }

    #[test]
    fn an_exception_holds_for_its_package_and_expression() {
        let of = |name: &str, licence: Value| {
            check(&json!({"packages": [{"name": name, "license": licence}]})).len()
        };
        assert_eq!(of("option-ext", json!("MPL-2.0")), 0);
        assert_eq!(of("option-ext", json!("GPL-3.0-only")), 1);
        assert_eq!(of("another", json!("MPL-2.0")), 1);
        assert_eq!(of("another", Value::Null), 1);
    }
}
