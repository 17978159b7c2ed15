# SPDX-License-Identifier: GPL-2.0-or-later
"""GDAL rasters; what fails is raised in words, whether GDAL raises exceptions here or not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Callable

from osgeo import gdal, ogr
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from .texts import tr


def opened(path: str) -> gdal.Dataset:
    """Opens a raster.

    Raises:
        QgsProcessingException: it cannot be opened.
    """
    gdal.ErrorReset()
    try:
        raster = gdal.Open(path)
    except RuntimeError as error:
        raise QgsProcessingException(_words(path, str(error))) from error
    if raster is None:
        raise QgsProcessingException(_words(path, gdal.GetLastErrorMsg()))
    return raster


def _words(path: str, reason: str) -> str:
    return tr("'{}' cannot be opened as a raster: {}").format(path, reason)


def read(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Calls one of GDAL's functions that read, and returns what it gives.

    Raises:
        QgsProcessingException: the raster cannot be read, as when it ends too early.
    """
    gdal.ErrorReset()
    try:
        found = call(*arguments, **named)
        reason = gdal.GetLastErrorMsg()
    except RuntimeError as error:
        found, reason = None, str(error)
    if found is None or gdal.GetLastErrorType() >= gdal.CE_Failure:
        raise QgsProcessingException(tr("A file cannot be read: {}").format(reason))
    return found


def traced(band: gdal.Band, feedback: QgsProcessingFeedback) -> Iterator[tuple[int, bytes]]:
    """Yields the value and the outline (WKB) of each group of connected equal pixels.

    Raises:
        QgsProcessingException: the raster cannot be read, or the user cancelled.
    """

    def go_on(share: float, _message: str, _data: object) -> int:
        feedback.setProgress(100 * share)
        return 0 if feedback.isCanceled() else 1

    file = f"/vsimem/{uuid.uuid4().hex}.gpkg"
    store = ogr.GetDriverByName("GPKG").CreateDataSource(file)
    try:
        layer = store.CreateLayer("polygons", geom_type=ogr.wkbPolygon)
        layer.CreateField(ogr.FieldDefn("value", ogr.OFTInteger))
        try:
            read(gdal.Polygonize, band, band.GetMaskBand(), layer, 0, [], callback=go_on)
        except QgsProcessingException:
            if not feedback.isCanceled():
                raise
        layer.ResetReading()
        for found in layer:
            if feedback.isCanceled():
                break
            yield found.GetField(0), bytes(found.GetGeometryRef().ExportToWkb())
        if feedback.isCanceled():
            raise QgsProcessingException(tr("Cancelled; the map is complete, polygons are not."))
    finally:
        layer = store = None  # closes it
        gdal.Unlink(file)
