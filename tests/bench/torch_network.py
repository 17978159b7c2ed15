"""Runs a network of ours in PyTorch: the operators of its file one by one, attention as one call.

It is what a careful user of PyTorch would have: the same arithmetic, weights in half on a GPU,
scaled_dot_product_attention, compiled as a whole.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any, Callable

import numpy as np
import onnx
import torch
import torch.nn.functional as F  # noqa: N812 (as all of PyTorch's users call it)
from numpy.typing import NDArray
from onnx import numpy_helper

Tensor = torch.Tensor
Attributes = dict[str, Any]
Operator = Callable[..., Tensor]


def reshape(x: Tensor, lengths: list[int]) -> Tensor:
    """Gives a tensor other axes; 0 keeps a length."""
    return x.reshape([length or x.shape[axis] for axis, length in enumerate(lengths)])


def resize(x: Tensor, _: None, scales: list[float], how: bytes) -> Tensor:
    """Enlarges a map bilinearly; lengths are rounded down."""
    size = [math.floor(length * scale) for length, scale in zip(x.shape[2:], scales[2:])]
    return F.interpolate(x, size=size, mode="bilinear", align_corners=how == b"align_corners")


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Normalises the last axis."""
    return F.layer_norm(x, x.shape[-1:], weight, bias, epsilon)


def expand(x: Tensor, lengths: list[int]) -> Tensor:
    """Repeats a tensor along axes of one value."""
    return x.expand(torch.broadcast_shapes(x.shape, lengths))


