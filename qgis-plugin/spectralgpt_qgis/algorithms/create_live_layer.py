# SPDX-License-Identifier: GPL-2.0-or-later
"""`create_live_layer`."""

from __future__ import annotations

import dataclasses
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)

from .. import engine
from .._vendor import spectralgpt
from ..texts import tr
from . import common, scenes
from .base import Algorithm
from .files import made_folder, temporary, text
from .virtual import VrtDestination

INPUT, AFTER, SHOWN, KIND, OUTPUT = "INPUT", "AFTER", "SHOWN", "KIND", "OUTPUT"
KINDS = ("auto", "processed", "pixel-function")
SHOWABLE = (
    "classes",
    "confidence",
    "scores",
    "entropy",
    "features",
    "tile-features",
    "reconstruction",
    "anomaly",
)
LIBRARYS_WORDS = {"tile-features": "chip-features"}


class CreateLiveLayer(Algorithm):
    """Makes a layer whose pixels are computed when they are looked at."""

    ID = "create_live_layer"
    TITLE = "Create live layer"
    SUMMARY = "Makes a layer that runs the model where you look, and keeps what it computed."
    HELP = (
        "<p>Nothing is computed now. Panning computes what comes into view, with the pixels that "
        "'Segment raster' gives; from far away (more than 100 m a pixel for 10 m scenes) nothing "
        "is shown. The layer is a small file (.vrt) that names scene and model by their places. "
        "Projects that hold it open anywhere this plugin is installed.</p>"
    )
    TAGS = ("virtual raster", "vrt", "on the fly")
    CAN_CANCEL = False

    def __init__(self) -> None:
        super().__init__()
        self.scenes: list[str] = []
        self.options = spectralgpt.Options()

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists scenes, model, what is shown, advanced ones, the file."""
        return [
            common.scene(INPUT, tr("Scene")),
            common.helped(
                common.scene(AFTER, tr("Scene after (change models only)"), optional=True),
                tr("The later date; it is brought to the grid of the first."),
            ),
            common.model(True),
            common.helped(
                common.choice(SHOWN, tr("What is shown (empty: the model's map)"), SHOWABLE, True),
                tr("What a model does not give is an error that lists what it does."),
            ),
            common.helped(
                common.choice(KIND, tr("How GDAL calls the model"), KINDS),
                tr("auto: what this QGIS's GDAL does best; pixel-function works from GDAL 3.4."),
                advanced=True,
            ),
            *common.pixels(),
            *common.computing(),
            common.helped(
                VrtDestination(OUTPUT, tr("Live layer")),
                tr("A small file whose name ends in .vrt; projects refer to it, so keep it."),
            ),
        ]

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """Checks that the file is to be a virtual raster that stays."""
        given = parameters.get(OUTPUT)
        if temporary(given):
            return False, tr(
                "A live layer is a file that your project refers to, and a temporary one is lost "
                "when QGIS closes; give a file whose name ends in .vrt."
            )
        if not text(given).lower().endswith(".vrt"):
            return False, tr("'{}' is to be a live layer; give a name that ends in .vrt.").format(
                text(given)
            )
        return super().checkParameterValues(parameters, context)

    def take(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Takes files and options from layers."""
        names = [INPUT, AFTER] if parameters.get(AFTER) else [INPUT]
        self.scenes = [
            scenes.taken(self, parameters, name, context, feedback).source for name in names
        ]
        shown = self.parameterAsEnumString(parameters, SHOWN, context)
        told = common.options(self, parameters, context)
        self.options = dataclasses.replace(told, emit=LIBRARYS_WORDS.get(shown, shown) or None)

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Writes the file and makes this process's GDAL read it."""
        path = made_folder(self.parameterAsOutputLayer(parameters, OUTPUT, context))
        spectralgpt.register_gdal(engine.gdal_module())
        spectralgpt.write_live(
            common.model_path(self, parameters, context),
            self.scenes,
            path,
            self.parameterAsEnumString(parameters, KIND, context),
            self.options,
        )
        return {OUTPUT: path}
