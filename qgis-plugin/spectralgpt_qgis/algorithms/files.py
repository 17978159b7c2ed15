# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files an algorithm reads and writes, and that none is both."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

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
TABLE = re.compile(r"""^ogr:dbname='([^']*)' table="([^"]*)\"""")


class _Place(NamedTuple):
    """A file, and the table of it if only that is read or written."""

    file: str
    table: str = ""

    def is_also(self, other: _Place) -> bool:
        """Tells whether writing the one replaces something of the other."""
        apart = self.table and other.table and self.table != other.table
        if Path(self.file).exists() and Path(other.file).exists():
            return not apart and Path(self.file).samefile(other.file)
        return not apart and os.path.realpath(self.file) == os.path.realpath(other.file)


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
    taken: list[tuple[str, _Place]] = []
    definitions = algorithm.parameterDefinitions()
    for definition in sorted(definitions, key=lambda one: bool(one.isDestination())):
        place = _place(algorithm, definition, parameters, context)
        if place is None:
            continue
        title = definition.description()
        other = next((name for name, taken_one in taken if place.is_also(taken_one)), None)
        if definition.isDestination() and other:
            return tr(
                "'{path}' is given for '{title}' and for '{other}'; give '{title}' another name."
            ).format(path=place.file, title=title, other=other)
        taken.append((title, place))
    return ""


def _place(
    algorithm: QgsProcessingAlgorithm,
    definition: QgsProcessingParameterDefinition,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
) -> _Place | None:
    """Returns what a parameter reads or writes, if it is a file."""
    given = parameters.get(definition.name())
    if definition.isDestination():
        table = TABLE.match(text(given))
        if temporary(given) or text(given).startswith("memory:"):
            return None
        return _Place(*table.groups()) if table else _Place(text(given))
    if given in (None, "") or not isinstance(definition, READ):
        return None
    name = text(given)
    if name and (isinstance(definition, QgsProcessingParameterFile) or Path(name).exists()):
        return _Place(name)
    layer = algorithm.parameterAsLayer(parameters, definition.name(), context)
    if layer is None:
        return _Place(name) if name else None
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return _Place(str(parts.get("path") or layer.source()), str(parts.get("layerName") or ""))
