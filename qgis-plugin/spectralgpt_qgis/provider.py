# SPDX-License-Identifier: GPL-2.0-or-later
"""The Processing provider."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from . import engine
from .algorithms import ALGORITHMS
from .metadata import version

ICON = str(Path(__file__).parent / "icon.svg")


class Provider(QgsProcessingProvider):
    """Lists the algorithms."""

    def id(self) -> str:
        """Returns the provider's id, for ever the same."""
        return "spectralgpt"

    def name(self) -> str:
        """Returns the name that the toolbox shows."""
        return "SpectralGPT"

    def longName(self) -> str:
        """Returns the name that logs show."""
        return "SpectralGPT for Sentinel-2"

    def icon(self) -> QIcon:
        """Returns the toolbox's icon."""
        return QIcon(ICON)

    def svgIconPath(self) -> str:
        """Returns the icon's file."""
        return ICON

    def versionInfo(self) -> str:
        """Returns the plugin's version."""
        return version()

    def load(self) -> bool:
        """Adds settings, then algorithms."""
        engine.add_settings(self.name(), self.icon())
        self.refreshAlgorithms()
        return True

    def unload(self) -> None:
        """Removes settings."""
        engine.remove_settings()

    def loadAlgorithms(self) -> None:
        """Adds the algorithms."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        """Lists the ends of raster files: maps are GeoTIFF, live layers virtual rasters."""
        return ["tif", "vrt"]

    def defaultRasterFileExtension(self) -> str:
        """Returns the end of a map's file."""
        return "tif"

    def supportsNonFileBasedOutput(self) -> bool:
        """Tells that rasters are files."""
        return False
