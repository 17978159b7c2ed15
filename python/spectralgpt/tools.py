"""What needs no opened model: convert, live layers, stacks, devices, registering with GDAL."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from ._library import load, text_argument, text_arguments
from .options import ConvertOptions, Options, PathLike, fill


def convert(
    checkpoint: PathLike, model: PathLike, options: ConvertOptions | None = None
) -> dict[str, Any]:
    """Converts a checkpoint (torch.save's or safetensors) into a model file.

    Returns the model's description, with what was assumed.

    Raises:
        UsageError: the options do not fit the weights.
        ModelError: the checkpoint cannot be used.
        StorageError: the model cannot be written.
    """
    library = load()
    made = fill(library, "sgpt_convert_options", options or ConvertOptions())
    paths = text_argument(checkpoint), text_argument(model)
    described: dict[str, Any] = json.loads(library.text("sgpt_convert", *paths, made))
    return described


def write_live(
    model: PathLike,
    scenes: PathLike | Sequence[PathLike],
    output: PathLike,
    kind: str = "auto",
    options: Options | None = None,
) -> None:
    """Writes a virtual raster that runs the model when GDAL reads it; nothing is inferred now.

    `kind` is "processed" (GDAL 3.9 and newer), "pixel-function" (3.4 and newer) or "auto".

    Raises:
        UsageError: the options do not fit, or the file exists.
        InputError: a raster cannot be used.
        ModelError: the model or GDAL cannot be used.
    """
    library = load()
    names = [scenes] if isinstance(scenes, (str, os.PathLike)) else list(scenes)
    made = fill(library, "sgpt_options", options or Options())
    library.call(
        "sgpt_live_vrt",
        text_argument(model),
        text_arguments(names),
        len(names),
        text_argument(output),
        text_argument(kind),
        made,
    )


def write_stack(product: PathLike, output: PathLike, options: Options | None = None) -> None:
    """Writes all bands of a Sentinel-2 product (folder, zip, any file of it) as a virtual raster.

    Of the options, `mask` counts ("none" or "scl"), and `overwrite`.

    Raises:
        UsageError: there is no such product, or the file exists.
        InputError: the product is damaged, or has no scene classification to mask by.
        StorageError: the file cannot be written.
    """
    library = load()
    made = fill(library, "sgpt_options", options or Options())
    library.call("sgpt_stack_vrt", text_argument(product), text_argument(output), made)


def register_gdal(module: PathLike | None = None) -> None:
    """Lets the process's GDAL read live layers; `module` is a library that is, or uses, that GDAL.

    Raises:
        ModelError: there is no GDAL, or it is too old.
    """
    load().call("sgpt_gdal_register", module and text_argument(module))


def devices(options: Options | None = None) -> dict[str, Any]:
    """Loads ONNX Runtime and lists what it can compute with.

    Raises:
        ModelError: ONNX Runtime is missing or cannot be used.
    """
    library = load()
    made = fill(library, "sgpt_options", options or Options())
    listed: dict[str, Any] = json.loads(library.text("sgpt_devices", made))
    return listed
