"""The loaded library: calls that raise, texts and objects that free themselves."""

from __future__ import annotations

import atexit
import ctypes
import logging
import os
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import _abi
from ._search import SYSTEM, candidates
from .errors import KINDS, Error, LibraryError

LOGGER = logging.getLogger("spectralgpt")
_LEVELS = {
    _abi.LOG_ERROR: logging.ERROR,
    _abi.LOG_WARNING: logging.WARNING,
    _abi.LOG_INFO: logging.INFO,
    _abi.LOG_DEBUG: logging.DEBUG,
}


class Handle:
    """An object of the library's; it is freed with this one, or by `close`."""

    def __init__(self, library: Library, address: int | None, free: str) -> None:
        self._as_parameter_ = address
        self._free = weakref.finalize(self, getattr(library.dll, free), address)

    def close(self) -> None:
        """Frees the object; a second time does nothing."""
        self._free()
        self._as_parameter_ = None

    @property
    def closed(self) -> bool:
        """Tells whether the object is freed."""
        return self._as_parameter_ is None


class Library:
    """The native library, loaded from `path`.

    Raises:
        LibraryError: it cannot be loaded, or speaks another ABI.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.dll = ctypes.CDLL(str(path))
            number = int(self.dll.sgpt_abi_version())
        except (OSError, AttributeError) as error:
            raise LibraryError(_unusable(path, error)) from error
        if number != _abi.ABI_VERSION:
            raise LibraryError(
                f"'{path}' speaks version {number} of the interface, this Python package "
                f"{_abi.ABI_VERSION}; install a library and a package of one release"
            )
        try:
            _abi.declare(self.dll)
        except AttributeError as error:
            raise LibraryError(f"'{path}' is older than this Python package: {error}") from error
        self.path = path
        self.version: str = self.dll.sgpt_version().decode()
        self._log = _abi.LOG(_tell)
        self.call("sgpt_log_set", _abi.LOG_INFO, self._log, None)
        # Threads of the library must not call into an interpreter that is gone.
        atexit.register(self.call, "sgpt_log_set", _abi.LOG_OFF, _abi.LOG(0), None)

    def call(self, name: str, *arguments: Any) -> None:
        """Calls a function that returns a status.

        Raises:
            Error: of the status's kind, with the library's words.
        """
        error = ctypes.c_void_p()
        status = getattr(self.dll, name)(*arguments, ctypes.byref(error))
        if status == 0:
            return
        message = self.dll.sgpt_error_message(error).decode("utf-8", "replace")
        self.dll.sgpt_error_free(error)
        raise KINDS.get(status, Error)(message)

    def text(self, name: str, *arguments: Any) -> str:
        """Calls a function whose last output is a text, and takes it."""
        out = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(out))
        try:
            return ctypes.string_at(out.value or 0).decode()
        finally:
            self.dll.sgpt_text_free(out)

    def made(self, name: str, free: str, *arguments: Any) -> Handle:
        """Calls a function whose last output is an object, and owns it."""
        out = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(out))
        return Handle(self, out.value, free)


def _unusable(path: Path, error: Exception) -> str:
    if str(path) == SYSTEM:
        return (
            "the native library of SpectralGPT is not installed: set SPECTRALGPT_LIBRARY to its "
            f"file, or install it where the system looks ({error})"
        )
    return f"the native library cannot be loaded from '{path}': {error}"


def _first_usable(files: list[Path]) -> Library:
    """Loads the first that can be; what is passed over is logged.

    Raises:
        LibraryError: none can; the words are about the first.
    """
    first: LibraryError | None = None
    for file in files:
        try:
            library = Library(file)
        except LibraryError as error:
            first = first or error
        else:
            if first:
                LOGGER.warning("%s; '%s' is used instead", first, file)
            return library
    raise first or LibraryError("no native library was named")


def _tell(_user_data: object, level: int, message: bytes) -> None:
    LOGGER.log(_LEVELS.get(level, logging.INFO), "%s", message.decode("utf-8", "replace"))


class _Process:
    """What this process has loaded."""

    lock = threading.Lock()
    library: Library | None = None


def load(chosen: str | os.PathLike[str] | None = None, more: Iterable[Path] = ()) -> Library:
    """Loads the library once per process and returns it; the arguments are those of `candidates`.

    Raises:
        LibraryError: there is none, it cannot be used, or another file is loaded already.
    """
    with _Process.lock:
        loaded = _Process.library
        if loaded is None:
            loaded = _Process.library = _first_usable(candidates(chosen, more))
        elif chosen and Path(chosen) != loaded.path:
            raise LibraryError(
                f"this process has loaded '{loaded.path}' already; start it anew to use '{chosen}'"
            )
        return loaded


def text_argument(value: str | os.PathLike[str]) -> bytes:
    """Encodes a path or a text for the library."""
    return os.fsencode(value)


def text_arguments(values: Iterable[str | os.PathLike[str]]) -> ctypes.Array[ctypes.c_char_p]:
    """Encodes a list of texts for the library."""
    encoded = [text_argument(value) for value in values]
    return (ctypes.c_char_p * len(encoded))(*encoded)
