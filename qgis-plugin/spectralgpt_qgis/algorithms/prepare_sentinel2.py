# SPDX-License-Identifier: GPL-2.0-or-later
"""`prepare_sentinel2`."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)

from .._vendor import spectralgpt
from ..rasters import opened
from ..texts import tr
from . import common, scenes
from .base import Algorithm
from .files import made_folder
from .virtual import VrtDestination

INPUT, OUTPUT = "INPUT", "OUTPUT"


class PrepareSentinel2(Algorithm):
    """Makes one raster of a product's bands."""

    ID = "prepare_sentinel2"
    TITLE = "Prepare Sentinel-2 product"
    SUMMARY = "Makes one raster of a product's bands, as it was downloaded: names, offsets, 10 m."
    HELP = (
        "<p>Give the product's zip, its folder (a file in it, such as MTD_MSIL2A.xml, where a "
        "dialog asks for files), a folder of band files, a STAC item (.json), or any part of a "
        "product that is open in QGIS.</p>"
        "<p>The result is a small file (.vrt) that names the product's files; no pixel is copied, "
        "those of 20 and 60 m are repeated. The other algorithms take products as they are: this "
        "one is for looking at them, and for other programs.</p>"
    )
    GROUP = "data"
    TAGS = ("safe", "l1c", "l2a", "stack", "bands", "stac", "jp2")
    CAN_CANCEL = False

    def __init__(self) -> None:
        super().__init__()
        self.product = ""

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists product, clouds, the file."""
        return [
            common.helped(
                scenes.SceneParameter(INPUT, tr("Product")),
                tr("Its zip, its folder, a file in it, or a layer that is a part of it."),
            ),
            common.clouds(),
            VrtDestination(OUTPUT, tr("Bands")),
        ]

    def take(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Takes the product's name."""
        self.product = scenes.taken(self, parameters, INPUT, context, feedback).source

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Writes the file and says which bands are in it."""
        path = made_folder(self.parameterAsOutputLayer(parameters, OUTPUT, context))
        masked = self.parameterAsBoolean(parameters, common.CLOUDS, context)
        told = spectralgpt.Options(mask="scl" if masked else None, overwrite=True)
        spectralgpt.write_stack(self.product, path, told)
        raster = opened(path)
        numbers = range(1, raster.RasterCount + 1)
        names = [raster.GetRasterBand(number).GetDescription() for number in numbers]
        feedback.pushInfo(
            tr("{} x {} pixels, bands {}").format(
                raster.RasterXSize, raster.RasterYSize, ", ".join(names)
            )
        )
        return {OUTPUT: path}
