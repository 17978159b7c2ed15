//! The machine's memory and this process's share of it, in bytes.

use std::fs::read_to_string;

use crate::error::{Error, Result};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Returns the budget used unless told otherwise: 4 GiB, or half of what the control group or the
/// machine gives if that is less.
pub fn default_budget() -> u64 {
    let group = read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<u64>().ok());
    let machine = field("/proc/meminfo", "MemTotal:");
    let given = group.into_iter().chain(machine).min();
    given.map_or(4 * GIB, |bytes| (bytes / 2).min(4 * GIB))
}

/// Returns this process's resident memory.
pub fn resident() -> Option<u64> {
    field("/proc/self/status", "VmRSS:")
}

/// Returns this process's largest resident memory so far.
pub fn peak_resident() -> Option<u64> {
    field("/proc/self/status", "VmHWM:")
}

fn field(file: &str, name: &str) -> Option<u64> {
    let text = read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Reads a size as in `512M`, `4G`, `4GiB`, `1500000000`.
///
/// # Errors
/// - Usage: not a size.
pub fn parse(text: &str) -> Result<u64> {
    let wrong = || Error::usage(format!("'{text}' is not a memory size; give as in 512M or 4G"));
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit.trim().to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 1,
        "K" => 1024,
        "M" => MIB,
        "G" => GIB,
        "T" => 1024 * GIB,
        _ => return Err(wrong()),
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and saturating is right for an absurd size"
    )]
    let bytes = (number * unit as f64) as u64;
    if bytes == 0 { Err(wrong()) } else { Ok(bytes) }
}

/// Writes a size for people.
pub fn words(bytes: u64) -> String {
    if bytes >= 10 * GIB {
        return format!("{:.1} GiB", bytes as f64 / GIB as f64);
    }
    format!("{} MiB", bytes.div_ceil(MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in
            [("512M", 512 * MIB), ("4G", 4 * GIB), ("1.5GiB", 3 * GIB / 2), ("7", 7), ("2kb", 2048)]
        {
            assert_eq!(parse(text), Ok(bytes));
        }
        for text in ["", "G", "-1G", "0", "4X", "4 GG"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_peak_is_not_below_what_is_resident() {
        let (Some(now), Some(peak)) = (resident(), peak_resident()) else { return };
        assert!(peak >= now && now > MIB && default_budget() > 0);
    }
}
