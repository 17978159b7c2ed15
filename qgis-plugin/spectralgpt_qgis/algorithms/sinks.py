# SPDX-License-Identifier: GPL-2.0-or-later
"""Outputs of features: what goes wrong is said, and nothing half-made keeps its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProviderRegistry,
    QgsVectorFileWriter,
)

from ..texts import tr


class Table:
    """Takes rows; `place` is where they go."""

    def __init__(self, sink: QgsFeatureSink, place: str) -> None:
        self.place = place
        self._sink: QgsFeatureSink | None = sink
        self._rows = 0

    def add(self, values: list[Any], geometry: QgsGeometry | None = None) -> None:
        """Adds a row.

        Raises:
            QgsProcessingException: it cannot be written.
        """
        feature = QgsFeature()
        feature.setAttributes(values)
        if geometry is not None:
            feature.setGeometry(geometry)
        if self._sink is None or not self._sink.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            raise self._failed(self._sink.lastError() if self._sink else "")
        self._rows += 1

    def close(self) -> None:
        """Writes what is still in memory and counts the rows that are there.

        Raises:
            QgsProcessingException: it cannot be written.
        """
        if self._sink is not None and not self._sink.flushBuffer():
            raise self._failed(self._sink.lastError())
        self._sink = None
        path, layer = _file_and_layer(self.place)
        if path and _count(path, layer) != self._rows:
            raise self._failed(tr("rows are missing; is the disk full?"))

    def discard(self) -> None:
        """Removes what was written."""
        self._sink = None
        path, layer = _file_and_layer(self.place)
        if path:
            _remove(path, layer)

    def _failed(self, words: str) -> QgsProcessingException:
        return QgsProcessingException(tr("'{}' cannot be written: {}").format(self.place, words))


@contextmanager
def table(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
    columns: tuple[tuple[str, Any], ...],
    geometry: Any,
    crs: QgsCoordinateReferenceSystem,
) -> Iterator[Table]:
    """Makes the output `name`; if what is done with it fails, the output is removed.

    Raises:
        QgsProcessingException: it cannot be written.
    """
    fields = QgsFields()
    for title, kind in columns:
        fields.append(QgsField(title, kind))
    sink, place = algorithm.parameterAsSink(parameters, name, context, fields, geometry, crs)
    if sink is None:
        raise QgsProcessingException(algorithm.invalidSinkError(parameters, name))
    made = Table(sink, place)
    del sink  # `made` closes it
    try:
        yield made
        made.close()
    except BaseException:
        made.discard()
        raise


def _file_and_layer(place: str) -> tuple[str, str]:
    """Returns the file of an output, empty if it is none, and the layer of several in it."""
    parts = QgsProviderRegistry.instance().decodeUri("ogr", place)
    path = Path(str(parts.get("path") or ""))
    if path.suffix == ".shp" and not path.is_file():
        path = path.with_suffix(".dbf")  # all that a shapefile without shapes is
    return (str(path), str(parts.get("layerName") or "")) if path.is_file() else ("", "")


def _opened(path: str, flags: int) -> Any:
    try:
        return gdal.OpenEx(path, flags)
    except RuntimeError:
        return None


def _count(path: str, layer: str) -> int:
    file = _opened(path, gdal.OF_VECTOR)
    found = file and (file.GetLayerByName(layer) if layer else file.GetLayer(0))
    return int(found.GetFeatureCount()) if found else -1


def _remove(path: str, layer: str) -> None:
    """Removes a file and what belongs to it, or one layer of a database with others."""
    file = _opened(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
    if file is not None and layer:
        names = [file.GetLayer(place).GetName() for place in range(file.GetLayerCount())]
        if names.count(layer) and len(names) > 1:
            file.DeleteLayer(names.index(layer))
            return
    del file
    if Path(path).suffix in (".shp", ".dbf"):
        QgsVectorFileWriter.deleteShapeFile(str(Path(path).with_suffix(".shp")))
    for end in ("", "-wal", "-shm", "-journal"):
        Path(path + end).unlink(missing_ok=True)
