# SPDX-License-Identifier: GPL-2.0-or-later
"""`classify_multilabel`."""

from __future__ import annotations

from .predicting import OUTPUT, Map, PredictAlgorithm


class ClassifyMultilabel(PredictAlgorithm):
    """Maps several labels per square of a scene."""

    ID = "classify_multilabel"
    TITLE = "Classify with several labels"
    SUMMARY = "Tells for each square of a scene which labels apply, as BigEarthNet models do."
    HELP = (
        "<p>The map has a band per label: 1 where its probability is 0.5 or more, else 0. The "
        "probabilities are an optional output.</p>"
    )
    TAGS = ("multi-label", "bigearthnet")
    TASKS = ("multilabel",)
    MAPS = (Map(OUTPUT, "classes", "Labels"), Map("SCORES", "scores", "Probability of each label"))
