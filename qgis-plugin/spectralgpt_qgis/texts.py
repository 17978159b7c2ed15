# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts for people: translation, and the library's words in the dialogs' words."""

from __future__ import annotations

import re

from qgis.PyQt.QtCore import QCoreApplication

DIALOG_WORDS = {
    "--dn-offset": "'Offset added to digital numbers'",
    "--bands": "'Names of the bands'",
    "--nodata": "'Value that means no data'",
    "--activation": "'What scores still need (other programs' models)'",
    "--batch": "'Chips at a time'",
    "--bbox": "'Extent (empty: all)'",
    "--portable": "'For other programs too'",
    "--overlap": "'Tile overlap (pixels)'",
    "--memory": "'Memory limit (MB)'",
    "--device": "'Compute device'",
    "--precision": "'Faster, slightly different'",
    "--field": "'Field with the classes'",
    "--blocks": "'Block side (pixels)'",
    "--folds": "'Folds'",
    "--classes": "'Class names and colours (JSON)'",
    "--task": "'Task'",
    "--profile": "'How the model was fed'",
    "--heads": "'Attention heads'",
    "--decoder-heads": "'Attention heads of the decoder'",
    "--image-size": "'Chip side (pixels)'",
}


def tr(text: str) -> str:
    """Translates a text."""
    return QCoreApplication.translate("SpectralGPT", text)


def in_dialog_words(message: str) -> str:
    """Replaces the command line's options by the names of dialogs' parameters."""

    def word(found: re.Match[str]) -> str:
        name = DIALOG_WORDS.get(found.group())
        return tr(name) if name else found.group()

    return re.sub(r"--[a-z-]+[a-z]", word, message)
