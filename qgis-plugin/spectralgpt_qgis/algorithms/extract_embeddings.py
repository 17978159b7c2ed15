# SPDX-License-Identifier: GPL-2.0-or-later
"""`extract_embeddings`."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterDefinition

from ..texts import tr
from . import common
from .predicting import OUTPUT, Map, PredictAlgorithm

LEVEL = "LEVEL"
LEVELS = ("patch", "tile")


class ExtractEmbeddings(PredictAlgorithm):
    """Maps the network's features."""

    ID = "extract_embeddings"
    TITLE = "Extract embeddings"
    SUMMARY = "Describes each 8 x 8 pixels of a scene by the network's features, a band each."
    HELP = (
        "<p>Places that look alike have alike features: 'Find similar places' compares them. A "
        "model that 'Convert checkpoint' made with the task 'embed' gives features of patches or "
        "of whole tiles; segmentation models, the built-in one too, of patches.</p>"
    )
    TAGS = ("features", "encoder", "representation")
    TASKS = ("embed", "segment", "change")
    BUILTIN = True
    MAPS = (Map(OUTPUT, "features", "Embeddings"),)

    def more_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists what is described."""
        return [
            common.helped(
                common.choice(LEVEL, tr("Described place"), LEVELS),
                tr("patch: 8 x 8 pixels; tile: the squares that the network sees at once."),
            )
        ]

    def maps(self, parameters: dict[str, Any], context: QgsProcessingContext) -> list[Map]:
        """Lists the features of the wanted places."""
        chips = self.parameterAsEnumString(parameters, LEVEL, context) == LEVELS[1]
        return [Map(OUTPUT, "chip-features", "Embeddings")] if chips else [*self.MAPS]
