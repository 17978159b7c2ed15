"""The C ABI that this package speaks: include/spectralgpt.h, as ctypes needs it."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

ABI_VERSION = 1

LOG_OFF, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG = range(5)
SAMPLE_U8, SAMPLE_U16, SAMPLE_F32 = 1, 2, 3

PROGRESS = ctypes.CFUNCTYPE(c_int32, c_void_p, c_size_t, c_size_t)
LOG = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_char_p)


class Watch(ctypes.Structure):
    """`sgpt_watch`."""

    _fields_ = [("progress", PROGRESS), ("user_data", c_void_p), ("cancel", c_void_p)]


class Array(ctypes.Structure):
    """`sgpt_array`."""

    _fields_ = [
        ("samples", c_void_p),
        ("samples_len", c_size_t),
        ("sample_type", c_int32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("bands", c_size_t),
        ("band_stride", c_size_t),
        ("row_stride", c_size_t),
        ("column_stride", c_size_t),
        ("valid", c_void_p),
        ("valid_len", c_size_t),
        ("band_names", c_char_p),
    ]


class Buffer(ctypes.Structure):
    """`sgpt_buffer`."""

    _fields_ = [
        ("samples", c_void_p),
        ("samples_len", c_size_t),
        ("sample_type", c_int32),
        ("band_stride", c_size_t),
        ("row_stride", c_size_t),
        ("column_stride", c_size_t),
    ]


class Layout(ctypes.Structure):
    """`sgpt_layout`."""

    _fields_ = [
        ("width", c_uint32),
        ("height", c_uint32),
        ("bands", c_size_t),
        ("sample_type", c_int32),
        ("has_nodata", c_int32),
        ("nodata", c_double),
    ]


_HANDLE_OUT = POINTER(c_void_p)
_TEXTS = POINTER(c_char_p)


def _setters(prefix: str, kinds: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Lists functions that change options: the object, then what they are given."""
    return {f"{prefix}_{name}": (c_void_p, *_tuple(kind)) for name, kind in kinds.items()}


def _tuple(kind: Any) -> tuple[Any, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


FALLIBLE: dict[str, tuple[Any, ...]] = {
    "sgpt_convert": (c_char_p, c_char_p, c_void_p, _HANDLE_OUT),
    "sgpt_devices": (c_void_p, _HANDLE_OUT),
    "sgpt_gdal_register": (c_char_p,),
    "sgpt_live_vrt": (c_char_p, _TEXTS, c_size_t, c_char_p, c_char_p, c_void_p),
    "sgpt_log_set": (c_int32, LOG, c_void_p),
    "sgpt_model_open": (c_char_p, c_char_p, _HANDLE_OUT),
    "sgpt_model_describe": (c_void_p, _HANDLE_OUT),
    "sgpt_predict_arrays": (
        c_void_p,
        POINTER(Array),
        c_size_t,
        POINTER(Buffer),
        c_size_t,
        POINTER(Watch),
        _HANDLE_OUT,
    ),
    "sgpt_predict_files": (c_void_p, _TEXTS, c_size_t, c_char_p, POINTER(Watch), _HANDLE_OUT),
    "sgpt_preview_files": (c_void_p, _TEXTS, c_size_t, c_void_p, _HANDLE_OUT),
    "sgpt_session_new": (c_void_p, c_void_p, _HANDLE_OUT),
    "sgpt_session_describe": (c_void_p, _HANDLE_OUT),
    "sgpt_session_layout": (c_void_p, c_uint32, c_uint32, c_size_t, POINTER(Layout)),
    "sgpt_stack_vrt": (c_char_p, c_char_p, c_void_p),
    "sgpt_train": (
        c_void_p,
        c_char_p,
        c_char_p,
        c_char_p,
        c_void_p,
        c_void_p,
        POINTER(Watch),
        _HANDLE_OUT,
    ),
    "sgpt_options_new": (_HANDLE_OUT,),
    "sgpt_convert_options_new": (_HANDLE_OUT,),
    "sgpt_train_options_new": (_HANDLE_OUT,),
    "sgpt_options_add_creation": (c_void_p, c_char_p),
    "sgpt_options_add_series": (c_void_p, c_char_p),
    **_setters(
        "sgpt_options_set",
        {
            "emit": c_char_p,
            "window": (c_uint32, c_uint32, c_uint32, c_uint32),
            "bbox": (c_double, c_double, c_double, c_double, c_char_p),
            "aoi": c_char_p,
            "overlap": c_uint32,
            "bands": c_char_p,
            "nodata": c_double,
            "dn_offset": c_double,
            "mask": c_char_p,
            "resolution": c_char_p,
            "threshold": c_char_p,
            "batch": c_size_t,
            "threads": c_size_t,
            "memory": c_uint64,
            "device": c_char_p,
            "provider": c_char_p,
            "precision": c_char_p,
            "onnxruntime": c_char_p,
            "format": c_char_p,
            "resume": c_int32,
            "overwrite": c_int32,
        },
    ),
    **_setters(
        "sgpt_convert_options_set",
        {
            "task": c_char_p,
            "profile": c_char_p,
            "bands": c_char_p,
            "classes": c_char_p,
            "image_size": c_uint32,
            "heads": c_uint32,
            "decoder_heads": c_uint32,
            "weights": c_char_p,
            "portable": c_int32,
            "stac": c_int32,
        },
    ),
    **_setters(
        "sgpt_train_options_set",
        {
            "field": c_char_p,
            "classes": c_char_p,
            "head": c_char_p,
            "layer": c_char_p,
            "balance": c_double,
            "blocks": c_uint32,
            "folds": c_uint32,
            "seed": c_uint64,
            "cache": c_char_p,
        },
    ),
}
"""Functions that return a status; each also takes `error_out`, last."""

OTHERS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "sgpt_abi_version": (c_uint32, ()),
    "sgpt_version": (c_char_p, ()),
    "sgpt_error_status": (c_int32, (c_void_p,)),
    "sgpt_error_message": (c_char_p, (c_void_p,)),
    "sgpt_error_free": (None, (c_void_p,)),
    "sgpt_text_free": (None, (c_void_p,)),
    "sgpt_model_free": (None, (c_void_p,)),
    "sgpt_session_free": (None, (c_void_p,)),
    "sgpt_options_free": (None, (c_void_p,)),
    "sgpt_convert_options_free": (None, (c_void_p,)),
    "sgpt_train_options_free": (None, (c_void_p,)),
}
"""Functions that cannot fail: what they return, what they take."""


def declare(dll: ctypes.CDLL) -> None:
    """Tells ctypes the type of every function used here."""
    for name, arguments in FALLIBLE.items():
        function = getattr(dll, name)
        function.restype, function.argtypes = c_int32, [*arguments, _HANDLE_OUT]
    for name, (returns, arguments) in OTHERS.items():
        function = getattr(dll, name)
        function.restype, function.argtypes = returns, list(arguments)
