"""SpectralGPT on whole Sentinel-2 scenes, from Python: a thin face of the native library.

    from spectralgpt import Model, Options

    with Model("builtin:landcover") as model:
        model.predict("scene.tif", "map.tif", Options(dn_offset=-1000))
        maps = model.predict(pixels, options=Options(bands="B01,B02,...", dn_offset=0))

The library's log goes to Python's logger "spectralgpt". numpy is needed for arrays alone.
"""

from ._library import Library, load
from ._search import candidates, platform_name
from ._watch import Progress
from .errors import (
    Cancelled,
    DefectError,
    Error,
    InputError,
    LibraryError,
    ModelError,
    StorageError,
    UsageError,
)
from .model import BUILTIN, Model
from .options import ConvertOptions, Options, TrainOptions
from .tools import convert, devices, register_gdal, write_live, write_stack

__all__ = [
    "BUILTIN",
    "Cancelled",
    "ConvertOptions",
    "DefectError",
    "Error",
    "InputError",
    "Library",
    "LibraryError",
    "Model",
    "ModelError",
    "Options",
    "Progress",
    "StorageError",
    "TrainOptions",
    "UsageError",
    "candidates",
    "convert",
    "devices",
    "load",
    "platform_name",
    "register_gdal",
    "write_live",
    "write_stack",
]
