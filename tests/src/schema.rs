//! Holds JSON to a JSON Schema: the words that ours uses, and no others.

use serde_json::Value;

/// Lists what of a value a schema forbids, each with its place; an object's keys that the schema
/// does not know are forbidden too.
///
/// # Panics
/// The schema uses a word that is not known here.
pub fn violations(schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (word, rule) in schema.as_object().expect("a schema is an object") {
        let kept = match word.as_str() {
            "$schema" | "title" | "description" => true,
            "type" => is(value, rule.as_str().expect("a type")),
            "const" => value == rule,
            "enum" => list(rule).contains(value),
            "minimum" => value.as_f64() >= rule.as_f64(),
            "maximum" => value.as_f64() <= rule.as_f64(),
            "minItems" => list(value).len() as u64 >= rule.as_u64().expect("a number"),
            "oneOf" => {
                let fits = |one: &&Value| violations(one, value, place).is_empty();
                list(rule).iter().filter(fits).count() == 1
            }
            "required" => list(rule).iter().all(|key| has(value, key)),
            "items" => {
                for (index, item) in list(value).iter().enumerate() {
                    found.extend(violations(rule, item, &format!("{place}/{index}")));
                }
                true
            }
            "properties" => {
                for (key, item) in value.as_object().into_iter().flatten() {
                    match rule.get(key) {
                        Some(rule) => {
                            found.extend(violations(rule, item, &format!("{place}/{key}")))
                        }
                        None => found.push(format!("{place}/{key} is not in the schema")),
                    }
                }
                true
            }
            other => panic!("the schema uses '{other}'"),
        };
        if !kept {
            found.push(format!("{place}: {word} {rule}"));
        }
    }
    found
}

fn has(value: &Value, key: &Value) -> bool {
    key.as_str().is_some_and(|key| value.get(key).is_some())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("the schema uses the type '{other}'"),
    }
}
