# SPDX-License-Identifier: GPL-2.0-or-later
"""`convert_checkpoint`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .. import manifest
from .._vendor import spectralgpt
from ..texts import tr
from . import common
from .base import Algorithm
from .files import made_folder

CHECKPOINT, OUTPUT, TASK, PROFILE = "CHECKPOINT", "OUTPUT", "TASK", "PROFILE"
BANDS, CLASSES, HALF, PORTABLE, STAC = "BANDS", "CLASSES", "HALF", "PORTABLE", "STAC"
IMAGE_SIZE, HEADS, DECODER_HEADS = "IMAGE_SIZE", "HEADS", "DECODER_HEADS"
FOUND = "FOUND_TASK"
TASKS = ("auto", "classify", "multilabel", "segment", "change", "embed", "reconstruct")
PROFILES = (
    "pretrain",
    "eurosat-stock",
    "eurosat-canonical",
    "bigearthnet",
    "segmunich",
    "oscd",
)


class ConvertCheckpoint(Algorithm):
    """Makes a model file of a checkpoint."""

    ID = "convert_checkpoint"
    TITLE = "Convert checkpoint"
    SUMMARY = "Makes a model file of a SpectralGPT checkpoint (.pth or .safetensors)."
    HELP = (
        "<p>What the weights do not tell (bands, normalisation, classes) is assumed, and said in "
        "the log. Nothing in the checkpoint is executed.</p>"
    )
    GROUP = "models"
    CAN_CANCEL = False
    TAGS = ("weights", "pytorch", "onnx", "safetensors")

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists checkpoint, task, advanced ones, the model."""
        kinds = "Checkpoint (*.pth *.pt *.ckpt *.bin *.safetensors);;All files (*)"
        integer = QgsProcessingParameterNumber.Type.Integer

        def number(name: str, title: str) -> QgsProcessingParameterDefinition:
            return QgsProcessingParameterNumber(name, title, integer, optional=True, minValue=1)

        text, flag = QgsProcessingParameterString, QgsProcessingParameterBoolean
        advanced = [
            (text(BANDS, tr("Input bands, in order"), optional=True), tr("Empty: the profile's.")),
            (
                QgsProcessingParameterFile(
                    CLASSES, tr("Class names and colours (JSON)"), extension="json", optional=True
                ),
                '[{"name": "Water", "colour": "#0000ff"}, ...], ' + tr("in score order."),
            ),
            (
                flag(HALF, tr("Half the size"), False),
                tr("Weights of 16 bits; scores differ little."),
            ),
            (
                flag(PORTABLE, tr("For other programs too"), False),
                tr("The network scales tiles itself, so that Deepness and others run it."),
            ),
            (
                flag(STAC, tr("Describe it in a STAC item"), False),
                tr("MODEL.stac.json, beside it."),
            ),
            (number(IMAGE_SIZE, tr("Tile side (pixels)")), tr("Empty: as trained.")),
            (number(HEADS, tr("Parts of the attention")), tr("Empty: from the width.")),
            (
                number(DECODER_HEADS, tr("Parts of the decoder's attention")),
                tr("Empty: from its width."),
            ),
        ]
        return [
            QgsProcessingParameterFile(
                CHECKPOINT,
                tr("Checkpoint"),
                behavior=QgsProcessingParameterFile.Behavior.File,
                fileFilter=kinds,
            ),
            common.helped(common.choice(TASK, tr("Task"), TASKS), tr("auto: as the weights tell.")),
            common.helped(
                common.choice(PROFILE, tr("How the model was fed"), PROFILES, optional=True),
                tr("Bands and normalisation. Empty: as the original feeds the task."),
            ),
            *(common.helped(parameter, words, advanced=True) for parameter, words in advanced),
            QgsProcessingParameterFileDestination(OUTPUT, tr("Model"), "ONNX (*.onnx)"),
        ]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Adds the task that was found, too."""
        super().initAlgorithm(configuration)
        self.addOutput(QgsProcessingOutputString(FOUND, tr("Task")))

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Converts and says what was assumed."""
        output = made_folder(self.parameterAsFileOutput(parameters, OUTPUT, context))
        checkpoint = self.parameterAsFile(parameters, CHECKPOINT, context)
        told = self._options(parameters, context)
        described = spectralgpt.convert(checkpoint, output, told)
        for line in manifest.lines(described):
            feedback.pushInfo(line)
        return {OUTPUT: output, FOUND: described["task"]}

    def _options(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> spectralgpt.ConvertOptions:
        def number(name: str) -> int | None:
            given = parameters.get(name) not in (None, "")
            return self.parameterAsInt(parameters, name, context) if given else None

        def flag(name: str) -> bool:
            return bool(self.parameterAsBoolean(parameters, name, context))

        file = self.parameterAsFile(parameters, CLASSES, context)
        try:
            classes = json.loads(Path(file).read_text(encoding="utf-8")) if file else None
        except ValueError as error:
            raise QgsProcessingException(tr("'{}' is no JSON: {}").format(file, error)) from error
        return spectralgpt.ConvertOptions(
            task=self.parameterAsEnumString(parameters, TASK, context),
            profile=self.parameterAsEnumString(parameters, PROFILE, context) or None,
            bands=self.parameterAsString(parameters, BANDS, context) or None,
            classes=classes,
            image_size=number(IMAGE_SIZE),
            heads=number(HEADS),
            decoder_heads=number(DECODER_HEADS),
            weights="fp16" if flag(HALF) else None,
            portable=flag(PORTABLE),
            stac=flag(STAC),
        )
