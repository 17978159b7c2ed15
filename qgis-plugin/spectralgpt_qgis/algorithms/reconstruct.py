# SPDX-License-Identifier: GPL-2.0-or-later
"""`reconstruct`."""

from __future__ import annotations

from .predicting import OUTPUT, Map, PredictAlgorithm


class Reconstruct(PredictAlgorithm):
    """Maps what does not fit its surroundings."""

    ID = "reconstruct"
    TITLE = "Reconstruct raster"
    SUMMARY = "Predicts each part of a scene from its surroundings, and how far off that is."
    HELP = (
        "<p>Hidden parts are filled in by the pre-trained network. Where the scene differs much "
        "from that, something does not fit its surroundings: the optional anomaly map shows it.</p>"
    )
    TAGS = ("masked autoencoder", "anomaly")
    TASKS = ("reconstruct",)
    MAPS = (
        Map(OUTPUT, "reconstruction", "Reconstruction"),
        Map("ANOMALY", "anomaly", "Anomaly (error of the reconstruction)"),
    )
