# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes into a layer's history how it was made."""

from __future__ import annotations

from typing import Any, ClassVar

from qgis.core import (
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
)

from ._vendor import spectralgpt
from .texts import in_dialog_words, tr


class _Historian(QgsProcessingLayerPostProcessorInterface):
    """Adds a line to a loaded layer's metadata; QGIS keeps no reference, so this class does."""

    alive: ClassVar[list[_Historian]] = []

    def __init__(self, line: str) -> None:
        super().__init__()
        self._line = line
        self.alive.append(self)

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Adds the line, on the main thread."""
        del context, feedback
        metadata = layer.metadata()
        metadata.addHistoryItem(self._line)
        layer.setMetadata(metadata)
        self.alive.remove(self)


def remember(
    context: QgsProcessingContext,
    path: str,
    title: str,
    model: str,
    scenes: list[str],
    report: dict[str, Any],
) -> None:
    """Has the layer of `path`, if it will be loaded, tell how it was made."""
    if not context.willLoadLayerOnCompletion(path):
        return
    line = tr(
        "{title} by SpectralGPT {version}: model '{model}', scene {scenes}; {chips} tiles in "
        "{seconds:.1f} s by {device}, {precision}"
    ).format(
        title=title,
        version=spectralgpt.load().version,
        model=model,
        scenes=" -> ".join(f"'{scene}'" for scene in scenes),
        chips=report["chips"],
        seconds=report["seconds"],
        device=in_dialog_words(report["provider"]),
        precision=report["precision"],
    )
    details = context.layerToLoadOnCompletionDetails(path)
    details.setPostProcessor(_Historian(line))
