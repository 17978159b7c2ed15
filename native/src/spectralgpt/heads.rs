//! Tells the number of attention heads, which leave no trace in the weights, from a width.

use crate::error::{Error, Result};

/// Returns the given number of heads, or the one that an encoder's width was published with.
///
/// # Errors
/// - Usage: the heads do not divide the width, or none were given for an unusual one.
pub(super) fn encoder(dim: usize, given: Option<u32>) -> Result<usize> {
    let usual = match dim {
        1024 | 1280 => Some(16),
        _ => dim.is_multiple_of(64).then_some(dim / 64),
    };
    settle("encoder", "--heads", dim, given, usual)
}

/// Returns the given number of heads, or one per 32 channels of an autoencoder's decoder.
///
/// # Errors
/// - Usage: the heads do not divide the width, or none were given for an unusual one.
pub(super) fn decoder(dim: usize, given: Option<u32>) -> Result<usize> {
    let usual = dim.is_multiple_of(32).then_some(dim / 32);
    settle("decoder", "--decoder-heads", dim, given, usual)
}

fn settle(
    part: &str,
    option: &str,
    dim: usize,
    given: Option<u32>,
    usual: Option<usize>,
) -> Result<usize> {
    match (given.map(|n| n as usize), usual) {
        (Some(heads), _) if heads > 0 && dim.is_multiple_of(heads) => Ok(heads),
        (Some(heads), _) => Err(Error::usage(format!(
            "{heads} attention heads were given for the {part}, whose width is {dim}; \
             give a divisor of the width with {option}"
        ))),
        (None, Some(heads)) => Ok(heads),
        (None, None) => Err(Error::usage(format!(
            "the {part}'s width of {dim} does not tell its number of attention heads; \
             give it with {option}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_widths_have_their_heads_and_others_64_channels_each() {
        let told = [768, 1024, 1280, 192].map(|dim| encoder(dim, None).unwrap());
        assert_eq!(told, [12, 16, 16, 3]);
        assert!(encoder(96, None).unwrap_err().message().contains("--heads"));
        assert_eq!([512, 128].map(|dim| decoder(dim, None).unwrap()), [16, 4]);
        assert!(decoder(48, None).unwrap_err().message().contains("--decoder-heads"));
    }

    #[test]
    fn given_heads_win_if_they_divide_the_width() {
        assert_eq!((encoder(768, Some(6)).unwrap(), decoder(48, Some(3)).unwrap()), (6, 3));
        for heads in [0, 5] {
            assert!(encoder(768, Some(heads)).unwrap_err().message().contains("divisor"));
        }
    }
}
