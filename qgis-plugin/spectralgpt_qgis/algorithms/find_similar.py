# SPDX-License-Identifier: GPL-2.0-or-later
"""`find_similar`."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..texts import tr
from ..watcher import cancelled
from . import common, scenes, vectors
from .base import Algorithm
from .files import made_folder

INPUT, EXAMPLES, OUTPUT = "INPUT", "EXAMPLES", "OUTPUT"


class FindSimilar(Algorithm):
    """Maps how alike each place is to examples."""

    ID = "find_similar"
    TITLE = "Find similar places"
    SUMMARY = "Maps how alike each place is to examples: cosine similarity of embeddings."
    HELP = (
        "<p>Give embeddings that 'Extract embeddings' made, and points, lines or polygons on the "
        "kind of place to look for. 1 is the same direction as the examples' mean, 0 unrelated, "
        "-1 opposite.</p>"
    )
    TAGS = ("similarity", "search", "cosine")
    NEEDS_LIBRARY = False

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = ""
        self.examples = ""

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists embeddings, examples, output."""
        return [
            common.helped(
                QgsProcessingParameterRasterLayer(INPUT, tr("Embeddings")),
                tr("A raster that 'Extract embeddings' made."),
            ),
            common.helped(
                QgsProcessingParameterFeatureSource(
                    EXAMPLES, tr("Examples"), [QgsProcessing.SourceType.TypeVectorAnyGeometry]
                ),
                tr("Places of the kind to look for."),
            ),
            QgsProcessingParameterRasterDestination(OUTPUT, tr("Similarity")),
        ]

    def take(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Takes files from layers."""
        self.embeddings = scenes.taken(self, parameters, INPUT, context, feedback).source
        self.examples = vectors.plain_file(self, parameters, EXAMPLES, context)

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Compares every place with the examples."""
        try:
            from .. import similarity
        except ImportError as error:
            raise QgsProcessingException(
                tr("This algorithm needs numpy in QGIS's Python: {}").format(error)
            ) from error

        path = made_folder(self.parameterAsOutputLayer(parameters, OUTPUT, context))

        def go_on(share: float) -> None:
            feedback.setProgress(100 * share)
            if feedback.isCanceled():
                raise cancelled()

        plain = self.examples
        with vectors.as_file(plain, self, parameters, EXAMPLES, context, feedback) as examples:
            similarity.write(self.embeddings, examples, path, go_on)
        return {OUTPUT: path}
