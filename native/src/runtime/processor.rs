//! Tells what the processor is called and which instructions it has, as the kernel lists them.

use std::sync::OnceLock;

/// What `/proc/cpuinfo` says of the first processor.
#[derive(Debug, Default)]
struct Processor {
    name: String,
    flags: Vec<String>,
}

/// Returns the processor's name; empty where nobody tells it.
pub fn name() -> &'static str {
    &here().name
}

/// Says whether the processor multiplies matrices of bfloat16, several times as fast as of f32.
pub fn has_amx() -> bool {
    here().has("amx_bf16")
}

/// Says whether the processor computes with bfloat16; where nobody tells, the provider decides.
pub(super) fn has_bf16() -> bool {
    here().has_any(&["amx_bf16", "avx512_bf16", "bf16"])
}

/// Says whether the processor computes with halves; where nobody tells, the provider decides.
pub(super) fn has_fp16() -> bool {
    here().has_any(&["avx512_fp16", "amx_fp16", "asimdhp"])
}

fn here() -> &'static Processor {
    static HERE: OnceLock<Processor> = OnceLock::new();
    HERE.get_or_init(|| {
        Processor::parse(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
    })
}

impl Processor {
    fn parse(text: &str) -> Self {
        let first = text.split("\n\n").next().unwrap_or_default();
        let value = |keys: &[&str]| {
            let mut pairs = first.lines().filter_map(|line| line.split_once(':'));
            let (_, value) = pairs.find(|(key, _)| keys.contains(&key.trim()))?;
            Some(value.trim())
        };
        let flags = value(&["flags", "Features"]).unwrap_or_default();
        Self {
            name: value(&["model name", "CPU part"]).unwrap_or_default().to_owned(),
            flags: flags.split_whitespace().map(str::to_owned).collect(),
        }
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }

    fn has_any(&self, flags: &[&str]) -> bool {
        self.flags.is_empty() || flags.iter().any(|flag| self.has(flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_processor_is_read_and_a_flag_is_a_whole_word() {
        let text = "processor\t: 0\nmodel name\t: A 1: B\nflags\t\t: fpu avx512_bf16 amx_tile\n\n\
                    processor\t: 1\nmodel name\t: C\nflags\t\t: amx_bf16\n";
        let processor = Processor::parse(text);
        assert_eq!(processor.name, "A 1: B");
        assert!(processor.has("amx_tile") && !processor.has("amx_bf16") && !processor.has("bf16"));
        assert!(processor.has_any(&["amx_bf16", "avx512_bf16"]) && !processor.has_any(&["x"]));
        let silent = Processor::parse("");
        assert!(!silent.has("amx_bf16") && silent.has_any(&["amx_bf16"]));
    }
}
