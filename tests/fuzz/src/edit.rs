//! Edits a valid file as the fuzzer's bytes say, so that most of its structure stays.

/// Applies edits of eight bytes each: what to do, where (two bytes), how much, and four bytes.
pub fn edit(file: &mut Vec<u8>, edits: &[u8], alphabet: &[u8]) {
    for &[what, low, high, length, a, b, c, d] in edits.as_chunks().0 {
        if file.is_empty() {
            return;
        }
        let at = usize::from(u16::from_le_bytes([low, high])) % file.len();
        let end = (at + 1 + usize::from(length)).min(file.len());
        let new = [a, b, c, d];
        match what % 7 {
            0 => file[at] = a,
            1 => file[at] = alphabet[usize::from(a) % alphabet.len()],
            2 => drop(file.drain(at..end)),
            3 => drop(file.splice(at..at, file[at..end].to_vec())),
            4 => file.insert(at, alphabet[usize::from(a) % alphabet.len()]),
            5 => drop(file.splice(at..at, new)),
            _ => drop(file.splice(at..(at + 4).min(file.len()), new)),
        }
        file.truncate(1 << 16);
    }
}
