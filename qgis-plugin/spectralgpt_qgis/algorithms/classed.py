# SPDX-License-Identifier: GPL-2.0-or-later
"""What maps of classes give besides: the area of each class, polygons."""

from __future__ import annotations

from typing import Any

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsUnitTypes,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QVariant

from ..rasters import opened, read, traced
from ..texts import tr
from .predicting import PredictAlgorithm
from .sinks import Table, table

AREAS, POLYGONS = "AREAS", "POLYGONS"
HECTARE = 10_000.0
AREA_COLUMNS = (
    ("value", QVariant.Int),
    ("class", QVariant.String),
    ("colour", QVariant.String),
    ("pixels", QVariant.LongLong),
    ("hectares", QVariant.Double),
    ("share", QVariant.Double),
)
POLYGON_COLUMNS = AREA_COLUMNS[:2]


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
        raster = opened(path)
        crs = QgsCoordinateReferenceSystem(raster.GetProjection())
        outputs = {}
        for name, columns, geometry, fill in (
            (AREAS, AREA_COLUMNS, QgsWkbTypes.Type.NoGeometry, _fill_areas),
            (POLYGONS, POLYGON_COLUMNS, QgsWkbTypes.Type.Polygon, _fill_polygons),
        ):
            if not parameters.get(name):
                continue
            with table(self, parameters, name, context, columns, geometry, crs) as made:
                fill(made, raster, described["classes"], feedback)
            outputs[name] = made.place
        return outputs


def _fill_areas(
    made: Table,
    raster: gdal.Dataset,
    classes: list[dict[str, Any]],
    feedback: QgsProcessingFeedback,
) -> None:
    """Adds a row per class; hectares are empty where map units are no lengths."""
    most = max(entry["value"] for entry in classes) + 1
    counts = read(raster.GetRasterBand(1).GetHistogram, -0.5, most - 0.5, most, False, False)
    valid = sum(counts)
    hectares = _pixel_hectares(raster)
    if hectares is None:
        feedback.pushWarning(
            tr("The map has no projected reference system, so areas are in pixels only.")
        )
    for entry in classes:
        pixels = counts[entry["value"]]
        made.add(
            [
                entry["value"],
                entry["name"],
                entry["colour"],
                pixels,
                None if hectares is None else pixels * hectares,
                pixels / valid if valid else 0.0,
            ]
        )


def _pixel_hectares(raster: gdal.Dataset) -> float | None:
    """Returns a pixel's area; None if its reference system has degrees, or there is none."""
    crs = QgsCoordinateReferenceSystem(raster.GetProjection())
    if not crs.isValid() or crs.isGeographic():
        return None
    metres = QgsUnitTypes.fromUnitToUnitFactor(
        crs.mapUnits(), QgsUnitTypes.DistanceUnit.DistanceMeters
    )
    _, a, b, _, c, d = raster.GetGeoTransform()
    return float(abs(a * d - b * c)) * metres**2 / HECTARE


def _fill_polygons(
    made: Table,
    raster: gdal.Dataset,
    classes: list[dict[str, Any]],
    feedback: QgsProcessingFeedback,
) -> None:
    """Traces connected pixels of a class."""
    names = {entry["value"]: entry["name"] for entry in classes}
    for value, shape in traced(raster.GetRasterBand(1), feedback):
        geometry = QgsGeometry()
        geometry.fromWkb(shape)
        made.add([value, names.get(value, str(value))], geometry)
