# SPDX-License-Identifier: GPL-2.0-or-later
"""Outputs that are virtual rasters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterDestination,
)

from ..texts import tr
from .files import temporary, text


class VrtDestination(QgsProcessingParameterRasterDestination):
    """Takes the name of a virtual raster; a temporary one has its end, too."""

    def clone(self) -> VrtDestination:
        """Copies it; QGIS does so for models and dialogs."""
        optional = bool(self.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional)
        copy = VrtDestination(self.name(), self.description(), self.defaultValue(), optional)
        copy.setCreateByDefault(self.createByDefault())
        copy.setFlags(self.flags())
        copy.setHelp(self.help())
        return copy

    def defaultFileExtension(self) -> str:
        """Returns the end of a name that has none."""
        return "vrt"

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """Lists the ends that a name may have."""
        return ["vrt"]

    def createFileFilter(self) -> str:
        """Returns the kind of files that the dialog offers."""
        return f"{tr('Virtual rasters')} (*.vrt *.VRT)"

    def isSupportedOutputValue(self, given: Any, context: QgsProcessingContext) -> tuple[bool, str]:
        """Tells whether a name will do, and why not."""
        del context
        name = text(given)
        if temporary(given) or Path(name).suffix.lower() == ".vrt":
            return True, ""
        return False, tr("'{}' is to be a virtual raster; give a name that ends in .vrt.").format(
            name
        )
