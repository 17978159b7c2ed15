"""Looks for the native library."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from .errors import LibraryError

VARIABLE = "SPECTRALGPT_LIBRARY"
FILE = "gdal_SpectralGPT.so"
SYSTEM = "libspectralgpt.so.0"


def wheel_file() -> Path | None:
    """Returns the library that an installed wheel `spectralgpt` holds."""
    try:
        found = importlib.util.find_spec("spectralgpt")
    except (ImportError, ValueError):
        return None
    folders = found.submodule_search_locations if found else None
    files = (Path(folder) / "native" / FILE for folder in folders or ())
    return next((file for file in files if file.is_file()), None)


def candidates(
    chosen: str | os.PathLike[str] | None = None, more: Iterable[Path] = ()
) -> list[Path]:
    """Lists the library's files, best first: a wheel's, those of `more`, the system's.

    If somebody named one, it is the only one: `chosen`, else the environment's. A name without a
    folder is the loader's to find, and so is the system's library.

    Raises:
        LibraryError: what somebody named is no file.
    """
    named = [("the settings name", chosen), (f"{VARIABLE} names", os.environ.get(VARIABLE))]
    for who, name in named:
        if not name:
            continue
        path = Path(name)
        if path.is_file() or path.parent == Path():
            return [path]
        raise LibraryError(f"{who} '{path}' as the native library, but there is no such file")
    files = [file for file in (wheel_file(), *more) if file and file.is_file()]
    return [*files, Path(SYSTEM)]


def platform_name() -> str:
    """Names this machine's kind as release bundles do, for example linux-x86_64."""
    machine = os.uname().machine if hasattr(os, "uname") else "unknown"
    return f"{sys.platform}-{machine}"
