//! Reads what Deepness's users write into their models.

use std::collections::BTreeMap;

use log::info;
use serde_json::Value;

use super::{Described, wrong};
use crate::error::{Error, Result};

/// Deepness divides digital numbers by this before anything else.
const DIVISOR: f64 = 255.0;

/// Reads the keys that Deepness documents for segmentation, each of them JSON or, as in its
/// documentation, a Python literal.
pub(super) fn read(metadata: &BTreeMap<String, String>) -> Result<Described> {
    let keys = Keys(metadata);
    let kind = keys.value("model_type")?;
    let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
    if !kind.eq_ignore_ascii_case("segmentor") {
        return Err(Error::model(format!(
            "its metadata 'model_type' is '{kind}'; of Deepness's models, 'Segmentor' can be used"
        )));
    }
    // The documentation says one, the program reads the other.
    let side_px = match keys.number("tile_size")? {
        None => keys.number("tiles_size")?,
        side => side,
    };
    let side_px = side_px.map(|side| whole(side, "tiles_size")).transpose()?;
    let percent = keys.number("tiles_overlap")?;
    let overlap = percent.zip(side_px).map(|(percent, side)| percent * f64::from(side) / 100.0);
    for key in ["seg_thresh", "seg_small_segment"] {
        if let Some(value) = keys.number(key)?.filter(|value| *value != 0.0) {
            info!("the model's {key} of {value} is not used: each pixel gets its best class");
        }
    }
    Ok(Described {
        scaling: Some(keys.scaling()?),
        classes: keys.classes()?.map(|names| names.into_iter().map(|n| (n, None)).collect()),
        resolution_m: keys.number("resolution")?.map(|centimetres| centimetres / 100.0),
        side_px,
        overlap_px: overlap.map(|px| whole(px.round(), "tiles_overlap")).transpose()?,
        ..Described::default()
    })
}

struct Keys<'a>(&'a BTreeMap<String, String>);

impl Keys<'_> {
    fn value(&self, key: &str) -> Result<Option<Value>> {
        let parsed = self.0.get(key).map(|text| {
            let json = serde_json::from_str(text);
            json.or_else(|_| serde_json::from_str(&from_python(text)))
        });
        parsed.transpose().map_err(|_| wrong(key, "JSON"))
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        let value = self.value(key)?;
        value.map(|value| value.as_f64().ok_or_else(|| wrong(key, "a number"))).transpose()
    }

    fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        let list = |value: Value| {
            let list = value.as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<_>>>();
            list.filter(|list| !list.is_empty())
        };
        let value = self.value(key)?;
        value.map(|value| list(value).ok_or_else(|| wrong(key, "a list of numbers"))).transpose()
    }

    /// Returns mean and standard deviation in digital numbers: (x / 255 - m) / s is
    /// (x - 255 m) / 255 s.
    fn scaling(&self) -> Result<Vec<(f64, f64)>> {
        match (self.numbers("standardization_mean")?, self.numbers("standardization_std")?) {
            (None, None) => Ok(vec![(0.0, DIVISOR)]),
            (Some(mean), Some(std)) if mean.len() == std.len() => {
                let pairs = mean.into_iter().zip(std);
                Ok(pairs.map(|(mean, std)| (mean * DIVISOR, std * DIVISOR)).collect())
            }
            _ => Err(wrong("standardization_mean", "as long as 'standardization_std'")),
        }
    }

    /// Returns the names of classes 0, 1, 2 and so on, of the one output.
    fn classes(&self) -> Result<Option<Vec<String>>> {
        let key = if self.0.contains_key("class_names") { "class_names" } else { "names" };
        let wrong = || wrong(key, "an object that names the classes 0, 1, 2 and so on");
        let Some(mut value) = self.value(key)? else { return Ok(None) };
        if let Some([one]) = value.as_array().map(Vec::as_slice) {
            value = one.clone();
        }
        let names = value.as_object().ok_or_else(wrong)?;
        let name = |index: usize| names.get(&index.to_string())?.as_str().map(str::to_owned);
        let all: Option<Vec<String>> = (0..names.len()).map(name).collect();
        Ok(Some(all.ok_or_else(wrong)?))
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn whole(value: f64, key: &str) -> Result<u32> {
    let fits = (0.0..=4096.0).contains(&value) && value.fract() == 0.0;
    if fits { Ok(value as u32) } else { Err(wrong(key, "a whole number up to 4096")) }
}

/// Spells a Python literal of dictionaries, lists, texts and numbers as JSON.
fn from_python(text: &str) -> String {
    let mut json = String::new();
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => {
                quote = Some(character);
                json.push('"');
            }
            (Some(open), close) if open == close => {
                quote = None;
                json.push('"');
            }
            (Some(_), '"') => json.push_str("\\\""),
            (Some(_), '\\') => match characters.next() {
                Some('\'') => json.push('\''),
                escaped => json.extend(std::iter::once('\\').chain(escaped)),
            },
            (None, digit) if digit.is_ascii_digit() => {
                let mut number = String::from(digit);
                while let Some(more) = characters.next_if(|c| c.is_ascii_digit() || *c == '.') {
                    number.push(more);
                }
                while characters.next_if(|c| c.is_whitespace()).is_some() {}
                let key = characters.peek() == Some(&':');
                json.push_str(&if key { format!("\"{number}\"") } else { number });
            }
            (_, other) => json.push(other),
        }
    }
    json
}
