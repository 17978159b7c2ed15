"""Rasters in memory: numpy arrays as the library sees them. Only this module needs numpy."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from . import _abi
from .errors import UsageError

if TYPE_CHECKING:
    import numpy

    Pixels = numpy.ndarray[Any, Any]

_AXES = ("band", "row", "column")
_SAMPLES = {"uint8": _abi.SAMPLE_U8, "uint16": _abi.SAMPLE_U16, "float32": _abi.SAMPLE_F32}


def borrowed(pixels: Any) -> tuple[_abi.Array, Any]:
    """Describes (band, row, column) digital numbers; the second value keeps them alive.

    Other types than uint8, uint16 and float32 are taken as float32. Masked pixels are invalid.

    Raises:
        UsageError: not an array of three axes.
    """
    import numpy

    if getattr(pixels, "ndim", 0) != len(_AXES):
        raise UsageError(
            f"{type(pixels).__name__} of shape {getattr(pixels, 'shape', 'unknown')} was given; an "
            f"array ({', '.join(_AXES)}) is needed, or `output`, the file that files are mapped to"
        )
    mask = numpy.ma.getmaskarray(pixels) if numpy.ma.isMaskedArray(pixels) else None
    plain = numpy.asarray(pixels)
    kind = plain.dtype.name if plain.dtype.name in _SAMPLES else "float32"
    samples = numpy.ascontiguousarray(plain, dtype=kind)
    valid = None
    if mask is not None:
        valid = numpy.ascontiguousarray(~mask.any(axis=0), dtype=numpy.uint8)
    count, height, width = samples.shape
    array = _abi.Array(
        samples=samples.ctypes.data,
        samples_len=samples.size,
        sample_type=_SAMPLES[kind],
        width=width,
        height=height,
        bands=count,
        valid=None if valid is None else valid.ctypes.data,
        valid_len=0 if valid is None else valid.size,
    )
    return array, (samples, valid)


def room(layout: _abi.Layout) -> tuple[_abi.Buffer, Pixels]:
    """Makes room for an output, (band, row, column)."""
    import numpy

    names = {number: name for name, number in _SAMPLES.items()}
    shape = (layout.bands, layout.height, layout.width)
    pixels = numpy.empty(shape, dtype=names[layout.sample_type])
    buffer = _abi.Buffer(
        samples=pixels.ctypes.data, samples_len=pixels.size, sample_type=layout.sample_type
    )
    return buffer, pixels


def in_c(structs: list[Any]) -> Any:
    """Puts structs of one type in a row."""
    return (type(structs[0]) * len(structs))(*structs) if structs else ctypes.c_void_p()
