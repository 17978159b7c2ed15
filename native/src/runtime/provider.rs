//! Chooses what a session runs on: device, provider and precision.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The hardware that computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Device {
    /// A GPU that works with this ONNX Runtime, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The NVIDIA GPU of that number.
    Cuda(u32),
}

/// Who computes there: an execution provider of ONNX Runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ProviderChoice {
    /// OpenVINO on the processor if this ONNX Runtime has it, else ONNX Runtime's own.
    #[default]
    Auto,
    /// ONNX Runtime's own.
    Ort,
    /// OpenVINO, on the processor.
    OpenVino,
    /// TensorRT, on a GPU.
    TensorRt,
}

/// The arithmetic of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// IEEE single throughout.
    #[default]
    Fp32,
    /// Products of bfloat16.
    Bf16,
    /// IEEE half.
    Fp16,
    /// bf16 or fp16 where that is faster, else fp32; the result depends on the machine.
    Fastest,
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let number = |number: &str| number.parse().ok().map(Device::Cuda);
        match word {
            "auto" => Some(Device::Auto),
            "cpu" => Some(Device::Cpu),
            "cuda" => Some(Device::Cuda(0)),
            _ => word.strip_prefix("cuda:").and_then(number),
        }
        .ok_or_else(|| unknown("device", word, "auto, cpu, cuda or cuda:N"))
    }
}

impl FromStr for ProviderChoice {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Ok(match word {
            "auto" => Self::Auto,
            "ort" => Self::Ort,
            "openvino" => Self::OpenVino,
            "tensorrt" => Self::TensorRt,
            _ => return Err(unknown("provider", word, "auto, ort, openvino or tensorrt")),
        })
    }
}

impl FromStr for Precision {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        Ok(match word {
            "fp32" => Self::Fp32,
            "bf16" => Self::Bf16,
            "fp16" => Self::Fp16,
            "fastest" => Self::Fastest,
            _ => return Err(unknown("precision", word, "fp32, bf16, fp16 or fastest")),
        })
    }
}

fn unknown(what: &str, word: &str, accepted: &str) -> Error {
    Error::usage(format!("'{word}' is not a {what}; give {accepted}"))
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Auto => f.write_str("auto"),
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl fmt::Display for ProviderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Ort => "ort",
            Self::OpenVino => "openvino",
            Self::TensorRt => "tensorrt",
        })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
            Self::Fastest => "fastest",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survives<T: FromStr<Err = Error> + fmt::Display>(words: &[&str]) {
        for word in words {
            assert_eq!(word.parse::<T>().unwrap_or_else(|e| panic!("{e}")).to_string(), *word);
        }
        let refused = "gpu".parse::<T>().err().expect("refused");
        assert!(words.iter().all(|word| refused.message().contains(word.trim_end_matches(":7"))));
    }

    #[test]
    fn words_of_the_command_line_survive_a_round_trip() {
        survives::<Device>(&["auto", "cpu", "cuda:7"]);
        survives::<ProviderChoice>(&["auto", "ort", "openvino", "tensorrt"]);
        survives::<Precision>(&["fp32", "bf16", "fp16", "fastest"]);
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        assert!("cuda:".parse::<Device>().is_err() && "cuda:-1".parse::<Device>().is_err());
    }
}
