# SPDX-License-Identifier: GPL-2.0-or-later
"""`describe_model`."""

from __future__ import annotations

import json
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
)

from .. import manifest
from .._vendor import spectralgpt
from ..texts import tr
from . import common
from .base import Algorithm
from .predicting import tell_plan
from .scenes import SceneParameter, taken

INPUT, TASK, CLASSES, DESCRIPTION = "INPUT", "TASK", "CLASSES", "DESCRIPTION"


class DescribeModel(Algorithm):
    """Says what a model does and takes."""

    ID = "describe_model"
    TITLE = "Describe model"
    SUMMARY = "Says what a model does: task, bands, classes, and what was assumed."
    HELP = "<p>With a scene, it also shows which of its bands the model would take.</p>"
    GROUP = "models"
    TAGS = ("information", "manifest", "bands")
    CAN_CANCEL = False

    def __init__(self) -> None:
        super().__init__()
        self.scene: str | None = None
        self.options = spectralgpt.Options()

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists the model, and a scene to look at."""
        return [
            common.model(True),
            common.helped(
                SceneParameter(INPUT, tr("Scene to find the bands in"), optional=True),
                tr("Models of changes take two and are described without."),
            ),
            common.activation(),
            *common.pixels(),
        ]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Adds the description, too."""
        super().initAlgorithm(configuration)
        self.addOutput(QgsProcessingOutputString(TASK, tr("Task")))
        self.addOutput(QgsProcessingOutputNumber(CLASSES, tr("Classes")))
        self.addOutput(QgsProcessingOutputString(DESCRIPTION, tr("Description (JSON)")))

    def take(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Takes the scene's file."""
        if parameters.get(INPUT):
            self.scene = taken(self, parameters, INPUT, context, feedback).source
        self.options = common.options(self, parameters, context)

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Describes the model."""
        with common.opened(self, parameters, context) as model:
            described = model.describe()
            for line in manifest.lines(described):
                feedback.pushInfo(line)
            if self.scene:
                tell_plan(model.preview(self.scene, self.options), feedback)
        return {
            TASK: described["task"],
            CLASSES: len(described["classes"]),
            DESCRIPTION: json.dumps(described),
        }
