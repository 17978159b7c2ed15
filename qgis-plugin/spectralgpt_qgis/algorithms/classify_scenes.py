# SPDX-License-Identifier: GPL-2.0-or-later
"""`classify_scenes`."""

from __future__ import annotations

from .classed import ClassMapAlgorithm
from .predicting import CONFIDENCE, OUTPUT, SCORES, Map


class ClassifyScenes(ClassMapAlgorithm):
    """Maps a class per square of a scene."""

    ID = "classify_scenes"
    TITLE = "Classify scenes"
    SUMMARY = "Gives one class to each square of a scene, as EuroSAT models do."
    HELP = (
        "<p>A pixel of the map is a square of the scene, 64 pixels wide for EuroSAT models. A "
        "tile overlap makes squares overlap and the map finer.</p>"
    )
    TAGS = ("scene classification", "eurosat")
    TASKS = ("classify",)
    MAPS = (Map(OUTPUT, "classes", "Classes"), CONFIDENCE, SCORES)
