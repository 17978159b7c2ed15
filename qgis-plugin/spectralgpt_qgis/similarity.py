# SPDX-License-Identifier: GPL-2.0-or-later
"""Cosine similarity of every place's embedding with the mean direction of examples."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException

from .rasters import opened, read
from .texts import tr

NODATA = -9999.0
ROWS_BYTES = 64 << 20
PARTS = 2  # the raster is read for the examples first, then for all places


def write(embeddings: str, examples: str, output: str, go_on: Callable[[float], None]) -> None:
    """Writes the raster `output` on the grid of `embeddings`.

    `examples` is a vector file. `go_on` hears the share that is done and may raise; then there is
    no output.

    Raises:
        QgsProcessingException: no example lies on an embedding, or a file fails.
    """
    source = opened(embeddings)
    wanted = _mean_direction(source, _mask(source, examples), go_on)
    unfinished = str(Path(output).with_name(f".{Path(output).name}.{uuid.uuid4().hex}"))
    try:
        _write_similarity(source, wanted, unfinished, go_on)
        Path(unfinished).replace(output)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def _mask(source: gdal.Dataset, examples: str) -> Any:
    """Returns where examples are, (row, column), 1 or 0."""
    mask = gdal.GetDriverByName("MEM").Create("", source.RasterXSize, source.RasterYSize, 1)
    mask.SetGeoTransform(source.GetGeoTransform())
    mask.SetProjection(source.GetProjection())
    vector = read(gdal.OpenEx, examples, gdal.OF_VECTOR)
    layer = vector.GetLayer(0)
    read(gdal.RasterizeLayer, mask, [1], layer, burn_values=[1], options=["ALL_TOUCHED=TRUE"])
    return mask.ReadAsArray()


def _blocks(source: gdal.Dataset) -> Iterator[tuple[int, int, Any, Any]]:
    """Yields (first row, rows, embeddings of unit length (band, row, column), valid places)."""
    row_bytes = source.RasterXSize * source.RasterCount * np.dtype(np.float32).itemsize
    rows = max(1, ROWS_BYTES // row_bytes)
    nodata = source.GetRasterBand(1).GetNoDataValue()
    for row in range(0, source.RasterYSize, rows):
        count = min(rows, source.RasterYSize - row)
        window = 0, row, source.RasterXSize, count
        values = read(source.ReadAsArray, *window, buf_type=gdal.GDT_Float32)
        values = values.reshape(source.RasterCount, count, source.RasterXSize)
        length = np.sqrt(np.einsum("brc,brc->rc", values, values, dtype=np.float64))
        valid = np.isfinite(length) & (length > 0)
        if nodata is not None:
            valid &= values[0] != nodata
        units = np.where(valid, values / np.where(valid, length, 1.0), 0.0)
        yield row, count, units, valid


def _mean_direction(source: gdal.Dataset, mask: Any, go_on: Callable[[float], None]) -> Any:
    """Returns the unit vector of the examples' mean direction."""
    total = np.zeros(source.RasterCount)
    places = 0
    for row, count, units, valid in _blocks(source):
        here = (mask[row : row + count] > 0) & valid
        total += units[:, here].sum(axis=1)
        places += int(here.sum())
        go_on((row + count) / source.RasterYSize / PARTS)
    length = float(np.sqrt(total @ total))
    if places == 0 or length == 0:
        raise QgsProcessingException(
            tr("No example lies on a place that has an embedding; give examples inside the raster.")
        )
    return total / length


def _write_similarity(
    source: gdal.Dataset, wanted: Any, path: str, go_on: Callable[[float], None]
) -> None:
    size = source.RasterXSize, source.RasterYSize
    target = gdal.GetDriverByName("GTiff").Create(
        path, *size, 1, gdal.GDT_Float32, ["TILED=YES", "COMPRESS=DEFLATE", "PREDICTOR=3"]
    )
    if target is None:
        raise QgsProcessingException(tr("'{}' cannot be written.").format(path))
    target.SetGeoTransform(source.GetGeoTransform())
    target.SetProjection(source.GetProjection())
    band = target.GetRasterBand(1)
    band.SetNoDataValue(NODATA)
    band.SetDescription("similarity")
    for row, count, units, valid in _blocks(source):
        alike = np.tensordot(wanted, units, axes=1)
        band.WriteArray(np.where(valid, alike, NODATA).astype(np.float32), 0, row)
        go_on((1 + (row + count) / source.RasterYSize) / PARTS)
    gdal.ErrorReset()
    target.FlushCache()
    if gdal.GetLastErrorMsg():
        raise QgsProcessingException(gdal.GetLastErrorMsg())
