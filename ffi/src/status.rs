//! Numbers the outcomes of calls.

use spectralgpt_core::error::Kind;

/// Tells how a call ended: `SGPT_OK`, or one of the `SGPT_ERROR_...` numbers. A number keeps its
/// meaning for ever; treat one you do not know as `SGPT_ERROR_FAILED`.
pub type sgpt_status = i32;

/// Done.
pub const SGPT_OK: sgpt_status = 0;
/// Something of the library's went wrong.
pub const SGPT_ERROR_FAILED: sgpt_status = 1;
/// The request contradicts itself, names what does not exist, or lacks a needed argument.
pub const SGPT_ERROR_USAGE: sgpt_status = 2;
/// A raster cannot be used: unreadable, wrong bands, no overlap.
pub const SGPT_ERROR_INPUT: sgpt_status = 3;
/// The model, the checkpoint, ONNX Runtime or GDAL cannot be used.
pub const SGPT_ERROR_MODEL: sgpt_status = 4;
/// Disk or memory ran out or failed; worth a retry.
pub const SGPT_ERROR_IO: sgpt_status = 5;
/// The library met a defect of its own and gave up this call; please report it.
pub const SGPT_ERROR_PANIC: sgpt_status = 6;
/// The caller asked to stop.
pub const SGPT_ERROR_CANCELLED: sgpt_status = 130;

/// Returns the number of an error's kind.
pub(crate) fn number(kind: Kind) -> sgpt_status {
    match kind {
        Kind::Usage => SGPT_ERROR_USAGE,
        Kind::Input => SGPT_ERROR_INPUT,
        Kind::Model => SGPT_ERROR_MODEL,
        Kind::Io => SGPT_ERROR_IO,
        Kind::Cancelled => SGPT_ERROR_CANCELLED,
        _ => SGPT_ERROR_FAILED,
    }
}

/// Returns the kind that a callback's number means; what it does not know is a failure.
pub(crate) fn kind(status: sgpt_status) -> Kind {
    match status {
        SGPT_ERROR_USAGE => Kind::Usage,
        SGPT_ERROR_INPUT => Kind::Input,
        SGPT_ERROR_MODEL => Kind::Model,
        SGPT_ERROR_IO => Kind::Io,
        SGPT_ERROR_CANCELLED => Kind::Cancelled,
        _ => Kind::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_ever() {
        assert_eq!(
            [
                SGPT_OK,
                SGPT_ERROR_FAILED,
                SGPT_ERROR_USAGE,
                SGPT_ERROR_INPUT,
                SGPT_ERROR_MODEL,
                SGPT_ERROR_IO,
                SGPT_ERROR_PANIC,
                SGPT_ERROR_CANCELLED,
            ],
            [0, 1, 2, 3, 4, 5, 6, 130]
        );
        let kinds =
            [Kind::Failed, Kind::Usage, Kind::Input, Kind::Model, Kind::Io, Kind::Cancelled];
        for known in kinds {
            assert_eq!(number(known), known as i32, "the program's exit codes are the same");
            assert_eq!(kind(number(known)), known);
        }
    }
}
