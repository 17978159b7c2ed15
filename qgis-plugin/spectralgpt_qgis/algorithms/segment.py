# SPDX-License-Identifier: GPL-2.0-or-later
"""`segment`."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterDefinition

from . import common
from .classed import ClassMapAlgorithm
from .predicting import CONFIDENCE, OUTPUT, SCORES, Map


class Segment(ClassMapAlgorithm):
    """Maps a class per pixel."""

    ID = "segment"
    TITLE = "Segment raster"
    SUMMARY = "Maps the class of every pixel of a Sentinel-2 scene, styled and with names."
    HELP = (
        "<p>Without a model, the built-in one maps water, trees, grass or shrub, crops, built, "
        "bare, snow or cloud. It takes scenes of level 2A with 12 bands.</p>"
        "<p>Classes are 0, 1, 2, ...; 255 is no data. Names and colours come with the map. The "
        "area of each class and polygons are optional outputs.</p>"
    )
    TAGS = ("land cover", "classify", "semantic segmentation")
    TASKS = ("segment",)
    BUILTIN = True
    MAPS = (Map(OUTPUT, "classes", "Classes"), CONFIDENCE, SCORES)

    def more_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists what models of other programs need."""
        return [common.activation()]
