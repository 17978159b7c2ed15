# SPDX-License-Identifier: GPL-2.0-or-later
"""What maps of classes give besides: the area of each class, polygons."""

from __future__ import annotations

import uuid
from typing import Any

from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsUnitTypes,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QVariant

from ..texts import tr
from .predicting import PredictAlgorithm

AREAS, POLYGONS = "AREAS", "POLYGONS"
HECTARE = 10_000.0
FAST_FLAG = QgsFeatureSink.Flag.FastInsert
AREA_FIELDS = (
    ("value", QVariant.Int),
    ("class", QVariant.String),
    ("colour", QVariant.String),
    ("pixels", QVariant.LongLong),
    ("hectares", QVariant.Double),
    ("share", QVariant.Double),
)
POLYGON_FIELDS = AREA_FIELDS[:2]


class ClassMapAlgorithm(PredictAlgorithm):
    """Maps classes."""

    def more_outputs(self) -> list[QgsProcessingParameterDefinition]:
        """Lists the table of areas, and polygons."""
        kind = QgsProcessing.SourceType
        return [
            QgsProcessingParameterFeatureSink(
                AREAS, tr("Area of each class"), kind.TypeVector, None, True, False
            ),
            QgsProcessingParameterFeatureSink(
                POLYGONS, tr("Polygons of the classes"), kind.TypeVectorPolygon, None, True, False
            ),
        ]

    def after(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        described: dict[str, Any],
        path: str,
    ) -> dict[str, Any]:
        """Counts pixels and traces polygons, as far as they are asked for."""
        raster = gdal.Open(path)
        crs = QgsCoordinateReferenceSystem(raster.GetProjection())
        outputs = {}
        for name, fields, geometry, fill in (
            (AREAS, AREA_FIELDS, QgsWkbTypes.Type.NoGeometry, _fill_areas),
            (POLYGONS, POLYGON_FIELDS, QgsWkbTypes.Type.Polygon, _fill_polygons),
        ):
            if not parameters.get(name):
                continue
            sink, outputs[name] = self.parameterAsSink(
                parameters, name, context, _fields(fields), geometry, crs
            )
            if sink is None:
                raise QgsProcessingException(self.invalidSinkError(parameters, name))
            fill(sink, raster, crs, described["classes"], feedback)
        return outputs


def _fields(named: tuple[tuple[str, Any], ...]) -> QgsFields:
    fields = QgsFields()
    for name, kind in named:
        fields.append(QgsField(name, kind))
    return fields


def _fill_areas(
    sink: QgsFeatureSink,
    raster: gdal.Dataset,
    crs: QgsCoordinateReferenceSystem,
    classes: list[dict[str, Any]],
    feedback: QgsProcessingFeedback,
) -> None:
    """Adds a row per class; hectares are empty where map units are no lengths."""
    most = max(entry["value"] for entry in classes) + 1
    counts = raster.GetRasterBand(1).GetHistogram(-0.5, most - 0.5, most, False, False)
    valid = sum(counts)
    hectares = _pixel_hectares(raster, crs)
    if hectares is None:
        feedback.pushWarning(
            tr("The map has no projected reference system, so areas are in pixels only.")
        )
    for entry in classes:
        pixels = counts[entry["value"]]
        feature = QgsFeature()
        feature.setAttributes(
            [
                entry["value"],
                entry["name"],
                entry["colour"],
                pixels,
                None if hectares is None else pixels * hectares,
                pixels / valid if valid else 0.0,
            ]
        )
        sink.addFeature(feature, FAST_FLAG)


def _pixel_hectares(raster: gdal.Dataset, crs: QgsCoordinateReferenceSystem) -> float | None:
    """Returns a pixel's area; None if its reference system has degrees, or there is none."""
    if not crs.isValid() or crs.isGeographic():
        return None
    metres = QgsUnitTypes.fromUnitToUnitFactor(
        crs.mapUnits(), QgsUnitTypes.DistanceUnit.DistanceMeters
    )
    _, a, b, _, c, d = raster.GetGeoTransform()
    return float(abs(a * d - b * c)) * metres**2 / HECTARE


def _fill_polygons(
    sink: QgsFeatureSink,
    raster: gdal.Dataset,
    crs: QgsCoordinateReferenceSystem,
    classes: list[dict[str, Any]],
    feedback: QgsProcessingFeedback,
) -> None:
    """Traces connected pixels of a class."""
    del crs
    names = {entry["value"]: entry["name"] for entry in classes}
    file = f"/vsimem/{uuid.uuid4().hex}.gpkg"
    store = ogr.GetDriverByName("GPKG").CreateDataSource(file)
    layer = store.CreateLayer("polygons", geom_type=ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("value", ogr.OFTInteger))
    band = raster.GetRasterBand(1)

    def go_on(share: float, _message: str, _data: object) -> int:
        feedback.setProgress(100 * share)
        return 0 if feedback.isCanceled() else 1

    gdal.Polygonize(band, band.GetMaskBand(), layer, 0, [], callback=go_on)
    if feedback.isCanceled():
        raise QgsProcessingException(tr("Cancelled; the map is complete, polygons are not."))
    layer.ResetReading()
    for found in layer:
        feature = QgsFeature()
        geometry = QgsGeometry()
        geometry.fromWkb(bytes(found.GetGeometryRef().ExportToWkb()))
        feature.setGeometry(geometry)
        value = found.GetField(0)
        feature.setAttributes([value, names.get(value, str(value))])
        sink.addFeature(feature, FAST_FLAG)
    del layer, store
    gdal.Unlink(file)
