"""What can go wrong, by kind; the words are the library's."""

from __future__ import annotations


class Error(Exception):
    """Says what was given, what was needed and what to do. `status` is the C ABI's number."""

    status = 1


class UsageError(Error):
    """The request contradicts itself or names what does not exist."""

    status = 2


class InputError(Error):
    """A raster cannot be used: unreadable, wrong bands, no overlap."""

    status = 3


class ModelError(Error):
    """The model, the checkpoint, ONNX Runtime or GDAL cannot be used."""

    status = 4


class StorageError(Error):
    """Disk or memory ran out or failed; worth a retry."""

    status = 5


class DefectError(Error):
    """The library met a defect of its own and gave up this call; please report it."""

    status = 6


class Cancelled(Error):  # noqa: N818  nothing went wrong
    """The caller asked to stop."""

    status = 130


class LibraryError(Error):
    """The native library is missing, cannot be loaded, or is of another version."""


KINDS = {
    kind.status: kind
    for kind in (UsageError, InputError, ModelError, StorageError, DefectError, Cancelled)
}
