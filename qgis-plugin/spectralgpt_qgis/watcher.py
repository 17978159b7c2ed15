# SPDX-License-Identifier: GPL-2.0-or-later
"""Brings a run's progress and log to QGIS, and QGIS's cancel to the run."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from .texts import in_dialog_words, tr

ESTIMATE_AFTER = 3.0
MINUTE = 60.0


def cancelled() -> QgsProcessingException:
    """Makes what is raised when the user cancelled."""
    return QgsProcessingException(tr("Cancelled; nothing was written."))


class Watcher(logging.Handler):
    """Hears of progress on the calling thread; collects log lines of any thread until then."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        super().__init__(logging.INFO)
        self._feedback = feedback
        self._lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._started = time.monotonic()
        self._estimated = False

    def emit(self, record: logging.LogRecord) -> None:
        """Collects a line of the library's log."""
        self._lines.put(record)

    def __call__(self, done: int, total: int) -> bool:
        """Shows progress and log; returns False if the user cancelled."""
        self.tell()
        if total:
            self._feedback.setProgress(100 * done / total)
            self._estimate(done, total)
        return not self._feedback.isCanceled()

    def tell(self) -> None:
        """Shows the lines that were collected."""
        while not self._lines.empty():
            record = self._lines.get()
            words = in_dialog_words(record.getMessage())
            if record.levelno >= logging.WARNING:
                self._feedback.pushWarning(words)
            else:
                self._feedback.pushInfo(words)

    def _estimate(self, done: int, total: int) -> None:
        """Says once how long the run will take."""
        seconds = time.monotonic() - self._started
        if self._estimated or done == 0 or seconds < ESTIMATE_AFTER:
            return
        self._estimated = True
        minutes = seconds * (total - done) / done / MINUTE
        words = tr(
            "{done} of {total} tiles done in {seconds:.0f} s; expected: {minutes:.1f} more min"
        )
        self._feedback.pushInfo(
            words.format(done=done, total=total, seconds=seconds, minutes=minutes)
        )


class _Ears:
    """The runs that listen to the library's log; it is as loud as before when none is left."""

    lock = threading.Lock()
    runs = 0
    level = logging.NOTSET


@contextmanager
def watching(feedback: QgsProcessingFeedback) -> Iterator[Watcher]:
    """Listens to the library's log while something runs; several runs may."""
    watcher = Watcher(feedback)
    logger = logging.getLogger("spectralgpt")
    with _Ears.lock:
        if _Ears.runs == 0:
            _Ears.level = logger.level
            logger.setLevel(logging.INFO)
        _Ears.runs += 1
        logger.addHandler(watcher)
    try:
        yield watcher
    finally:
        with _Ears.lock:
            logger.removeHandler(watcher)
            _Ears.runs -= 1
            if _Ears.runs == 0:
                logger.setLevel(_Ears.level)
        watcher.tell()