def depth_to_space(x: Tensor, block: int) -> Tensor:
    """Spreads groups of channels, the group the slower index, over space."""
    chips, channels, rows, columns = x.shape
    x = x.reshape(chips, block, block, channels // block**2, rows, columns)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(chips, -1, rows * block, columns * block)


def gather(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Replaces an axis by the axes of indices into it."""
    taken = x.index_select(axis, indices.flatten())
    return taken.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, pads: list[int]) -> Tensor:
    """Convolves a map, stride 1, zeros around it."""
    return F.conv2d(x, weight, bias, padding=pads[: len(pads) // 2])


# What computes an operator that has those attributes.
OPERATORS: dict[str, Callable[[Attributes], Operator]] = {
    "Add": lambda _: torch.add,
    "Sub": lambda _: torch.sub,
    "Mul": lambda _: torch.mul,
    "MatMul": lambda _: torch.matmul,
    "Gelu": lambda _: F.gelu,
    "Reshape": lambda _: reshape,
    "Transpose": lambda has: lambda x: x.permute(has["perm"]),
    "Concat": lambda has: lambda *parts: torch.cat(parts, has["axis"]),
    "Gather": lambda has: partial(gather, axis=has["axis"]),
    "LogSoftmax": lambda has: partial(torch.log_softmax, dim=has["axis"]),
    "LayerNormalization": lambda has: partial(layer_norm, epsilon=has["epsilon"]),
    "ReduceMax": lambda _: torch.amax,
    "ReduceMean": lambda has: partial(torch.mean, keepdim=bool(has.get("keepdims", 1))),
    "ReduceL2": lambda _: lambda x, axes: torch.linalg.vector_norm(x, dim=axes, keepdim=True),
    "Sqrt": lambda _: torch.sqrt,
    "Reciprocal": lambda _: torch.reciprocal,
    "Expand": lambda _: expand,
    "Conv": lambda has: partial(convolve, pads=has["pads"]),
    "MaxPool": lambda has: lambda x: F.max_pool2d(x, has["kernel_shape"], has["strides"]),
    "DepthToSpace": lambda has: partial(depth_to_space, block=has["blocksize"]),
    "Resize": lambda has: partial(resize, how=has["coordinate_transformation_mode"]),
}


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Lets tokens look at each other; the file holds keys turned and queries scaled."""
    return F.scaled_dot_product_attention(q, k.transpose(-1, -2), v, scale=1.0)


class Network(torch.nn.Module):
    """A network, its first output only."""

    def __init__(self, path: Path, dtype: torch.dtype) -> None:
        super().__init__()
        graph = onnx.load(str(path)).graph
        self.given = [value.name for value in graph.input]
        self.made = graph.output[0].name
        # Lists of numbers are arguments, larger tensors are weights.
        self.known: dict[str, Any] = {"": None}
        self.weights: dict[str, str] = {}
        for at, tensor in enumerate(graph.initializer):
            self._keep(f"weight{at}", tensor.name, numpy_helper.to_array(tensor), dtype)
        taken = [name for node in graph.node if node.op_type == "Gather" for name in node.input[1:]]
        for name in {*taken} & {*self.known}:
            self.weights[name] = f"indices{len(self.weights)}"
            self.register_buffer(self.weights[name], torch.tensor(self.known.pop(name)))
        self.steps = [self._step(node) for node in self._fused([*graph.node])]

    def _keep(self, place: str, name: str, values: NDArray[Any], dtype: torch.dtype) -> None:
        if values.dtype == np.int64 or name.startswith("scales."):
            self.known[name] = values.tolist()
            return
        self.weights[name] = place
        self.register_buffer(place, torch.from_numpy(values.copy()).to(dtype))

    @staticmethod
    def _step(node: onnx.NodeProto) -> tuple[Operator, list[str], str]:
        has = {it.name: onnx.helper.get_attribute_value(it) for it in node.attribute}
        own = attend if node.op_type == "Attend" else OPERATORS[node.op_type](has)
        return own, [*node.input], node.output[0]

    @staticmethod
    def _fused(nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
        """Makes one step of each product, softmax and product."""
        maker = {node.output[0]: node for node in nodes}
        gone: set[str] = set()
        for node in nodes:
            shares = maker.get(node.input[0]) if node.op_type == "MatMul" else None
            if shares is not None and shares.op_type == "Softmax":
                scores = maker[shares.input[0]]
                gone |= {scores.output[0], shares.output[0]}
                node.op_type = "Attend"
                node.input[:] = [*scores.input, node.input[1]]
        return [node for node in nodes if node.output[0] not in gone]

    def forward(self, *chips: Tensor) -> Tensor:
        """Computes (chip, channel, row, column), one for each date."""
        values: dict[str, Any] = {**self.known, **dict(zip(self.given, chips))}
        values |= {name: getattr(self, place) for name, place in self.weights.items()}
        for compute, names, made in self.steps:
            values[made] = compute(*[values[name] for name in names])
        result: Tensor = values[self.made]
        return result


class Session:
    """A network on the best device there is, compiled; in half on a GPU."""

    def __init__(self, model: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = torch.float16 if self.device == "cuda" else torch.float32
        network = Network(Path(model), self.dtype).to(self.device).eval()
        self.output = network.made
        self.pinned: dict[int, Tensor] = {}
        self.compiled = torch.compile(network, fullgraph=True)
        self.about = {
            "provider": f"PyTorch {torch.__version__} on {self.device}",
            "precision": "fp16" if self.device == "cuda" else "fp32",
        }

    @torch.inference_mode()
    def run(self, dates: list[NDArray[np.float32]]) -> NDArray[Any]:
        """Returns a batch's classes, (chip, 1, row, column), or features."""
        made = self.compiled(*[self._there(date, chips) for date, chips in enumerate(dates)])
        if self.output != "patch_features":
            made = made.argmax(1, keepdim=True).to(torch.uint8)
        result: NDArray[Any] = made.cpu().numpy()
        return result

    def _there(self, date: int, chips: NDArray[np.float32]) -> Tensor:
        """Brings chips to the device, through memory that it can read by itself."""
        if self.device == "cpu":
            return torch.from_numpy(chips)
        if date not in self.pinned:
            self.pinned[date] = torch.empty(chips.shape, pin_memory=True)
        pinned = self.pinned[date].copy_(torch.from_numpy(chips))
        return pinned.to(self.device, non_blocking=True).to(self.dtype)
