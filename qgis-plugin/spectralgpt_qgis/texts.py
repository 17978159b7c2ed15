# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts for people: translation, and the library's words in the dialogs' words."""

from __future__ import annotations

import re

from qgis.PyQt.QtCore import QCoreApplication

DIALOG_WORDS = {
    "--activation": "What scores still need (other programs' models)",
    "--aoi": "Mask layer (empty: all)",
    "--bands": "Names of the bands",
    "--batch": "Tiles at a time",
    "--bbox": "Extent (empty: all)",
    "--blocks": "Block side (pixels)",
    "--cache": "Folder that keeps features for the next training",
    "--classes": "Class names and colours (JSON)",
    "--decoder-heads": "Parts of the decoder's attention",
    "--device": "Compute device",
    "--dn-offset": "Offset added to digital numbers",
    "--emit": "What is shown (empty: the model's map)",
    "--field": "Field with the classes",
    "--folds": "Folds",
    "--head": "Kind of classifier",
    "--heads": "Parts of the attention",
    "--image-size": "Tile side (pixels)",
    "--kind": "How GDAL calls the model",
    "--layer": "Features",
    "--mask": "Leave out clouds, shadows, snow and ice",
    "--memory": "Memory limit (MB)",
    "--nodata": "Value that means no data",
    "--overlap": "Tile overlap (pixels)",
    "--portable": "For other programs too",
    "--precision": "Faster, slightly different",
    "--profile": "How the model was fed",
    "--provider": "Compute device",
    "--resolution": "Pixels that are mapped",
    "--seed": "Seed",
    "--stac": "Describe it in a STAC item",
    "--task": "Task",
    "--threads": "Threads",
    "--weights": "Half the size",
    "--window": "Extent (empty: all)",
}
"""Options of the command line, and the titles of the dialogs' parameters for the same."""

WORDS = {
    "chip": "tile",
    "chips": "tiles",
    "head": "classifier",
    "heads": "classifiers",
    "provider": "compute device",
    "providers": "compute devices",
    "'chip-features'": "'tile-features'",
}
"""The glossary's words that dialogs do not use, and those that they do."""

# A quoted name is a user's and stays; after a letter the sign is an apostrophe. What is fastest is
# no value in a dialog: it is ticked.
TO_REPLACE = re.compile(
    r"(?<!\w)'[^']*'(?!\w)|--[a-z]+(?:-[a-z]+)*(?: fastest\b)?|\b(?:execution )?"
    r"(?:chips?|heads?|providers?)\b|\b[A-Za-z]+ExecutionProvider\b"
)


def tr(text: str) -> str:
    """Translates a text."""
    return QCoreApplication.translate("SpectralGPT", text)


def in_dialog_words(message: str) -> str:
    """Replaces the command line's options and words by those of dialogs."""
    return TO_REPLACE.sub(lambda found: _replaced(found.group()), message)


def _replaced(found: str) -> str:
    if found.startswith("--"):
        option = found.removesuffix(" fastest")
        title = DIALOG_WORDS.get(option)
        return f"'{tr(title) if title else option[2:].replace('-', ' ')}'"
    word = found.removeprefix("execution ").removesuffix("ExecutionProvider")
    return tr(WORDS[word]) if word in WORDS else word
