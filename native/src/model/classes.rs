//! Reads a list of classes as people write it.

use serde::Deserialize;

use super::manifest::Class;
use super::profile::Profile;
use crate::error::{Error, Result};

/// A class as people write it; its value is its place in the list.
#[derive(Debug, Deserialize)]
struct NamedClass {
    name: String,
    #[serde(alias = "color")]
    colour: Option<String>,
    threshold: Option<f64>,
}

/// Reads a JSON list of classes, `[{"name": "Water", "colour": "#0000ff"}, ...]`, in score order; a
/// class without a colour gets one. A multilabel model's may have a `"threshold"`.
///
/// # Errors
/// - Usage: not such a list.
pub fn parse(json: &str) -> Result<Vec<Class>> {
    let wrong = |what: String| {
        Error::usage(format!(
            "not a list of classes ({what}); give \
             [{{\"name\": \"Water\", \"colour\": \"#0000ff\"}}, ...]"
        ))
    };
    let named: Vec<NamedClass> =
        serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    let numbered = Profile::named("pretrain")?.classes(u32::try_from(named.len()).unwrap_or(0));
    let classes = named.into_iter().zip(numbered).map(|(given, class)| {
        let colour = given.colour.unwrap_or(class.colour);
        if !is_colour(&colour) {
            return Err(wrong(format!("'{colour}' is not a colour like #0000ff")));
        }
        Ok(Class { value: class.value, name: given.name, colour, threshold: given.threshold })
    });
    classes.collect()
}

/// Tells whether a text is a colour written `#rrggbb`.
pub fn is_colour(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or_default();
    digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
