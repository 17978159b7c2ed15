# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files an algorithm reads and writes, and that none is both."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
    QgsProperty,
    QgsProviderRegistry,
)

from ..texts import tr

READ = (
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterLayer,
)
DATABASE = re.compile(r"dbname='([^']*)'")


def text(given: Any) -> str:
    """Returns the text that a parameter was given, however it is wrapped; empty if it is none."""
    if isinstance(given, QgsProcessingOutputLayerDefinition):
        given = given.sink
    if isinstance(given, QgsProcessingFeatureSourceDefinition):
        given = given.source
    if isinstance(given, QgsProperty):
        given = given.staticValue()
    return given if isinstance(given, str) else ""


def temporary(given: Any) -> bool:
    """Tells whether an output is to be a temporary file."""
    return text(given) in ("", QgsProcessing.TEMPORARY_OUTPUT)


def made_folder(path: str) -> str:
    """Makes sure that an output's folder exists and returns the output."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return path


def clash(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> str:
    """Says which output would be written over an input or another output; empty if none."""
    taken: list[tuple[str, str]] = []
    definitions = algorithm.parameterDefinitions()
    for definition in sorted(definitions, key=lambda one: bool(one.isDestination())):
        path = _path(algorithm, definition, parameters, context)
        if not path:
            continue
        title = definition.description()
        other = next((name for name, file in taken if _same(file, path)), None)
        if definition.isDestination() and other:
            return tr(
                "'{path}' is given for '{title}' and for '{other}'; give '{title}' another name."
            ).format(path=path, title=title, other=other)
        taken.append((title, path))
    return ""


def _path(
    algorithm: QgsProcessingAlgorithm,
    definition: QgsProcessingParameterDefinition,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
) -> str:
    """Returns the file that a parameter reads or writes; empty if it is none."""
    given = parameters.get(definition.name())
    if definition.isDestination():
        if temporary(given):
            return ""
        database = DATABASE.search(text(given))
        return database.group(1) if database else text(given)
    if given in (None, "") or not isinstance(definition, READ):
        return ""
    if not isinstance(definition, QgsProcessingParameterFile) and not Path(text(given)).exists():
        layer = algorithm.parameterAsLayer(parameters, definition.name(), context)
        if layer is not None:
            parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
            return str(parts.get("path") or layer.source())
    return text(given)


def _same(one: str, other: str) -> bool:
    if Path(one).exists() and Path(other).exists():
        return Path(one).samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)
