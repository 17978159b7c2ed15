//! Reads names and colours of classes as people write them.

use serde::Deserialize;
use serde_json::Value;

use super::options::ClassName;
use crate::error::{Error, Result};
use crate::model::classes::is_colour;

/// A class as people describe it.
#[derive(Debug, Deserialize)]
struct Wish {
    label: Value,
    name: String,
    #[serde(alias = "color")]
    colour: Option<String>,
}

/// Reads a JSON list of names and colours of labels,
/// `[{"label": "3", "name": "Water", "colour": "#0000ff"}, ...]`; a colour may be left out.
///
/// # Errors
/// - Usage: not such a list.
pub fn parse_classes(json: &str) -> Result<Vec<ClassName>> {
    let wrong = |what: String| {
        Error::usage(format!(
            "not a list of classes ({what}); give \
             [{{\"label\": \"3\", \"name\": \"Water\", \"colour\": \"#0000ff\"}}, ...]"
        ))
    };
    let wishes: Vec<Wish> = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    let class = |wish: Wish| {
        if let Some(colour) = wish.colour.as_deref().filter(|colour| !is_colour(colour)) {
            return Err(wrong(format!("'{colour}' is not a colour like #0000ff")));
        }
        let label = match wish.label {
            Value::String(text) => text,
            number => number.to_string(),
        };
        Ok(ClassName { label, name: wish.name, colour: wish.colour })
    };
    wishes.into_iter().map(class).collect()
}
