//! Finds the tensors of a model whose numbers are in other files.
//!
//! Tensors are not only among a graph's initialisers: nodes have them as attributes, and graphs
//! within them, and functions have nodes. A runtime would open what any of them names.

use std::io::{Read, Seek};

use super::fields::{Fields, Payload, invalid};
use super::proto;

/// Messages within messages, deeper than any network needs.
const DEPTH: usize = 64;

/// `TensorProto.external_data`, `.data_location`.
const EXTERNAL_DATA: u32 = 13;
const DATA_LOCATION: u32 = 14;

/// Where the numbers of a tensor are, as the model says it; nothing of it is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct External {
    /// The file; empty if the model does not tell.
    pub location: String,
    /// The first byte.
    pub offset: u64,
    /// How many bytes; `None`: all that follow.
    pub length: Option<u64>,
}

/// The messages in which there can be tensors.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Sparse,
    Training,
    Function,
}

impl Kind {
    /// Returns what a field of this message is.
    fn child(self, field: u32) -> Option<Kind> {
        Some(match (self, field) {
            (Kind::Model, 7) | (Kind::Training, 1 | 2) | (Kind::Attribute, 6 | 11) => Kind::Graph,
            (Kind::Model, 20) => Kind::Training,
            (Kind::Model, 25) => Kind::Function,
            (Kind::Graph, 1) | (Kind::Function, 7) => Kind::Node,
            (Kind::Node, 5) | (Kind::Function, 11) => Kind::Attribute,
            (Kind::Graph, 5) | (Kind::Attribute, 5 | 10) | (Kind::Sparse, 1 | 2) => Kind::Tensor,
            (Kind::Graph, 15) | (Kind::Attribute, 22 | 23) => Kind::Sparse,
            _ => return None,
        })
    }
}

/// Looks into a field of a message of that kind, or passes over it.
pub(super) fn find<F: Read + Seek>(
    fields: &mut Fields<F>,
    kind: Kind,
    (number, payload): (u32, Payload),
    found: &mut Vec<External>,
    depth: usize,
) -> std::io::Result<()> {
    let (Some(kind), Payload::Bytes(bytes)) = (kind.child(number), payload) else {
        return fields.skip(payload);
    };
    if depth == DEPTH {
        return Err(invalid("its messages are nested too deep"));
    }
    let end = fields.position() + bytes;
    if matches!(kind, Kind::Tensor) {
        return tensor(fields, end, found);
    }
    while let Some(field) = fields.next(end)? {
        find(fields, kind, field, found, depth + 1)?;
    }
    Ok(())
}

fn tensor<F: Read + Seek>(
    fields: &mut Fields<F>,
    end: u64,
    found: &mut Vec<External>,
) -> std::io::Result<()> {
    let (mut elsewhere, mut place) = (false, External::default());
    while let Some(field) = fields.next(end)? {
        match field {
            (DATA_LOCATION, Payload::Number(location)) => elsewhere |= location != 0,
            (EXTERNAL_DATA, Payload::Bytes(bytes)) => {
                elsewhere = true;
                place.take(fields.message(bytes)?)?;
            }
            (_, payload) => fields.skip(payload)?,
        }
    }
    if elsewhere {
        fields.keep(0)?;
        found.push(place);
    }
    Ok(())
}

impl External {
    /// Takes one entry; of entries that contradict each other none is believed.
    fn take(&mut self, entry: proto::StringStringEntryProto) -> std::io::Result<()> {
        let number = || {
            let wrong = |_| invalid("a weight's place in another file is not a number");
            entry.value.parse::<u64>().map_err(wrong)
        };
        let again = match entry.key.as_str() {
            "location" => !std::mem::replace(&mut self.location, entry.value).is_empty(),
            "offset" => std::mem::replace(&mut self.offset, number()?) != 0,
            "length" => self.length.replace(number()?).is_some(),
            "checksum" => false,
            _ => return Err(invalid("a weight's place in another file has an unknown key")),
        };
        if again {
            return Err(invalid("a weight's place in another file is given twice"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::onnx::facts::read_facts;
    use crate::onnx::stored::WeightFormat;
    use crate::onnx::write::length_delimited;
    use crate::onnx::write::tests::{model, model_and_data};

    /// Puts a message into a field.
    fn field(number: u32, message: &[u8]) -> Vec<u8> {
        [length_delimited(number, message.len() as u64), message.to_vec()].concat()
    }

    fn entry(key: &str, value: &str) -> Vec<u8> {
        field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
    }

    /// Reads a sound model to which a field was added.
    fn read(number: u32, message: &[u8]) -> std::io::Result<Vec<External>> {
        let bytes = [model(&[]), field(number, message)].concat();
        let length = bytes.len() as u64;
        Ok(read_facts(Cursor::new(bytes), length)?.external)
    }

    #[test]
    fn tensors_in_other_files_are_found_wherever_they_are() {
        let [written, data] = model_and_data("m.onnx.data", WeightFormat::Fp32);
        let length = written.len() as u64;
        let place = External { location: "m.onnx.data".into(), offset: 0, length: Some(60_000) };
        assert_eq!(read_facts(Cursor::new(written), length).unwrap().external, [place]);
        assert_eq!(data.len(), 60_000);

        let tensor = entry("location", "../x");
        let node = |attribute: u32, message: &[u8]| field(5, &field(attribute, message));
        let in_graph = |tensor: &[u8]| field(1, &node(5, tensor));
        let places: [(&str, u32, Vec<u8>); 11] = [
            ("initialiser", 7, field(5, &tensor)),
            ("sparse values", 7, field(15, &field(1, &tensor))),
            ("sparse indices", 7, field(15, &field(2, &tensor))),
            ("attribute", 7, in_graph(&tensor)),
            ("attributes", 7, field(1, &node(10, &tensor))),
            ("sparse attribute", 7, field(1, &node(22, &field(1, &tensor)))),
            ("sparse attributes", 7, field(1, &node(23, &field(2, &tensor)))),
            ("graph within a node", 7, field(1, &node(6, &in_graph(&tensor)))),
            ("graphs within a node", 7, field(1, &node(11, &field(5, &tensor)))),
            ("training", 20, field(2, &field(5, &tensor))),
            ("function", 25, field(7, &node(5, &tensor))),
        ];
        for (what, number, message) in places {
            let found = read(number, &message).unwrap();
            assert_eq!(found.len(), 1, "{what}");
            assert_eq!(found[0].location, "../x", "{what}");
        }
        assert_eq!(read(7, &field(5, &[14 << 3, 1])).unwrap(), [External::default()]);
    }

    #[test]
    fn places_that_contradict_themselves_are_refused() {
        for entries in [
            [entry("location", "a"), entry("location", "b")],
            [entry("offset", "1"), entry("offset", "2")],
            [entry("length", "1"), entry("length", "1")],
            [entry("location", "a"), entry("__class__", "b")],
            [entry("location", "a"), entry("offset", "-1")],
        ] {
            assert!(read(7, &field(5, &entries.concat())).is_err());
        }
        let deep = (0..100).fold(field(5, b""), |inner, _| field(1, &field(5, &field(6, &inner))));
        assert!(read(7, &deep).unwrap_err().to_string().contains("nested too deep"));
    }
}
