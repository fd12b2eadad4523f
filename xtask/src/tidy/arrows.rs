//! Which crate of the workspace may depend on which, for every kind of dependency.

use serde_json::Value;

use super::{Findings, members};

/// Who may depend on whom. ARCHITECTURE.md draws it; this table decides.
const ARROWS: &[(&str, &[&str])] = &[
    ("tinderbox-data", &[]),
    ("tinderbox-kernels", &[]),
    ("tinderbox-nn", &["tinderbox-kernels"]),
    (
        "tinderbox-objectives",
        &["tinderbox-nn", "tinderbox-kernels"],
    ),
    (
        "tinderbox-transfer",
        &["tinderbox-nn", "tinderbox-objectives"],
    ),
    (
        "tinderbox-train",
        &[
            "tinderbox-data",
            "tinderbox-kernels",
            "tinderbox-nn",
            "tinderbox-objectives",
            "tinderbox-transfer",
        ],
    ),
    (
        "tinderbox",
        &[
            "tinderbox-data",
            "tinderbox-kernels",
            "tinderbox-nn",
            "tinderbox-objectives",
            "tinderbox-transfer",
            "tinderbox-train",
        ],
    ),
    ("tinderbox-cli", &["tinderbox"]),
    // `own_loop` shows the objectives without the rest.
    ("tinderbox-examples", &["tinderbox", "tinderbox-objectives"]),
    ("tinderbox-benches", &["tinderbox"]),
    ("xtask", &[]),
];

/// Dependencies that only these members may name: libraries have typed errors and no terminal.
const RESERVED: &[(&str, &[&str])] = &[
    ("anyhow", &["xtask"]),
    ("clap", &["tinderbox-cli"]),
    ("indicatif", &["tinderbox-cli"]),
    ("miette", &["tinderbox-cli"]),
];

/// Features of Burn that put a backend into the program.
const BACKENDS: &[&str] = &[
    "cpu", "cuda", "flex", "metal", "ndarray", "remote", "rocm", "tch", "vulkan", "webgpu", "wgpu",
];

pub fn check(metadata: &Value) -> Findings {
    let mut findings = Findings::new();
    for package in members(metadata) {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(member, _)| *member == name) else {
            findings.push(format!("{name} has no line in ARROWS of xtask's arrows.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            if let Some((_, owners)) = RESERVED.iter().find(|(reserved, _)| *reserved == on)
                && !owners.contains(&name)
            {
                findings.push(format!(
                    "{name} depends on {on}, which is {}'s",
                    owners.join(", ")
                ));
            }
            if dependency["path"].is_null() || allowed.contains(&on) {
                continue;
            }
            // A dev-dependency is no exception: tests of a crate live where they may see what they test.
            let kind = dependency["kind"].as_str().unwrap_or("normal");
            findings.push(format!(
                "{name} depends on {on} ({kind}); that arrow is not allowed"
            ));
        }
    }
    findings
}

/// No library crate enables a backend of Burn but through a feature that is not on by default;
/// dev-dependencies may, for the tests need one.
pub fn check_backends(metadata: &Value) -> Findings {
    let mut findings = Findings::new();
    for package in members(metadata) {
        let name = package["name"].as_str().unwrap_or_default();
        if !name.starts_with("tinderbox-") || matches!(name, "tinderbox-cli") {
            continue;
        }
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            if dependency["name"] != "burn" || !dependency["kind"].is_null() {
                continue;
            }
            if dependency["uses_default_features"] == true {
                findings.push(format!("{name} takes burn with its default features"));
            }
            for feature in dependency["features"].as_array().into_iter().flatten() {
                let feature = feature.as_str().unwrap_or_default();
                if BACKENDS.contains(&feature) {
                    findings.push(format!(
                        "{name} enables burn's backend `{feature}`; backends are the facade's"
                    ));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn member(name: &str, dependencies: Value) -> Value {
        json!({"packages": [{"name": name, "source": null, "dependencies": dependencies}]})
    }

    #[track_caller]
    fn arrow(from: &str, to: &str, kind: Value, allowed: bool) {
        let metadata = member(from, json!([{"name": to, "path": "x", "kind": kind}]));
        assert_eq!(check(&metadata).is_empty(), allowed, "{from} -> {to}");
    }

    #[test]
    fn arrows_point_downward() {
        arrow("tinderbox-objectives", "tinderbox-nn", Value::Null, true);
        arrow("tinderbox-train", "tinderbox-data", Value::Null, true);
        arrow("tinderbox-cli", "tinderbox", Value::Null, true);
        arrow("tinderbox-cli", "tinderbox-train", Value::Null, false);
        arrow("tinderbox-objectives", "tinderbox-data", Value::Null, false);
        arrow("tinderbox-data", "tinderbox-nn", Value::Null, false);
        arrow("tinderbox-nn", "tinderbox-train", json!("dev"), false);
        arrow("tinderbox-nn", "tinderbox-nn-extra", json!("build"), false);
    }

    #[test]
    fn reserved_dependencies() {
        let on_anyhow = json!([{"name": "anyhow", "kind": null}]);
        assert!(check(&member("xtask", on_anyhow.clone())).is_empty());
        assert_eq!(
            check(&member("tinderbox-nn", on_anyhow)),
            ["tinderbox-nn depends on anyhow, which is xtask's"]
        );
    }

    #[test]
    fn a_member_without_a_line_is_found() {
        let findings = check(&member("tinderbox-common", json!([])));
        assert_eq!(
            findings,
            ["tinderbox-common has no line in ARROWS of xtask's arrows.rs"]
        );
    }

    #[test]
    fn a_table_entry_depends_on_earlier_ones_only() {
        for (index, (name, allowed)) in ARROWS.iter().enumerate() {
            for on in *allowed {
                let at = ARROWS.iter().position(|(member, _)| member == on).unwrap();
                assert!(at < index, "{name} -> {on}");
            }
        }
    }

    #[test]
    fn a_backend_in_a_library_is_found() {
        let burn = |features: Value, kind: Value, defaults: bool| {
            member(
                "tinderbox-nn",
                json!([{"name": "burn", "kind": kind, "features": features, "uses_default_features": defaults}]),
            )
        };
        assert!(check_backends(&burn(json!(["std", "optim"]), Value::Null, false)).is_empty());
        assert!(check_backends(&burn(json!(["flex"]), json!("dev"), false)).is_empty());
        assert_eq!(
            check_backends(&burn(json!(["flex"]), Value::Null, false)).len(),
            1
        );
        assert_eq!(check_backends(&burn(json!([]), Value::Null, true)).len(), 1);
    }
}
