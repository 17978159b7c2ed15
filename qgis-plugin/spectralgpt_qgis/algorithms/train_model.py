# SPDX-License-Identifier: GPL-2.0-or-later
"""`train_model`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from .. import report
from .._vendor import spectralgpt
from ..texts import tr
from ..watcher import watching
from . import common, scenes, vectors
from .base import Algorithm
from .files import made_folder

INPUT, LABELS, FIELD, LABEL_RASTER = "INPUT", "LABELS", "FIELD", "LABEL_RASTER"
OUTPUT, REPORT, ACCURACY, MACRO_F1 = "OUTPUT", "REPORT", "ACCURACY", "MACRO_F1"
CLASSES, HEAD, LAYER, BLOCKS, FOLDS = "CLASSES", "HEAD", "LAYER", "BLOCKS", "FOLDS"
SEED, CACHE = "SEED", "CACHE"


class TrainModel(Algorithm):
    """Makes a model of the user's own classes."""

    ID = "train_model"
    TITLE = "Train model from labels"
    SUMMARY = "Makes a segmentation model of your own classes from a few labelled places."
    HELP = (
        "<p>Labels are polygons, lines or points with a field that holds the class, or a raster of "
        "class values (0: no label). Five polygons per class are a beginning; spread them.</p>"
        "<p>The report tells how good the model is on blocks of the scene that it did not learn "
        "from. Use the model in 'Segment raster'.</p>"
    )
    GROUP = "models"
    TAGS = ("training", "fine-tuning", "classifier", "supervised")

    def __init__(self) -> None:
        super().__init__()
        self.scene = ""
        self.labels = ""
        self.field: str | None = None
        self.options = spectralgpt.Options()

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists scene, labels, encoder, advanced ones, outputs."""
        made = QgsProcessingParameterFileDestination
        return [
            common.scene(INPUT, tr("Scene")),
            QgsProcessingParameterFeatureSource(
                LABELS,
                tr("Labels"),
                [QgsProcessing.SourceType.TypeVectorAnyGeometry],
                optional=True,
            ),
            QgsProcessingParameterField(
                FIELD,
                tr("Field with the classes"),
                parentLayerParameterName=LABELS,
                optional=True,
            ),
            common.helped(
                QgsProcessingParameterRasterLayer(
                    LABEL_RASTER, tr("Label raster (instead of labels)"), optional=True
                ),
                tr("Whole numbers; 0 and no data: no label."),
            ),
            common.model(True, tr("Model whose encoder is used (empty: built-in)")),
            *self._advanced(),
            *common.pixels(),
            *common.computing(tiles=False),
            made(OUTPUT, tr("Model"), "ONNX (*.onnx)"),
            made(REPORT, tr("Report"), "HTML (*.html)", None, True, True),
        ]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Adds the figures, too."""
        super().initAlgorithm(configuration)
        self.addOutput(QgsProcessingOutputNumber(ACCURACY, tr("Overall accuracy")))
        self.addOutput(QgsProcessingOutputNumber(MACRO_F1, tr("Macro F1")))

    def _advanced(self) -> list[QgsProcessingParameterDefinition]:
        integer = QgsProcessingParameterNumber.Type.Integer

        def number(name: str, title: str, default: int, least: int, most: int) -> Any:
            return QgsProcessingParameterNumber(name, title, integer, default, False, least, most)

        listed = [
            (
                QgsProcessingParameterString(
                    CLASSES, tr("Class names and colours (JSON)"), optional=True, multiLine=True
                ),
                '[{"label": "3", "name": "Water", "colour": "#0000ff"}, ...]',
            ),
            (
                common.choice(HEAD, tr("Kind of classifier"), ("auto", "logistic", "mlp")),
                tr("auto: whatever tests best."),
            ),
            (
                common.choice(LAYER, tr("Features"), ("auto", "encoder", "decoder")),
                tr("What is seen besides each pixel's spectrum."),
            ),
            (
                number(BLOCKS, tr("Block side (pixels)"), 32, 32, 100_000),
                tr("Blocks of the scene are learnt from or tested on as a whole."),
            ),
            (
                number(FOLDS, tr("Folds"), 5, 2, 20),
                tr("Parts that the blocks are dealt into, each tested once."),
            ),
            (
                number(SEED, tr("Seed"), 0, 0, 2**31 - 1),
                tr("Equal seeds give equal models."),
            ),
            (
                QgsProcessingParameterFile(
                    CACHE,
                    tr("Folder that keeps features for the next training"),
                    behavior=QgsProcessingParameterFile.Behavior.Folder,
                    optional=True,
                ),
                tr("Empty: they are not kept."),
            ),
        ]
        return [common.helped(parameter, words, advanced=True) for parameter, words in listed]

    def take(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Takes files from layers.

        Raises:
            QgsProcessingException: neither labels with a field nor a label raster are given.
        """
        self.scene = scenes.taken(self, parameters, INPUT, context, feedback).source
        self.options = common.options(self, parameters, context)
        self.field = self.parameterAsString(parameters, FIELD, context) or None
        vector = self.parameterAsSource(parameters, LABELS, context)
        raster = self.parameterAsRasterLayer(parameters, LABEL_RASTER, context)
        if (vector is None) == (raster is None):
            raise QgsProcessingException(tr("Give either labels or a label raster."))
        if vector is None:
            self.labels = scenes.taken(self, parameters, LABEL_RASTER, context, feedback).source
            self.field = None
        elif self.field is None:
            raise QgsProcessingException(tr("Choose the field of the labels that holds the class."))
        else:
            self.labels = vectors.plain_file(self, parameters, LABELS, context)

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Trains and reports."""
        output = made_folder(self.parameterAsFileOutput(parameters, OUTPUT, context))
        told = self._training(parameters, context)
        lent = vectors.as_file(self.labels, self, parameters, LABELS, context, feedback, self.field)
        opened = common.opened(self, parameters, context)
        with lent as labels, opened as model, watching(feedback) as watcher:
            done = model.train(self.scene, labels, output, told, self.options, watcher)
        for line in report.lines(done):
            feedback.pushInfo(line)
        for warning in done["warnings"]:
            feedback.pushWarning(warning)
        outputs = {
            OUTPUT: output,
            ACCURACY: done["figures"]["overall_accuracy"],
            MACRO_F1: done["figures"]["macro_f1"],
        }
        page = self.parameterAsFileOutput(parameters, REPORT, context)
        if page:
            Path(page).write_text(report.html(done), encoding="utf-8")
            outputs[REPORT] = page
        return outputs

    def _training(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> spectralgpt.TrainOptions:
        classes = self.parameterAsString(parameters, CLASSES, context)
        return spectralgpt.TrainOptions(
            field=self.field,
            classes=classes or None,
            head=self.parameterAsEnumString(parameters, HEAD, context),
            layer=self.parameterAsEnumString(parameters, LAYER, context),
            blocks=self.parameterAsInt(parameters, BLOCKS, context),
            folds=self.parameterAsInt(parameters, FOLDS, context),
            seed=self.parameterAsInt(parameters, SEED, context),
            cache=self.parameterAsString(parameters, CACHE, context) or None,
        )
