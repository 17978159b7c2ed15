# SPDX-License-Identifier: GPL-2.0-or-later
"""Vector layers as files that the library reads, with what QGIS adds to them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..texts import tr
from ..watcher import cancelled


def plain_file(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> str:
    """Returns the file that a vector layer is; empty if the layer is anything else or more.

    More are: unsaved edits, a filter, a selection, fields that QGIS adds, a reference system that
    somebody chose, one of a file's several layers.
    """
    given = parameters.get(name)
    if isinstance(given, QgsProcessingFeatureSourceDefinition) and _restricted(given):
        return ""
    layer = algorithm.parameterAsVectorLayer(parameters, name, context)
    if layer is None or layer.providerType() != "ogr" or layer.isModified():
        return ""
    provider = layer.dataProvider()
    if layer.fields().names() != provider.fields().names() or layer.crs() != provider.crs():
        return ""
    return "" if layer.subsetString() else _only_layer(layer)


def _restricted(given: QgsProcessingFeatureSourceDefinition) -> bool:
    expression = getattr(given, "filterExpression", "")  # since QGIS 3.32
    return bool(given.selectedFeaturesOnly or given.featureLimit > 0 or expression)


def _only_layer(layer: QgsVectorLayer) -> str:
    """Returns the file that holds this layer and no other."""
    path = QgsProviderRegistry.instance().decodeUri("ogr", layer.source()).get("path")
    if not path or not Path(path).is_file() or "|option:" in layer.source():
        return ""
    try:
        file = gdal.OpenEx(path, gdal.OF_VECTOR)
    except RuntimeError:  # it is said of the layer's features, then
        return ""
    return str(path) if file is not None and file.GetLayerCount() == 1 else ""


@contextmanager
def as_file(
    plain: str,
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    field: str | None = None,
) -> Iterator[str]:
    """Lends `plain`, or a file of the layer's features as QGIS shows them, with `field` alone.

    Raises:
        QgsProcessingException: the features cannot be read or written, or the user cancelled.
    """
    if plain:
        yield plain
        return
    source = algorithm.parameterAsSource(parameters, name, context)
    if source is None:
        raise QgsProcessingException(algorithm.invalidSourceError(parameters, name))
    with tempfile.TemporaryDirectory(dir=QgsProcessingUtils.tempFolder()) as folder:
        path = str(Path(folder) / "features.gpkg")
        _write(source, path, field, context, feedback)
        yield path


def _write(
    source: QgsProcessingFeatureSource,
    path: str,
    field: str | None,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> None:
    fields, place = QgsFields(), -1
    if field is not None:
        place = source.fields().lookupField(field)
        if place < 0:
            raise QgsProcessingException(tr("The labels have no field '{}'.").format(field))
        known = source.fields().at(place)
        fields.append(QgsField(known.name(), known.type(), known.typeName()))
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerOptions = ["FID=spectralgpt_fid"]  # a field may have the usual name
    writer = QgsVectorFileWriter.create(
        path, fields, source.wkbType(), source.sourceCrs(), context.transformContext(), options
    )
    count = 0
    for found in source.getFeatures():
        if feedback.isCanceled():
            raise cancelled()
        feature = QgsFeature(fields)
        feature.setGeometry(found.geometry())
        if place >= 0:
            feature.setAttribute(0, found.attribute(place))
        if not writer.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            break
        count += 1
    words = writer.errorMessage() if writer.hasError() else ""
    del writer
    written = QgsVectorLayer(path, "", "ogr")
    if words or not written.isValid() or written.featureCount() != count:
        raise QgsProcessingException(
            tr("The features of '{}' cannot be written to '{}': {}").format(
                source.sourceName(), path, words or tr("they are incomplete; is the disk full?")
            )
        )
