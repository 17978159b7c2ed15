//! Feeds changed pickles, in archives whose checksums are right, to the checkpoint's reader.
#![no_main]

mod edit;
mod subject;

use conformance::torch::{self, Archive, Wrap};
use libfuzzer_sys::fuzz_target;

/// The operations that the reader knows, and some that it does not.
const OPCODES: &[u8] =
    b".NKMJGXB()]}tRasebuqrhjcQ\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\
                         \x90\x93\x94\x95CioP0";

fuzz_target!(|data: &[u8]| {
    let Some((wrap, edits)) = data.split_first() else { return };
    let wrap = [Wrap::Published, Wrap::Flat, Wrap::Module].get(usize::from(*wrap % 4));
    let pickle = match wrap {
        None => edits.to_vec(),
        Some(wrap) => {
            let mut pickle = torch::pickle(&subject::TENSORS, *wrap).expect("a pickle");
            edit::edit(&mut pickle, edits, OPCODES);
            pickle
        }
    };
    let mut archive = Archive::new(Vec::new(), "archive");
    archive.record("data.pkl", &pickle).expect("an entry");
    for (key, (_, _, values)) in subject::TENSORS.iter().enumerate() {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        archive.record(&format!("data/{key}"), &bytes).expect("an entry");
    }
    subject::read(&archive.finish().expect("an archive"));
});
