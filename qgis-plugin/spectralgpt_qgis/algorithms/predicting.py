# SPDX-License-Identifier: GPL-2.0-or-later
"""What algorithms that map scenes share: parameters, the run, styled results."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterDestination,
)

from .._vendor import spectralgpt
from ..history import remember
from ..texts import tr
from ..watcher import watching
from . import common, scenes, vectors
from .base import Algorithm
from .files import text

INPUT, OUTPUT = "INPUT", "OUTPUT"
EXTENT, MASK = common.EXTENT, common.MASK


@dataclasses.dataclass(frozen=True)
class Map:
    """A raster that a run gives: its parameter, the library's word for it, its title."""

    parameter: str
    emit: str
    title: str


SCORES = Map("SCORES", "scores", "Score of each class")
CONFIDENCE = Map("CONFIDENCE", "confidence", "Confidence (score of the chosen class)")


class PredictAlgorithm(Algorithm):
    """Maps a scene; a subclass has texts, the tasks it is for, and its maps."""

    TASKS: tuple[str, ...] = ()
    BUILTIN = False
    SCENES: tuple[tuple[str, str], ...] = ((INPUT, "Scene"),)
    MAPS: tuple[Map, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.scenes: list[str] = []
        self.options = spectralgpt.Options()
        self.masked = False
        self.mask_file = ""

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists scenes, model, part, advanced ones, maps."""
        return [
            *(common.scene(name, tr(title)) for name, title in self.SCENES),
            common.model(self.BUILTIN),
            *common.part(),
            *self.more_parameters(),
            *common.pixels(),
            *common.computing(),
            *(_destination(made, place > 0) for place, made in enumerate(self.MAPS)),
            *self.more_outputs(),
        ]

    def more_parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists parameters of this algorithm alone."""
        return []

    def more_outputs(self) -> list[QgsProcessingParameterDefinition]:
        """Lists outputs that are no rasters."""
        return []

    def maps(self, parameters: dict[str, Any], context: QgsProcessingContext) -> list[Map]:
        """Lists the maps that are asked for, the first one always."""
        del context
        given = (made for made in self.MAPS[1:] if parameters.get(made.parameter))
        return [self.MAPS[0], *given]

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """Checks that maps are to be GeoTIFF."""
        for made in self.MAPS:
            given = text(parameters.get(made.parameter))
            if given.lower().endswith(".vrt"):
                return False, tr("'{}' is to be a map; give a name that ends in .tif.").format(
                    given
                )
        return super().checkParameterValues(parameters, context)

    def take(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Takes files and options from layers.

        Raises:
            QgsProcessingException: a scene cannot be used, or extent and mask layer are given.
        """
        dates = [scenes.taken(self, parameters, name, context, feedback) for name, _ in self.SCENES]
        self.scenes = [date.source for date in dates]
        told = common.options(self, parameters, context)
        self.options = _with_extent(self, parameters, context, dates[0], told)
        self.masked = self.parameterAsSource(parameters, MASK, context) is not None
        if self.masked and self.options.bbox:
            raise QgsProcessingException(tr("Extent and mask layer were given; give one of them."))
        if self.masked:
            self.mask_file = vectors.plain_file(self, parameters, MASK, context)

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Maps the scene and returns the files."""
        maps = self.maps(parameters, context)
        paths = [
            Path(self.parameterAsOutputLayer(parameters, made.parameter, context)) for made in maps
        ]
        path = common.model_path(self, parameters, context)
        with common.opened(self, parameters, context) as model, watching(feedback) as watcher:
            described = model.describe()
            self._check_task(path, described)
            with self._told(parameters, context, feedback) as options:
                told = dataclasses.replace(options, emit=[made.emit for made in maps])
                tell_plan(model.preview(self.scenes, told), feedback)
                report = self._predict(model, told, paths, watcher)
        outputs = {made.parameter: str(path) for made, path in zip(maps, paths)}
        for path_made in outputs.values():
            remember(context, path_made, self.displayName(), path, self.scenes, report)
        outputs.update(self.after(parameters, context, feedback, described, str(paths[0])))
        return outputs

    @contextmanager
    def _told(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> Iterator[spectralgpt.Options]:
        """Lends the options, with a file of the mask layer while they are used."""
        if not self.masked:
            yield self.options
            return
        plain = self.mask_file
        with vectors.as_file(plain, self, parameters, MASK, context, feedback) as file:
            yield dataclasses.replace(self.options, aoi=file)

    def after(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        described: dict[str, Any],
        path: str,
    ) -> dict[str, Any]:
        """Makes what is no raster from the finished map."""
        del parameters, context, feedback, described, path
        return {}

    def _predict(
        self,
        model: spectralgpt.Model,
        told: spectralgpt.Options,
        paths: list[Path],
        watcher: spectralgpt.Progress,
    ) -> dict[str, Any]:
        """Maps into the files; several are made in a folder of their own, as they lie together."""
        folder = paths[0].parent
        folder.mkdir(parents=True, exist_ok=True)
        if len(paths) == 1:
            return model.predict(self.scenes, paths[0], told, watcher)
        with tempfile.TemporaryDirectory(prefix=".spectralgpt-", dir=folder) as made:
            report = model.predict(self.scenes, Path(made) / "map.tif", told, watcher)
            for file, path in zip(report["outputs"], paths):
                path.parent.mkdir(parents=True, exist_ok=True)
                for end in ("", ".aux.xml"):
                    if Path(file + end).exists():
                        shutil.move(file + end, str(path) + end)
        return report

    def _check_task(self, path: str, described: dict[str, Any]) -> None:
        task = described["task"]
        if task not in self.TASKS:
            raise QgsProcessingException(
                tr(
                    "'{path}' is a model for the task '{task}'; '{title}' needs one for {needed}."
                ).format(
                    path=path,
                    task=task,
                    title=self.displayName(),
                    needed=" / ".join(f"'{name}'" for name in self.TASKS),
                )
            )


def _destination(made: Map, optional: bool) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterRasterDestination(
        made.parameter, tr(made.title), optional=optional, createByDefault=not optional
    )


def _with_extent(
    algorithm: PredictAlgorithm,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    scene: scenes.Scene,
    told: spectralgpt.Options,
) -> spectralgpt.Options:
    """Adds the extent, if there is one: in the scene's reference system if QGIS knows that."""
    crs, srs = scene.crs, None
    if crs is None:
        crs = algorithm.parameterAsExtentCrs(parameters, EXTENT, context)
        srs = crs.toWkt() or None
    extent = algorithm.parameterAsExtent(parameters, EXTENT, context, crs)
    if extent.isNull():
        return told
    corners = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
    return dataclasses.replace(told, bbox=corners, bbox_crs=srs)


def tell_plan(plan: dict[str, Any], feedback: QgsProcessingFeedback) -> None:
    """Shows the bands that were found, and how much is to be computed."""
    for scene in plan["inputs"]:
        bands = ", ".join(f"{band['name']} = {band['number']}" for band in scene["bands"])
        feedback.pushInfo(tr("Bands of '{}': {}").format(scene["name"], bands))
    window = plan["window"]
    feedback.pushInfo(
        tr("{width} x {height} pixels, {chips} tiles of {chip} pixels, offset {offset:g}").format(
            width=window["width"],
            height=window["height"],
            chips=plan["chips"],
            chip=plan["chip_px"],
            offset=plan["dn_offset"],
        )
    )
