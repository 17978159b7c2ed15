//! Generates weights and inputs bit by bit from their names: FNV-1a seeds, SplitMix64 streams.

use std::ops::Range;

/// Hashes the UTF-8 bytes of a text, 64-bit FNV-1a.
pub fn fnv1a64(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Draws number `index` of the SplitMix64 stream with the given seed.
pub fn splitmix64(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Generates a weight tensor, row-major: `scale * u + offset` with u uniform in [-1, 1).
///
/// `name` is the key without a `module.` prefix; `seed_prefix` changes the draws, not the scale.
pub fn tensor(name: &str, shape: &[usize], seed_prefix: &str) -> Vec<f32> {
    let seed = fnv1a64(&format!("{seed_prefix}{name}"));
    let (scale, offset) = scale_and_offset(name, shape);
    let count = shape.iter().product::<usize>() as u64;
    (0..count).map(|index| signed_unit(splitmix64(seed, index)) * scale + offset).collect()
}

/// Generates a chip in [0, 1), (band, row, column).
pub fn image(name: &str, bands: usize, height: usize, width: usize) -> Vec<f32> {
    steps(name, bands, height, width, None).map(|step| step as f32 / 1024.0).collect()
}

/// Generates the golden data's second date, (band, row, column): 12 bands of 128 x 128 pixels in
/// whose middle the pattern is inverted.
pub fn second_date() -> Vec<f32> {
    let changed = Some((32..96, 48..112));
    steps("input2", 12, 128, 128, changed).map(|step| step as f32 / 1024.0).collect()
}

/// Lists the tokens that a masked run of the golden data sees, in the encoder's order.
pub fn visible(tokens: usize, count: usize) -> Vec<usize> {
    let mut ids: Vec<_> = (0..tokens).collect();
    ids.sort_by_key(|&id| splitmix64(fnv1a64("mask_noise"), id as u64) >> 40);
    ids.truncate(count);
    ids
}

/// Generates digital numbers `low + floor(span * chip)`, (row, column, band); the highest is 65535.
pub fn raw_u16(
    name: &str,
    bands: usize,
    height: usize,
    width: usize,
    low: u16,
    span: u16,
) -> Vec<u16> {
    let pixels = height * width;
    let mut raw = vec![0; bands * pixels];
    for (index, step) in steps(name, bands, height, width, None).enumerate() {
        let number = u64::from(low) + u64::from(span) * step / 1024;
        raw[index % pixels * bands + index / pixels] = u16::try_from(number).unwrap_or(u16::MAX);
    }
    raw
}

/// Draws the chip's values times 1024, (band, row, column); the pattern is inverted in the rows and
/// columns given.
fn steps(
    name: &str,
    bands: usize,
    height: usize,
    width: usize,
    inverted: Option<(Range<u64>, Range<u64>)>,
) -> impl Iterator<Item = u64> + use<> {
    let seed = fnv1a64(name);
    let [bands, height, width] = [bands, height, width].map(|count| count as u64);
    (0..bands * height * width).map(move |index| {
        let (x, y, k) = (index % width, index / width % height, index / width / height);
        let pattern = 7 * y + 13 * x + 29 * k + ((x * y) >> 4) + k * (x ^ y);
        let is_inverted =
            inverted.as_ref().is_some_and(|(rows, cols)| rows.contains(&y) && cols.contains(&x));
        let pattern = if is_inverted { 255 - pattern % 256 } else { pattern % 256 };
        3 * pattern + (splitmix64(seed, index) >> 56)
    })
}

/// Turns a draw into [-1, 1), exactly.
fn signed_unit(draw: u64) -> f32 {
    (draw >> 40) as f32 / 8_388_608.0 - 1.0
}

/// Returns the rule for a key: gains near 1, biases small, matrices that keep a signal's variance.
#[allow(clippy::cast_possible_truncation, reason = "the rule rounds the scale to f32 once")]
fn scale_and_offset(name: &str, shape: &[usize]) -> (f32, f32) {
    if shape.len() == 1 {
        return (0.1, if name.ends_with(".weight") { 1.0 } else { 0.0 });
    }
    if !name.ends_with(".weight") {
        return (1.0, 0.0);
    }
    let transposed = ["conv0.3.weight", "conv1.3.weight", "conv2.3.weight"].contains(&name);
    let fan = if transposed { shape[0] } else { shape[1..].iter().product() };
    let gain = if name.ends_with(".attn.q.weight") || name.ends_with(".attn.k.weight") {
        3.0
    } else if name.ends_with(".attn.proj.weight") {
        0.5
    } else {
        1.0
    };
    ((gain * (3.0 / fan as f64).sqrt()) as f32, 0.0)
}

/// Turns a part of a raw tile, (row, column, band), upside down: its changed area.
pub fn flip(tile: &mut [u16], bands: usize, width: usize, rows: Range<usize>, cols: Range<usize>) {
    let before = tile.to_vec();
    for row in rows.clone() {
        let other = rows.start + rows.end - 1 - row;
        let line =
            |row: usize| (row * width + cols.start) * bands..(row * width + cols.end) * bands;
        tile[line(row)].copy_from_slice(&before[line(other)]);
    }
}
