"""What runs, conversions and trainings are told; `None` leaves the library's default."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any, Optional, Union

from ._library import Handle, Library, text_argument
from .errors import UsageError

PathLike = Union[str, "os.PathLike[str]"]
Names = Union[str, Sequence[str]]
Classes = Union[str, Sequence["dict[str, str]"]]


@dataclasses.dataclass(frozen=True)
class Options:
    """How to run a model.

    `emit` names outputs (classes, scores, confidence, ...); `window` is (column, row, width,
    height) in pixels; `bbox` is (x0, y0, x1, y1) in `bbox_crs`, by default the raster's own;
    `aoi` is a file of polygons. `memory` is in bytes, `overlap` in pixels. `dn_offset` is added to
    digital numbers, -1000 for Sentinel-2 products since baseline 04.00. `mask` is "scl" (clouds and
    shadows of a level-2A product), "none", or a raster that is 0 where pixels become nodata;
    `resolution` is "model" or "source". `series` are the dates of a time series, each predicted by
    itself on the first one's grid. `threshold` is the score from which on a multilabel model's
    label is there, one for all or one each.
    """

    emit: Optional[Names] = None
    window: Optional[tuple[int, int, int, int]] = None
    bbox: Optional[tuple[float, float, float, float]] = None
    bbox_crs: Optional[str] = None
    aoi: Optional[PathLike] = None
    overlap: Optional[int] = None
    bands: Optional[Names] = None
    nodata: Optional[float] = None
    dn_offset: Optional[float] = None
    mask: Optional[PathLike] = None
    resolution: Optional[str] = None
    series: Sequence[PathLike] = ()
    threshold: Union[float, Sequence[float], None] = None
    batch: Optional[int] = None
    threads: Optional[int] = None
    memory: Optional[int] = None
    device: Optional[str] = None
    provider: Optional[str] = None
    precision: Optional[str] = None
    onnxruntime: Optional[PathLike] = None
    format: Optional[str] = None
    creation: Sequence[str] = ()
    resume: Optional[bool] = None
    overwrite: Optional[bool] = None


@dataclasses.dataclass(frozen=True)
class ConvertOptions:
    """How to convert a checkpoint; what is left out is found in the weights or assumed.

    `classes` are `{"name": ..., "colour": "#rrggbb"}` in score order, or such a list as JSON.
    """

    task: Optional[str] = None
    profile: Optional[str] = None
    bands: Optional[Names] = None
    classes: Optional[Classes] = None
    image_size: Optional[int] = None
    heads: Optional[int] = None
    decoder_heads: Optional[int] = None
    weights: Optional[str] = None
    portable: Optional[bool] = None
    stac: Optional[bool] = None


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """How to train a head; `field` names the labels' field, `None`: the labels are a raster.

    `classes` are `{"label": ..., "name": ..., "colour": "#rrggbb"}`, or such a list as JSON;
    `blocks` is in pixels. `balance` lifts rare classes, from 0 to 1.
    """

    field: Optional[str] = None
    classes: Optional[Classes] = None
    head: Optional[str] = None
    layer: Optional[str] = None
    balance: Optional[float] = None
    blocks: Optional[int] = None
    folds: Optional[int] = None
    seed: Optional[int] = None
    cache: Optional[PathLike] = None


def fill(library: Library, prefix: str, options: Options | ConvertOptions | TrainOptions) -> Handle:
    """Makes the library's object of such options; `prefix` names its functions.

    Raises:
        UsageError: a value is not one that the library takes.
    """
    handle = library.made(f"{prefix}_new", f"{prefix}_free")
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if field.name in ("creation", "series"):
            for one in value:
                library.call(f"{prefix}_add_{field.name}", handle, text_argument(one))
        elif field.name == "bbox" and value is not None:
            srs = options.bbox_crs if isinstance(options, Options) else None
            library.call(f"{prefix}_set_bbox", handle, *value, srs and text_argument(srs))
        elif value is not None and field.name != "bbox_crs":
            library.call(f"{prefix}_set_{field.name}", handle, *_arguments(field.name, value))
    return handle


def _arguments(name: str, value: Any) -> tuple[Any, ...]:
    """Turns a value into arguments of C."""
    if name == "classes":
        return ((value if isinstance(value, str) else json.dumps(value)).encode(),)
    if name == "threshold":
        numbers = value if isinstance(value, (list, tuple)) else (value,)
        return (text_argument(",".join(str(float(number)) for number in numbers)),)
    if name in ("emit", "bands"):
        names = value if isinstance(value, str) else ",".join(value)
        return (text_argument(names),)
    if isinstance(value, (str, os.PathLike)):
        return (text_argument(value),)
    numbers = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if name not in ("nodata", "dn_offset") and any(number < 0 for number in numbers):
        raise UsageError(f"{name} is {value}, but cannot be negative")
    return numbers
