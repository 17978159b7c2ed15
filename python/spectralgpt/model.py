"""Models: describe, preview, predict, train."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, overload

from . import _abi, _arrays
from ._library import Handle, load, text_argument, text_arguments
from ._watch import Progress, watch
from .errors import UsageError
from .options import Options, PathLike, TrainOptions, fill

if TYPE_CHECKING:
    from ._arrays import Pixels

BUILTIN = "builtin:landcover"


class Model:
    """A model file, or a built-in one's name; use it in a `with` statement, or `close` it.

    `activation` says what the scores of another program's model still need: none, softmax,
    log_softmax or sigmoid.

    Raises:
        ModelError: the model cannot be used.
    """

    def __init__(self, path: PathLike = BUILTIN, activation: str | None = None) -> None:
        self._library = load()
        needs = activation and text_argument(activation)
        self._handle = self._library.made(
            "sgpt_model_open", "sgpt_model_free", text_argument(path), needs
        )
        self.path = path

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Frees the model; a second time does nothing."""
        self._handle.close()

    def describe(self) -> dict[str, Any]:
        """Returns all that the model says of itself (docs/manifest.schema.json)."""
        return _object(self._library.text("sgpt_model_describe", self._handle))

    def preview(
        self, scenes: PathLike | Sequence[PathLike], options: Options | None = None
    ) -> dict[str, Any]:
        """Says what `predict` would do: bands found, offset, window, chips. Loads no network.

        Raises:
            UsageError: the options do not fit.
            InputError: a raster cannot be used.
        """
        names = _files(scenes)
        made = fill(self._library, "sgpt_options", options or Options())
        return _object(
            self._library.text(
                "sgpt_preview_files", self._handle, text_arguments(names), len(names), made
            )
        )

    @overload
    def predict(
        self,
        scenes: PathLike | Sequence[PathLike],
        output: PathLike,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]: ...

    @overload
    def predict(
        self,
        scenes: Pixels | Sequence[Pixels],
        output: None = None,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Pixels]: ...

    def predict(
        self,
        scenes: Any,
        output: PathLike | None = None,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Maps rasters, one per date: files into the file `output`, arrays into arrays.

        Of files, other outputs go beside `output`; what comes back is the run's report: `outputs`,
        `seconds`, `chips`, `chips_per_second`, `provider` and more.

        Arrays hold digital numbers, (band, row, column); the options' `bands` name their bands.
        Masked pixels are invalid. Each output comes back by its name, (band, row, column). This
        needs numpy, but no GDAL.

        Raises:
            UsageError: the options do not fit, or a file exists.
            InputError: a raster cannot be used.
            ModelError: the model or ONNX Runtime cannot be used.
            StorageError: no room on disk or in memory.
            Cancelled: `progress` returned False.
        """
        if output is None:
            dates = list(scenes) if isinstance(scenes, (list, tuple)) else [scenes]
            return self._predict_arrays(dates, options, progress)
        names = _files(scenes)
        session = self._session(options)
        with watch(progress) as watcher:
            report = self._library.text(
                "sgpt_predict_files",
                session,
                text_arguments(names),
                len(names),
                text_argument(output),
                watcher,
            )
        return _object(report)

    def _predict_arrays(
        self, dates: Sequence[Any], options: Options | None, progress: Progress | None
    ) -> dict[str, Pixels]:
        inputs = [_arrays.borrowed(date) for date in dates]
        session = self._session(options)
        emits = _object(self._library.text("sgpt_session_describe", session))["outputs"]
        height, width = dates[0].shape[1:] if dates else (1, 1)
        layouts = [self._layout(session, width, height, place) for place in range(len(emits))]
        outputs = [_arrays.room(layout) for layout in layouts]
        with watch(progress) as watcher:
            self._library.text(
                "sgpt_predict_arrays",
                session,
                _arrays.in_c([array for array, _ in inputs]),
                len(inputs),
                _arrays.in_c([buffer for buffer, _ in outputs]),
                len(outputs),
                watcher,
            )
        return {emit: pixels for emit, (_, pixels) in zip(emits, outputs)}

    def train(
        self,
        scene: PathLike,
        labels: PathLike,
        output: PathLike,
        training: TrainOptions | None = None,
        options: Options | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Puts a head of your own classes on the model's encoder and writes the model `output`.

        `labels` are polygons, lines or points, or a raster of class values. Returns how good the
        new model is on parts of the scene that it did not learn from (docs/training.md).

        Raises:
            UsageError: the options do not fit the labels, or the output exists.
            InputError: the raster or the labels cannot be used, or there is too little to learn.
            ModelError: the model has no encoder that can be used.
            StorageError: no room on disk or in memory.
            Cancelled: `progress` returned False.
        """
        made = fill(self._library, "sgpt_options", options or Options())
        told = fill(self._library, "sgpt_train_options", training or TrainOptions())
        paths = [text_argument(path) for path in (scene, labels, output)]
        with watch(progress) as watcher:
            report = self._library.text("sgpt_train", self._handle, *paths, told, made, watcher)
        return _object(report)

    def _session(self, options: Options | None) -> Handle:
        made = fill(self._library, "sgpt_options", options or Options())
        return self._library.made("sgpt_session_new", "sgpt_session_free", self._handle, made)

    def _layout(self, session: Handle, width: int, height: int, place: int) -> _abi.Layout:
        layout = _abi.Layout()
        self._library.call(
            "sgpt_session_layout", session, width, height, place, ctypes.byref(layout)
        )
        return layout


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if isinstance(value, dict):
        return value
    raise UsageError(f"an object was expected from the library, '{text[:60]}' came")


def _files(scenes: PathLike | Sequence[PathLike]) -> list[PathLike]:
    """Makes a list of one file name or several."""
    if isinstance(scenes, (str, os.PathLike)):
        return [scenes]
    if all(isinstance(scene, (str, os.PathLike)) for scene in scenes):
        return list(scenes)
    raise UsageError("pixels in memory are mapped into memory; leave `output` out")
