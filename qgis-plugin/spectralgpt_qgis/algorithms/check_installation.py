# SPDX-License-Identifier: GPL-2.0-or-later
"""`check_installation`."""

from __future__ import annotations

import tempfile
import time
import uuid
from array import array
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
)

from .. import engine
from .._vendor import spectralgpt
from ..metadata import version
from ..texts import in_dialog_words, tr
from ..watcher import watching
from .base import Algorithm

VERSION, ONNXRUNTIME, GDAL, DEVICES = "VERSION", "ONNXRUNTIME", "GDAL", "DEVICES"
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
COLUMNS, ROWS = 150, 140


class CheckInstallation(Algorithm):
    """Tells whether everything works here."""

    ID = "check_installation"
    TITLE = "Check installation"
    SUMMARY = "Tells what is installed, what can compute, and maps a small scene to try it."
    HELP = "<p>If something is missing, the message says what to do.</p>"
    GROUP = "setup"
    TAGS = ("diagnose", "doctor", "version", "gpu", "cuda")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Adds what is found."""
        super().initAlgorithm(configuration)
        for name, title in (
            (VERSION, "SpectralGPT"),
            (ONNXRUNTIME, "ONNX Runtime"),
            (GDAL, "GDAL"),
            (DEVICES, tr("What can compute")),
        ):
            self.addOutput(QgsProcessingOutputString(name, title))

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Looks for everything and tries it."""
        del parameters, context
        library = engine.load()
        found = spectralgpt.devices()
        works = [
            in_dialog_words(entry["name"])
            for entry in found["providers"]
            if entry["trouble"] is None
        ]
        outputs = {
            VERSION: library.version,
            ONNXRUNTIME: found["version"],
            GDAL: gdal.VersionInfo("RELEASE_NAME"),
            DEVICES: ", ".join(works),
        }
        for line in (
            tr("Plugin {}").format(version()),
            tr("Native library {} at '{}'").format(library.version, library.path),
            tr("ONNX Runtime {} at '{}'").format(found["version"], found["path"]),
            tr("GDAL {}").format(outputs[GDAL]),
            tr("Computes here: {}").format(outputs[DEVICES]),
        ):
            feedback.pushInfo(line)
        spectralgpt.register_gdal(engine.gdal_module())
        feedback.pushInfo(tr("Live layers are registered with GDAL."))
        feedback.pushInfo(
            tr("A scene of {} x {} pixels was mapped in {:.1f} s.").format(
                COLUMNS, ROWS, _try(feedback)
            )
        )
        return outputs


def _try(feedback: QgsProcessingFeedback) -> float:
    """Maps a small scene with the built-in model and returns the seconds."""
    started = time.monotonic()
    file = f"/vsimem/{uuid.uuid4().hex}.tif"
    scene = gdal.GetDriverByName("GTiff").Create(file, COLUMNS, ROWS, len(BANDS), gdal.GDT_UInt16)
    for number, name in enumerate(BANDS, 1):
        numbers = array("H", (200 * number + pixel % 97 for pixel in range(COLUMNS * ROWS)))
        band = scene.GetRasterBand(number)
        band.SetDescription(name)
        band.WriteRaster(0, 0, COLUMNS, ROWS, numbers.tobytes(), buf_type=gdal.GDT_UInt16)
    scene.FlushCache()
    del scene
    try:
        with tempfile.TemporaryDirectory() as folder, spectralgpt.Model() as model:
            told = spectralgpt.Options(dn_offset=0)
            with watching(feedback) as watcher:
                model.predict(file, Path(folder) / "map.tif", told, watcher)
    finally:
        gdal.Unlink(file)
    return time.monotonic() - started
