# SPDX-License-Identifier: GPL-2.0-or-later
"""`detect_changes`."""

from __future__ import annotations

from .classed import ClassMapAlgorithm
from .predicting import CONFIDENCE, OUTPUT, SCORES, Map


class DetectChanges(ClassMapAlgorithm):
    """Maps what changed between two dates."""

    ID = "detect_changes"
    TITLE = "Detect changes"
    SUMMARY = "Maps what changed between two Sentinel-2 scenes of one place."
    HELP = (
        "<p>The later scene is brought to the grid of the first if it lies on another. The order "
        "of the dates matters.</p>"
    )
    TAGS = ("change detection", "bitemporal", "oscd")
    TASKS = ("change",)
    SCENES = (("BEFORE", "Scene before"), ("AFTER", "Scene after"))
    MAPS = (Map(OUTPUT, "classes", "Changes"), CONFIDENCE, SCORES)
