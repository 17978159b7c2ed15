#!/usr/bin/env python3
"""An ordinary Python pipeline, to be measured against: rasterio windows, numpy, onnxruntime.

    peer.py MODEL OUTPUT INPUT... [--bf16 | --torch] [--threads N] [--overlap PX] [--batch N]

Chips are read window by window, scaled to 0..1 by their own minimum and maximum per band, inferred,
cropped by half the overlap and written. There is an input for each date. It answers as `spectralgpt
serve` does: a line of JSON when it is ready, then one for each line on standard input.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from contextlib import ExitStack
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

SIDE = 128
SEGMUNICH = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"]
ALL = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"]

Array = NDArray[np.float32]


class Session:
    """A model that onnxruntime runs: its own way, or by OpenVINO in bf16."""

    def __init__(self, model: str, threads: int, bf16: bool) -> None:
        import onnxruntime

        self.session = session(model, threads, bf16)
        self.output = self.session.get_outputs()[0].name
        self.names = [given.name for given in self.session.get_inputs()]
        self.about = {
            "provider": self.session.get_providers()[0],
            "precision": "bf16" if bf16 else "fp32",
            "onnxruntime": onnxruntime.__version__,
        }

    def run(self, dates: list[Array]) -> Array:
        """Returns a batch's scores or features, (chip, channel, row, column)."""
        made: Array = self.session.run(None, dict(zip(self.names, dates)))[0]
        return made


def session(model: str, threads: int, bf16: bool) -> Any:
    """Opens the model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    if not bf16:
        return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
    openvino = {
        "device_type": "CPU",
        "num_of_threads": str(threads),
        "load_config": json.dumps({"CPU": {"INFERENCE_PRECISION_HINT": "bf16"}}),
    }
    providers = [("OpenVINOExecutionProvider", openvino)]
    opened = onnxruntime.InferenceSession(model, options, providers)
    if opened.get_providers()[0] != providers[0][0]:
        sys.exit("peer.py: onnxruntime has left OpenVINO out; its words are above")
    return opened


def starts(length: int, step: int) -> list[int]:
    """Lists where chips begin; the last one ends at the raster's edge."""
    last = max(length - SIDE, 0)
    return [*range(0, last, step), last]


def scaled(pixels: NDArray[Any], segment: bool) -> Array:
    """Adds the bands' mean twice for a segmentation model, and scales each channel to 0..1."""
    chip = pixels.astype(np.float32)
    if segment:
        mean = chip.mean(0, keepdims=True)
        chip = np.concatenate([chip, mean, mean])
    low = chip.min((1, 2), keepdims=True)
    span = chip.max((1, 2), keepdims=True) - low
    return np.divide(chip - low, span, out=np.zeros_like(chip), where=span > 0)


class Pipeline:
    """The pipeline, its model loaded."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        if arguments.torch:
            from torch_network import Session as TorchSession

            self.session: Any = TorchSession(arguments.model, arguments.threads)
        else:
            self.session = Session(arguments.model, arguments.threads, arguments.bf16)
        self.decides = self.session.output != "patch_features"
        self.segment = self.session.output == "logits"
        self.unit = 1 if self.decides else 8
        if arguments.torch:
            self.run()  # compiles

    def run(self) -> dict[str, float]:
        """Predicts the rasters into the output; says how long each part took."""
        spent = dict.fromkeys(("reading", "normalising", "inferring", "writing"), 0.0)
        overlap, size = self.arguments.overlap, self.arguments.batch
        crop, step = overlap // 2, SIDE - overlap
        names = SEGMUNICH if self.segment else ALL
        with ExitStack() as stack:
            sources = [stack.enter_context(rasterio.open(it)) for it in self.arguments.input]
            bands = [sources[0].descriptions.index(name) + 1 for name in names]
            height, width = (length // self.unit for length in sources[0].shape)
            map_: NDArray[Any] = np.zeros((1 if self.decides else 768, height, width), self.dtype())
            rows, cols = (starts(length, step) for length in sources[0].shape)
            places = [(row, col) for row in rows for col in cols]
            # The last batch is filled up: what is compiled is for one size.
            dates = [np.zeros((size, 12, SIDE, SIDE), np.float32) for _ in sources]
            for first in range(0, len(places), size):
                batch = places[first : first + size]
                for source, chips in zip(sources, dates):
                    for chip, (row, col) in zip(chips, batch):
                        began = time.perf_counter()
                        pixels = source.read(bands, window=Window(col, row, SIDE, SIDE))
                        read = time.perf_counter()
                        chip[:] = scaled(pixels, self.segment)
                        spent["reading"] += read - began
                        spent["normalising"] += time.perf_counter() - read
                began = time.perf_counter()
                made = self.session.run(dates)
                spent["inferring"] += time.perf_counter() - began
                for scores, place in zip(made, batch):
                    self.put(map_, self.pixels(scores), place, crop)
            began = time.perf_counter()
            self.write(map_, sources[0])
            spent["writing"] = time.perf_counter() - began
        return {**spent, "chips": len(places)}

    def pixels(self, made: NDArray[Any]) -> NDArray[Any]:
        """Decides a chip, if that is still to be done."""
        if not self.decides or len(made) == 1:
            return made
        return made.argmax(0, keepdims=True).astype(np.uint8)

    def dtype(self) -> type:
        """The map's type."""
        return np.uint8 if self.decides else np.float32

    def put(
        self, map_: NDArray[Any], result: NDArray[Any], place: tuple[int, int], crop: int
    ) -> None:
        """Puts a chip's middle into the map; at the raster's edge, all up to it."""
        side, crop = result.shape[-1], crop // self.unit
        row, col = (at // self.unit for at in place)
        top, left = (crop if at else 0 for at in (row, col))
        height, width = map_.shape[1:]
        bottom = side if row + side >= height else side - crop
        right = side if col + side >= width else side - crop
        map_[:, row + top : row + bottom, col + left : col + right] = result[
            :, top : min(bottom, height - row), left : min(right, width - col)
        ]

    def write(self, map_: NDArray[Any], source: Any) -> None:
        """Writes the map where the raster lies."""
        profile = {
            "driver": "GTiff",
            "count": map_.shape[0],
            "height": map_.shape[1],
            "width": map_.shape[2],
            "dtype": map_.dtype,
            "crs": source.crs,
            "transform": source.transform * source.transform.scale(self.unit, self.unit),
            "compress": "deflate",
            "tiled": True,
        }
        with rasterio.open(self.arguments.output, "w", **profile) as sink:
            sink.write(map_)


def main() -> None:
    """Answers lines until there are no more."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "output"):
        parser.add_argument(name)
    parser.add_argument("input", nargs="+")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--bf16", action="store_true")
    way.add_argument("--torch", action="store_true")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--overlap", type=int, default=32)
    parser.add_argument("--batch", type=int, default=1)
    pipeline = Pipeline(parser.parse_args())
    print(json.dumps(pipeline.session.about), flush=True)
    for _ in sys.stdin:
        began, used = time.perf_counter(), time.process_time()
        turn = pipeline.run()
        turn["wall"] = time.perf_counter() - began
        turn["cpu"] = time.process_time() - used
        turn["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(turn), flush=True)


if __name__ == "__main__":
    main()
