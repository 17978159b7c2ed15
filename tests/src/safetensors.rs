//! Writes checkpoints as safetensors.

use serde_json::{Map, json};

use crate::segment::Tensor;

/// Makes a file of f32 tensors in that order, with a prefix before every name.
pub fn bytes(tensors: &[Tensor], prefix: &str) -> Vec<u8> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    let mut data = Vec::new();
    for (name, shape, values) in tensors {
        let start = data.len();
        data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let described =
            json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]});
        header.insert(format!("{prefix}{name}"), described);
    }
    file(&serde_json::Value::Object(header).to_string(), &data)
}

/// Puts a header, padded with blanks as the original does, before bytes.
pub fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let length = header.len().next_multiple_of(8);
    let blanks = vec![b' '; length - header.len()];
    [&(length as u64).to_le_bytes(), header.as_bytes(), &blanks, data].concat()
}
