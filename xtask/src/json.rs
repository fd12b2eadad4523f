//! Comparison of two JSON documents, numbers within a tolerance.

use serde_json::Value;

/// How far a number may lie from the expected one: `absolute + relative * |expected|`.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub absolute: f64,
    pub relative: f64,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// How many numbers were compared.
    pub numbers: usize,
    /// The largest difference, as a share of what the tolerance allows.
    pub worst: f64,
    /// Every key that differs, with both values.
    pub differences: Vec<String>,
}

/// Compares every value of `got` with `expected`. `ignored` names keys that tell how a document was made.
pub fn compare(
    expected: &Value,
    got: &Value,
    tolerance: Tolerance,
    ignored: &[&str],
) -> Comparison {
    let mut comparison = Comparison::default();
    walk(
        expected,
        got,
        "$",
        &Rules { tolerance, ignored },
        &mut comparison,
    );
    comparison
}

struct Rules<'a> {
    tolerance: Tolerance,
    ignored: &'a [&'a str],
}

fn walk(expected: &Value, got: &Value, path: &str, rules: &Rules, found: &mut Comparison) {
    match (expected, got) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                let path = format!("{path}.{key}");
                if rules.ignored.contains(&key.as_str()) {
                    continue;
                }
                match b.get(key) {
                    Some(other) => walk(value, other, &path, rules, found),
                    None => found.differences.push(format!("{path}: not made anew")),
                }
            }
            for key in b.keys() {
                if !a.contains_key(key) && !rules.ignored.contains(&key.as_str()) {
                    found
                        .differences
                        .push(format!("{path}.{key}: not in the committed file"));
                }
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                found.differences.push(format!(
                    "{path}: expected {} entries, got {}",
                    a.len(),
                    b.len()
                ));
                return;
            }
            for (index, (value, other)) in a.iter().zip(b).enumerate() {
                walk(value, other, &format!("{path}[{index}]"), rules, found);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            found.numbers += 1;
            let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else {
                found
                    .differences
                    .push(format!("{path}: {a} or {b} is no double"));
                return;
            };
            let allowed = rules.tolerance.absolute + rules.tolerance.relative * a.abs();
            let difference = (a - b).abs();
            if difference > 0.0 {
                found.worst = found.worst.max(difference / allowed);
            }
            if difference > allowed {
                found.differences.push(format!(
                    "{path}: expected {a:e}, got {b:e}; they differ by {difference:.1e}, allowed are {allowed:.1e}"
                ));
            }
        }
        _ if expected == got => {}
        _ => found
            .differences
            .push(format!("{path}: expected {expected}, got {got}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOLERANCE: Tolerance = Tolerance {
        absolute: 1e-6,
        relative: 1e-4,
    };

    #[track_caller]
    fn check(expected: Value, got: Value, differences: &[&str]) {
        let found = compare(&expected, &got, TOLERANCE, &["made_with"]);
        assert_eq!(found.differences.len(), differences.len(), "{found:?}");
        for (line, start) in found.differences.iter().zip(differences) {
            assert!(
                line.starts_with(start),
                "{line} does not start with {start}"
            );
        }
    }

    #[test]
    fn equal_within_the_tolerance() {
        check(
            json!({"loss": 2.0, "gradient": [1.0, 0.0]}),
            json!({"loss": 2.0001, "gradient": [1.00005, 9e-7]}),
            &[],
        );
        check(
            json!([1, "a", null, true]),
            json!([1.0, "a", null, true]),
            &[],
        );
    }

    #[test]
    fn names_the_key_that_differs() {
        check(
            json!({"a": {"b": [1.0, 2.0]}}),
            json!({"a": {"b": [1.0, 2.1]}}),
            &["$.a.b[1]: expected 2e0, got 2.1e0"],
        );
        check(json!({"a": 1}), json!({"b": 1}), &["$.a: ", "$.b: "]);
        check(json!([1, 2]), json!([1]), &["$: expected 2 entries, got 1"]);
        check(json!({"a": "x"}), json!({"a": 1}), &["$.a: expected"]);
    }

    #[test]
    fn ignores_how_it_was_made() {
        check(
            json!({"made_with": "1.13", "a": 1}),
            json!({"made_with": "2.9", "a": 1}),
            &[],
        );
        check(json!({"a": 1}), json!({"made_with": "2.9", "a": 1}), &[]);
    }

    #[test]
    fn counts_numbers_and_the_worst() {
        let found = compare(&json!([1.0, 1.0]), &json!([1.0, 1.00005]), TOLERANCE, &[]);
        assert_eq!(found.numbers, 2);
        assert!(found.worst > 0.4 && found.worst < 0.6, "{found:?}");
    }
}
