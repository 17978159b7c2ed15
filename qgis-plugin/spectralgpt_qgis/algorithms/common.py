# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters that several algorithms have, and what they are worth."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .._vendor.spectralgpt import BUILTIN, Model, Options
from ..texts import tr
from .scenes import SceneParameter

MODEL, EXTENT, MASK = "MODEL", "EXTENT", "MASK"
BANDS, NODATA, DN_OFFSET = "BANDS", "NODATA", "DN_OFFSET"
DEVICE, FASTER, OVERLAP, BATCH, THREADS, MEMORY = (
    "DEVICE",
    "FASTER",
    "OVERLAP",
    "BATCH",
    "THREADS",
    "MEMORY",
)
CLOUDS, RESOLUTION = "CLOUDS", "RESOLUTION"
RESOLUTIONS = ("model", "source")
ACTIVATION = "ACTIVATION"
ACTIVATIONS = ("none", "softmax", "log_softmax", "sigmoid")
DEVICES = ("auto", "cpu", "cuda")
MEGABYTE = 1 << 20


def helped(
    parameter: QgsProcessingParameterDefinition, words: str, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    """Adds help to a parameter, and puts it among the advanced ones."""
    parameter.setHelp(words)
    return _put_aside(parameter) if advanced else parameter


def _put_aside(parameter: QgsProcessingParameterDefinition) -> QgsProcessingParameterDefinition:
    flag = QgsProcessingParameterDefinition.Flag.FlagAdvanced
    parameter.setFlags(parameter.flags() | flag)
    return parameter


def scene(name: str, title: str, optional: bool = False) -> QgsProcessingParameterDefinition:
    """Makes the parameter of a raster to map."""
    return helped(
        SceneParameter(name, title, optional=optional),
        tr(
            "A raster with Sentinel-2 bands, digital numbers, bands found by their names; or a "
            "product as it was downloaded: its zip, its folder, or a file in it (MTD_MSIL2A.xml)."
        ),
    )


def model(builtin: bool, title: str = "") -> QgsProcessingParameterDefinition:
    """Makes the parameter of a model file; `builtin`: left empty, the built-in model is used."""
    words = tr("A model file (.onnx) that 'Convert checkpoint' or 'Train model from labels' wrote.")
    if builtin:
        words += " " + tr("Empty: the built-in land cover model.")
    return helped(
        QgsProcessingParameterFile(
            MODEL,
            title or (tr("Model (empty: built-in)") if builtin else tr("Model")),
            behavior=QgsProcessingParameterFile.Behavior.File,
            fileFilter="ONNX (*.onnx);;" + tr("All files (*)"),
            optional=builtin,
        ),
        words,
    )


def activation() -> QgsProcessingParameterDefinition:
    """Makes the advanced parameter of another program's model."""
    return helped(
        choice(
            ACTIVATION, tr("What scores still need (other programs' models)"), ACTIVATIONS, True
        ),
        tr("Empty: the model says it itself, as those made here do."),
        advanced=True,
    )


def opened(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> Model:
    """Opens the model that is asked for."""
    known = algorithm.parameterDefinition(ACTIVATION) is not None
    words = algorithm.parameterAsEnumString(parameters, ACTIVATION, context) if known else ""
    return Model(model_path(algorithm, parameters, context), words or None)


def model_path(algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: Any) -> str:
    """Returns the model file, or the built-in model's name."""
    return algorithm.parameterAsString(parameters, MODEL, context) or BUILTIN


def part() -> list[QgsProcessingParameterDefinition]:
    """Makes the parameters of the part to map."""
    return [
        helped(
            QgsProcessingParameterExtent(EXTENT, tr("Extent (empty: all)"), optional=True),
            tr("Only this part is mapped, with the pixels of the whole map."),
        ),
        helped(
            QgsProcessingParameterFeatureSource(
                MASK,
                tr("Mask layer (empty: all)"),
                [QgsProcessing.SourceType.TypeVectorPolygon],
                optional=True,
            ),
            tr("Only pixels inside its polygons are mapped."),
        ),
    ]


def _number(
    name: str, title: str, words: str, whole: bool = True, least: float | None = None
) -> QgsProcessingParameterDefinition:
    kind = QgsProcessingParameterNumber.Type
    parameter = QgsProcessingParameterNumber(
        name, title, kind.Integer if whole else kind.Double, optional=True
    )
    if least is not None:
        parameter.setMinimum(least)
    return helped(parameter, words, advanced=True)


def clouds() -> QgsProcessingParameterDefinition:
    """Makes the parameter of clouds that become nodata."""
    return helped(
        QgsProcessingParameterBoolean(CLOUDS, tr("Leave out clouds, shadows, snow and ice"), False),
        tr(
            "They become no data. This needs the scene classification of a level-2A product, or a "
            "stack that was made with it."
        ),
    )


def pixels() -> list[QgsProcessingParameterDefinition]:
    """Makes the advanced parameters that say how digital numbers are read."""
    return [
        _put_aside(clouds()),
        helped(
            choice(RESOLUTION, tr("Pixels that are mapped"), RESOLUTIONS),
            tr(
                "model: pixels of another size are resampled to the one that the model was trained "
                "at; source: the raster's own."
            ),
            advanced=True,
        ),
        helped(
            QgsProcessingParameterString(BANDS, tr("Names of the bands"), optional=True),
            tr(
                "Names of the raster's bands in file order, separated by commas, as in B02,B03,-; "
                "'-' for one that is not needed. Empty: as the raster says."
            ),
            advanced=True,
        ),
        _number(
            DN_OFFSET,
            tr("Offset added to digital numbers"),
            tr(
                "-1000 for Sentinel-2 products since January 2022 (baseline 04.00), 0 for older "
                "ones and for files that are corrected already. Empty: as the raster says."
            ),
            whole=False,
        ),
        _number(
            NODATA,
            tr("Value that means no data"),
            tr("In any band. Empty: as the raster says."),
            whole=False,
        ),
    ]


def choice(
    name: str, title: str, words: tuple[str, ...], optional: bool = False
) -> QgsProcessingParameterDefinition:
    """Makes a parameter of one word of several, the first unless `optional`."""
    return QgsProcessingParameterEnum(
        name,
        title,
        list(words),
        defaultValue=None if optional else words[0],
        optional=optional,
        usesStaticStrings=True,
    )


def computing(tiles: bool = True) -> list[QgsProcessingParameterDefinition]:
    """Makes the advanced parameters that say how to compute; `tiles`: with those of tiles."""
    device = choice(DEVICE, tr("Compute device"), DEVICES)
    faster = QgsProcessingParameterBoolean(FASTER, tr("Faster, slightly different"), False)
    made = [
        helped(
            device,
            tr("auto: the best one here; a device that is asked for and not there is an error."),
            advanced=True,
        ),
        helped(
            faster,
            tr("Computes with fewer digits where the device is faster so; pixels may differ."),
            advanced=True,
        ),
    ]
    if tiles:
        words = tr("A multiple of 8. Empty: the model's own, 32 for most.")
        made.append(_number(OVERLAP, tr("Tile overlap (pixels)"), words, least=0))
        words = tr("Tiles computed at a time. Empty: 1.")
        made.append(_number(BATCH, tr("Tiles at a time"), words, least=1))
    words = tr("Empty: as many as this computer has.")
    made.append(_number(THREADS, tr("Threads"), words, least=1))
    words = tr("What QGIS may hold in all. Empty: 4096, or half of what there is.")
    made.append(_number(MEMORY, tr("Memory limit (MB)"), words, least=256))
    return made


def options(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> Options:
    """Returns what `pixels` and `computing` are worth; files are replaced, as QGIS has it."""

    def number(name: str, integer: bool = True) -> Any:
        known = algorithm.parameterDefinition(name) is not None
        if not known or parameters.get(name) in (None, ""):
            return None
        as_kind = algorithm.parameterAsInt if integer else algorithm.parameterAsDouble
        return as_kind(parameters, name, context)

    memory = number(MEMORY)
    device = algorithm.parameterAsEnumString(parameters, DEVICE, context)
    faster = algorithm.parameterAsBoolean(parameters, FASTER, context)
    resolution = algorithm.parameterAsEnumString(parameters, RESOLUTION, context)
    return Options(
        mask="scl" if algorithm.parameterAsBoolean(parameters, CLOUDS, context) else None,
        resolution=resolution or None,
        bands=algorithm.parameterAsString(parameters, BANDS, context) or None,
        nodata=number(NODATA, integer=False),
        dn_offset=number(DN_OFFSET, integer=False),
        overlap=number(OVERLAP),
        batch=number(BATCH),
        threads=number(THREADS),
        memory=None if memory is None else memory * MEGABYTE,
        device=device or None,
        precision="fastest" if faster else None,
        overwrite=True,
    )
