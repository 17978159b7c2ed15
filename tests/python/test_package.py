"""The Python package: the header's types, the library's pixels, words and progress."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys

import numpy as np
import pytest
import support
from osgeo import gdal

sys.path.insert(0, str(support.ROOT / "python"))
import spectralgpt
from spectralgpt import Options, _abi, _library, _search

NAMES = ",".join(support.BANDS)
KINDS = {
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "double": ctypes.c_double,
    "const char*": ctypes.c_char_p,
    "sgpt_progress": _abi.PROGRESS,
    "sgpt_log": _abi.LOG,
}


def header():
    text = (support.ROOT / "include/spectralgpt.h").read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def declared(kind):
    """Returns what ctypes may call a type of C."""
    kind = re.sub(r"\s*\*\s*", "*", kind.replace("struct ", "")).strip()
    if kind in KINDS:
        return [KINDS[kind]]
    pointers = {"sgpt_array": _abi.Array, "sgpt_buffer": _abi.Buffer, "sgpt_watch": _abi.Watch}
    name = kind.replace("const ", "").rstrip("*")
    if name in pointers or name == "sgpt_layout":
        return [ctypes.POINTER(pointers.get(name, _abi.Layout))]
    if kind == "const char*const*":
        return [ctypes.POINTER(ctypes.c_char_p)]
    if kind.endswith("**"):
        return [ctypes.POINTER(ctypes.c_void_p)]
    return [ctypes.c_void_p] if kind.endswith("*") else []


def parameters(function):
    found = re.search(rf"\b{function}\(([^)]*)\);", header())
    assert found, f"{function} is not in the header"
    listed = [] if found.group(1).strip() == "void" else found.group(1).split(",")
    return [re.sub(r"\w+$", "", parameter.strip()) for parameter in listed]


def test_every_function_has_the_headers_types():
    wrong = []
    for name, kinds in _abi.FALLIBLE.items():
        wanted = [declared(kind) for kind in parameters(name)[:-1]]
        if len(wanted) != len(kinds) or any(k not in w for k, w in zip(kinds, wanted)):
            wrong.append(name)
    for name, (_, kinds) in _abi.OTHERS.items():
        wanted = [declared(kind) for kind in parameters(name)]
        if len(wanted) != len(kinds) or any(k not in w for k, w in zip(kinds, wanted)):
            wrong.append(name)
    assert not wrong
    number = re.search(r"#define SGPT_ABI_VERSION (\d+)", header())
    assert int(number.group(1)) == _abi.ABI_VERSION


@pytest.mark.parametrize("name", ["array", "buffer", "layout", "watch"])
def test_every_struct_has_the_headers_members(name):
    body = re.search(rf"typedef struct sgpt_{name} \{{(.*?)\}}", header(), re.DOTALL).group(1)
    members = [member.strip() for member in body.split(";") if member.strip()]
    names = [re.search(r"\w+$", member).group() for member in members]
    struct = getattr(_abi, name.capitalize())
    assert [field for field, _ in struct._fields_] == names
    for member, (_, kind) in zip(members, struct._fields_):
        wanted = declared(re.sub(r"\w+$", "", member)) or [ctypes.c_void_p]
        assert kind in (*wanted, ctypes.c_void_p), member


def test_arrays_get_the_programs_pixels(scene, work):
    made = work / "package.tif"
    emit = "classes,confidence"
    support.program(
        "predict", "builtin:landcover", str(scene), "-o", str(made), "--emit", emit, "--overwrite"
    )
    heard = []
    with spectralgpt.Model() as model:
        told = Options(bands=NAMES, dn_offset=-1000, emit=emit)
        progress = lambda done, total: heard.append((done, total))  # noqa: E731
        maps = model.predict(support.pixels(), options=told, progress=progress)
        report = model.predict(scene, work / "files.tif", Options(overwrite=True))
    assert heard[-1] == (4, 4)
    assert report["chips"] == 4
    assert (work / "files.tif").read_bytes() == made.read_bytes()
    assert np.array_equal(maps["classes"][0], gdal.Open(str(made)).ReadAsArray())
    confidence = gdal.Open(str(made.with_suffix(".confidence.tif"))).ReadAsArray()
    assert np.array_equal(maps["confidence"][0], confidence)
    assert len(np.unique(maps["classes"])) > 1


def test_masked_pixels_and_other_types_are_understood():
    digits = support.pixels()
    mask = np.zeros(digits.shape, bool)
    mask[3, 20:30, 40:60] = True
    told = Options(bands=NAMES, dn_offset=-1000)
    with spectralgpt.Model() as model:
        plain = model.predict(digits, options=told)["classes"]
        floats = model.predict(digits.astype("f8"), options=told)["classes"]
        masked = model.predict(np.ma.array(digits, mask=mask), options=told)["classes"]
        view = model.predict(digits[:, ::-1, ::-1], options=told)["classes"]
    assert np.array_equal(plain, floats)
    assert (masked[0, 20:30, 40:60] == 255).all()
    assert (masked == 255).sum() == 200
    assert view.shape == plain.shape


def test_what_goes_wrong_is_raised_in_words(scene, work):
    digits = support.pixels()
    told = Options(bands=NAMES, dn_offset=0)
    target = work / "no.tif"
    with spectralgpt.Model() as model:
        cases = [
            (
                spectralgpt.UsageError,
                "negative",
                lambda: model.predict(digits, None, Options(overlap=-1)),
            ),
            (spectralgpt.UsageError, "row, column", lambda: model.predict(digits[0], None, told)),
            (spectralgpt.UsageError, "leave `output` out", lambda: model.predict([digits], target)),
            (spectralgpt.InputError, "cannot open", lambda: model.predict("/no.tif", target)),
            (
                spectralgpt.InputError,
                "B02",
                lambda: model.predict(digits[:1], None, Options(bands="B01")),
            ),
            (spectralgpt.ModelError, "/no.onnx", lambda: spectralgpt.Model("/no.onnx")),
            (
                spectralgpt.UsageError,
                "'maybe'",
                lambda: model.predict(scene, target, Options(device="maybe")),
            ),
            (
                spectralgpt.UsageError,
                "the best wins",
                lambda: model.predict(scene, target, Options(threshold=[0.4, 0.5])),
            ),
            (
                spectralgpt.InputError,
                "cannot open '/first.tif'",
                lambda: model.predict(scene, target, Options(series=["/first.tif", scene])),
            ),
            (
                spectralgpt.UsageError,
                "a balance of 2 was",
                lambda: model.train(
                    scene, scene, work / "no.onnx", spectralgpt.TrainOptions(balance=2)
                ),
            ),
            (
                spectralgpt.UsageError,
                "too small",
                lambda: model.train(
                    scene, scene, work / "no.onnx", spectralgpt.TrainOptions(blocks=8)
                ),
            ),
        ]
        for kind, words, call in cases:
            with pytest.raises(kind, match=words):
                call()
    with pytest.raises(spectralgpt.UsageError, match="'model' is NULL"):
        model.describe()
    assert not target.exists()


def test_progress_stops_and_its_exceptions_come_back():
    told = Options(bands=NAMES, dn_offset=0)
    with spectralgpt.Model() as model:
        with pytest.raises(spectralgpt.Cancelled):
            model.predict(support.pixels(), None, told, lambda _done, _total: False)
        with pytest.raises(ZeroDivisionError):
            model.predict(support.pixels(), None, told, lambda _done, _total: 1 // 0)


def test_a_preview_tells_the_bands(scene):
    with spectralgpt.Model() as model:
        plan = model.preview(scene, Options(window=(10, 20, 100, 64)))
    assert [band["number"] for band in plan["inputs"][0]["bands"]] == list(range(1, 13))
    assert plan["dn_offset"] == -1000
    assert plan["window"] == {"column": 10, "row": 20, "width": 100, "height": 64}
    assert plan["chips"] == 2


def test_the_library_is_searched_in_order(tmp_path, monkeypatch):
    monkeypatch.delenv(_search.VARIABLE)
    first, second = tmp_path / "a.so", tmp_path / "b.so"
    system = _search.Path(_search.SYSTEM)
    assert _search.candidates() == [system]
    second.touch()
    assert _search.candidates(more=[first, second]) == [second, system]
    with pytest.raises(spectralgpt.LibraryError, match="no such file"):
        _search.candidates(first, [second])
    monkeypatch.setenv(_search.VARIABLE, str(first))
    with pytest.raises(spectralgpt.LibraryError, match=_search.VARIABLE):
        _search.candidates(more=[second])
    assert _search.candidates(second) == [second]
    first.touch()
    assert _search.candidates(more=[second]) == [first]


def test_what_cannot_be_used_is_passed_over_and_logged(tmp_path, monkeypatch, caplog):
    newer = tmp_path / "newer.so"
    newer.write_bytes(b"no library of today's")
    found = _library._first_usable([newer, support.LIBRARY])
    assert found.path == support.LIBRARY
    (line,) = caplog.messages
    assert "newer.so" in line and f"'{support.LIBRARY}' is used instead" in line
    with pytest.raises(spectralgpt.LibraryError, match=r"newer\.so"):
        _library._first_usable([newer, tmp_path / "none.so"])


def test_another_library_is_refused():
    with pytest.raises(spectralgpt.LibraryError, match="libm"):
        spectralgpt.Library(_search.Path("libm.so.6"))


def test_it_needs_neither_numpy_nor_qgis():
    script = (
        "import sys; sys.modules['numpy'] = sys.modules['qgis'] = sys.modules['osgeo'] = None\n"
        f"sys.path.insert(0, '{support.ROOT / 'python'}')\n"
        "import spectralgpt\n"
        "print(spectralgpt.Model().describe()['task'])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "segment"
