# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes: raster layers, and Sentinel-2 products as they were downloaded."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProviderRegistry,
)

from ..texts import tr
from .files import text

PRODUCT_FILES = ("mtd_msil1c.xml", "mtd_msil2a.xml", "manifest.safe")
PRODUCT_ENDS = (".zip", ".json")


class SceneParameter(QgsProcessingParameterRasterLayer):
    """Takes a raster layer, or the name of whatever the library opens as a product.

    QGIS opens no product as a raster, so its own check would refuse one.
    """

    def clone(self) -> SceneParameter:
        """Copies it; QGIS does so for models and dialogs."""
        optional = bool(self.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional)
        copy = SceneParameter(self.name(), self.description(), self.defaultValue(), optional)
        copy.setFlags(self.flags())
        copy.setHelp(self.help())
        return copy

    def checkValueIsAcceptable(
        self, given: Any, context: QgsProcessingContext | None = None
    ) -> bool:
        """Tells whether it may be a scene; products are looked at when they are opened."""
        return is_product(text(given)) or super().checkValueIsAcceptable(given, context)

    def createFileFilter(self) -> str:
        """Returns the kinds of files that the dialog offers."""
        ends = "*.zip MTD_MSIL1C.xml MTD_MSIL2A.xml *.json"
        return f"{super().createFileFilter()};;{tr('Sentinel-2 products')} ({ends})"


@dataclasses.dataclass(frozen=True)
class Scene:
    """What the library opens, and the layer's reference system, None of a product."""

    source: str
    crs: QgsCoordinateReferenceSystem | None


def is_product(name: str) -> bool:
    """Tells whether a name is one of a product's folder, archive, metadata or part."""
    if name.startswith(("SENTINEL2_L", "/vsizip/")):
        return True
    path = Path(name)
    if not name or not path.exists():
        return False
    known = path.name.lower()
    return path.is_dir() or known in PRODUCT_FILES or known.endswith(PRODUCT_ENDS)


def taken(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> Scene:
    """Takes a scene from a parameter.

    Raises:
        QgsProcessingException: there is none, or it is a service.
    """
    given = text(parameters.get(name))
    if is_product(given):
        return Scene(given, None)
    layer = algorithm.parameterAsRasterLayer(parameters, name, context)
    if layer is None or not layer.isValid():
        shown = given or parameters.get(name)
        raise QgsProcessingException(
            tr("'{}' cannot be opened as a raster; give a file that GDAL reads.").format(shown)
        )
    if layer.providerType() != "gdal":
        raise QgsProcessingException(
            tr("'{}' is a map service; give a raster file with digital numbers.").format(
                layer.name()
            )
        )
    return Scene(_opened_as(layer.source(), feedback), layer.crs())


def _opened_as(source: str, feedback: QgsProcessingFeedback) -> str:
    """Returns the name that GDAL knows a layer's source by, without what QGIS adds to it."""
    if "|" not in source:
        return source
    registry = QgsProviderRegistry.instance()
    parts = registry.decodeUri("gdal", source)
    options = parts.pop("openOptions", None)
    if options:
        feedback.pushWarning(
            tr("'{}' is read without the options {} that its layer has.").format(
                parts.get("path"), ", ".join(options)
            )
        )
    return str(registry.encodeUri("gdal", parts))
