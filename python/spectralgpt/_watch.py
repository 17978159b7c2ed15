"""Progress: the library asks on the calling thread, Python answers."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Optional

from . import _abi

Progress = Callable[[int, int], Optional[bool]]
"""Hears (chips done, chips in all) at least every 100 ms; returns False to stop the run."""


@contextmanager
def watch(progress: Progress | None) -> Iterator[Any]:
    """Gives the library a watcher; what `progress` raises stops the run and is raised again.

    Without `progress` the library is still watched, so that Ctrl-C is noticed.
    """
    raised: list[BaseException] = []

    def advanced(_user_data: object, done: int, total: int) -> int:
        try:
            return int(progress is None or progress(done, total) is not False)
        except BaseException as error:  # whatever it is, it must not reach C
            raised.append(error)
            return 0

    watcher = _abi.Watch(_abi.PROGRESS(advanced), None, None)
    try:
        yield ctypes.byref(watcher)
    except BaseException:
        if raised:
            raise raised[0] from None
        raise
