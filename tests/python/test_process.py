"""`qgis_process`: every algorithm, with the program's bytes; failure; Ctrl-C; no library."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
import support
from osgeo import gdal

IDS = (
    "segment",
    "classify_scenes",
    "classify_multilabel",
    "detect_changes",
    "extract_embeddings",
    "reconstruct",
    "find_similar",
    "prepare_sentinel2",
    "train_model",
    "create_live_layer",
    "convert_checkpoint",
    "describe_model",
    "check_installation",
    "install_native_library",
)


def done(process, name, *arguments, **options):
    """Runs an algorithm that must succeed and returns its results."""
    run = process("run", f"spectralgpt:{name}", "--", *arguments, **options)
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    return json.loads(run.stdout)


def refused(process, name, words, *arguments, **options):
    """Runs an algorithm that must fail with those words and nothing on standard output."""
    run = process("run", f"spectralgpt:{name}", "--", *arguments, **options)
    assert run.returncode == 1, run.stderr
    assert run.stdout.strip() == ""
    assert words in run.stderr
    assert "Traceback" not in run.stderr


def programs(folder, model, scenes, *options):
    """Predicts with the program and returns the file."""
    made = folder / "program.tif"
    support.program("predict", str(model), *map(str, scenes), "-o", str(made), *options)
    return made


@pytest.mark.parametrize(
    ("name", "model", "scenes", "emit", "extra"),
    [
        ("segment", "", ["INPUT"], {"OUTPUT": "classes", "CONFIDENCE": "confidence"}, ()),
        ("segment", "segment", ["INPUT"], {"OUTPUT": "classes", "SCORES": "scores"}, ()),
        ("classify_scenes", "classify", ["INPUT"], {"OUTPUT": "classes"}, ()),
        (
            "classify_multilabel",
            "multilabel",
            ["INPUT"],
            {"OUTPUT": "classes", "SCORES": "scores"},
            (),
        ),
        ("detect_changes", "change", ["BEFORE", "AFTER"], {"OUTPUT": "classes"}, ()),
        ("extract_embeddings", "embed", ["INPUT"], {"OUTPUT": "features"}, ()),
        ("extract_embeddings", "embed", ["INPUT"], {"OUTPUT": "chip-features"}, ("LEVEL=tile",)),
        (
            "reconstruct",
            "reconstruct",
            ["INPUT"],
            {"OUTPUT": "reconstruction", "ANOMALY": "anomaly"},
            (),
        ),
    ],
)
def test_maps_are_the_programs(
    process, scene, after, models, tmp_path, name, model, scenes, emit, extra
):
    files = {parameter: tmp_path / f"{parameter}.tif" for parameter in emit}
    inputs = [scene, after][: len(scenes)]
    path = models[model] if model else "builtin:landcover"
    given = [f"{key}={file}" for key, file in zip(scenes, inputs)]
    outputs = [f"{key}={file}" for key, file in files.items()]
    arguments = [*given, *outputs, *extra, *([f"MODEL={path}"] if model else [])]
    results = done(process, name, *arguments)["results"]
    assert results == {key: str(file) for key, file in files.items()}
    words = ",".join(emit.values())
    theirs = programs(tmp_path, path, inputs, "--emit", words)
    for place, (parameter, word) in enumerate(emit.items()):
        file = theirs if place == 0 else theirs.with_suffix(f".{word}.tif")
        assert files[parameter].read_bytes() == file.read_bytes(), parameter
        assert Path(f"{files[parameter]}.aux.xml").exists()


def test_parts_and_options_are_the_programs(process, scene, labels, tmp_path):
    corners = (600_300, 5_399_000, 601_500, 5_399_900)
    told = ["OVERLAP=16", "BATCH=2", "THREADS=1", "MEMORY=2048", "DEVICE=cpu", "DN_OFFSET=0"]
    theirs = ["--overlap", "16", "--batch", "2", "-j", "1", "--device", "cpu", "--dn-offset", "0"]
    x0, y0, x1, y1 = corners
    extent = f"EXTENT={x0},{x1},{y0},{y1} [EPSG:32633]"
    one, two = tmp_path / "extent.tif", tmp_path / "mask.tif"
    done(process, "segment", f"INPUT={scene}", extent, f"OUTPUT={one}", *told)
    box = ",".join(map(str, corners))
    file = programs(tmp_path, "builtin:landcover", [scene], "--bbox", box, *theirs)
    assert one.read_bytes() == file.read_bytes()
    done(process, "segment", f"INPUT={scene}", f"MASK={labels}", f"OUTPUT={two}")
    file.unlink()
    programs(tmp_path, "builtin:landcover", [scene], "--aoi", str(labels), "--overwrite")
    assert two.read_bytes() == file.read_bytes()
    both = [extent, f"MASK={labels}"]
    refused(process, "segment", "one of them", f"INPUT={scene}", *both, f"OUTPUT={two}")


def test_areas_and_polygons_are_of_the_map(process, scene, tmp_path):
    table, shapes, made = (tmp_path / name for name in ("areas.csv", "shapes.gpkg", "map.tif"))
    outputs = [f"OUTPUT={made}", f"AREAS={table}", f"POLYGONS={shapes}"]
    done(process, "segment", f"INPUT={scene}", *outputs)
    pixels = gdal.Open(str(made)).ReadAsArray()
    rows = support.features(table)
    counted = {int(row["value"]): (int(row["pixels"]), float(row["hectares"])) for row, _ in rows}
    assert set(counted) == set(range(7))
    for value, (count, hectares) in counted.items():
        assert count == (pixels == value).sum()
        assert hectares == pytest.approx(count / 100)
    area = {}
    for shape, square_metres in support.features(shapes):
        area[shape["value"]] = area.get(shape["value"], 0) + square_metres / 10_000
        assert shape["class"]
    assert area == {
        value: pytest.approx(hectares) for value, (_, hectares) in counted.items() if hectares
    }


def test_a_model_is_trained_and_used(process, scene, labels, tmp_path):
    model, page = tmp_path / "mine.onnx", tmp_path / "report.html"
    arguments = [f"INPUT={scene}", f"LABELS={labels}", "FIELD=cover", "FOLDS=2", "HEAD=logistic"]
    outputs = [f"OUTPUT={model}", f"REPORT={page}"]
    results = done(process, "train_model", *arguments, *outputs)["results"]
    theirs = tmp_path / "program" / model.name  # the name is in the file
    theirs.parent.mkdir()
    options = ["--field", "cover", "--folds", "2", "--head", "logistic"]
    support.program(
        "train", "builtin:landcover", str(scene), str(labels), "-o", str(theirs), *options
    )
    assert model.read_bytes() == theirs.read_bytes()
    assert results["ACCURACY"] > 0.9
    assert "<table" in page.read_text()
    described = done(process, "describe_model", f"MODEL={model}", f"INPUT={scene}")["results"]
    assert (described["TASK"], described["CLASSES"]) == ("segment", 3)
    done(process, "segment", f"INPUT={scene}", f"MODEL={model}", f"OUTPUT={tmp_path / 'map.tif'}")
    bare = [f"INPUT={scene}", f"OUTPUT={model}"]
    refused(process, "train_model", "either labels or a label raster", *bare)
    refused(process, "train_model", "Choose the field", *bare, f"LABELS={labels}")


def test_similar_places_are_found(process, scene, tmp_path):
    features, alike = tmp_path / "features.tif", tmp_path / "alike.tif"
    done(process, "extract_embeddings", f"INPUT={scene}", f"OUTPUT={features}")
    shapes = support.point(tmp_path / "point.geojson", 600_320, 5_399_760)
    done(process, "find_similar", f"INPUT={features}", f"EXAMPLES={shapes}", f"OUTPUT={alike}")
    embeddings = gdal.Open(str(features)).ReadAsArray().astype("f8")
    similarity = gdal.Open(str(alike)).ReadAsArray()
    wanted = embeddings[:, 3, 4]
    lengths = (embeddings**2).sum(axis=0) ** 0.5
    expected = (embeddings * wanted[:, None, None]).sum(axis=0) / lengths / lengths[3, 4]
    assert abs(similarity - expected).max() < 1e-6
    assert similarity.max() == similarity[3, 4] == pytest.approx(1)
    away = support.point(tmp_path / "away.geojson", 700_000, 5_399_760)
    arguments = [f"INPUT={features}", f"EXAMPLES={away}", f"OUTPUT={tmp_path / 'no.tif'}"]
    refused(process, "find_similar", "No example lies", *arguments)
    assert not (tmp_path / "no.tif").exists()


def test_a_live_layer_is_the_map(process, scene, tmp_path):
    live, copy = tmp_path / "live.vrt", tmp_path / "copy.tif"
    results = done(process, "create_live_layer", f"INPUT={scene}", f"OUTPUT={live}")["results"]
    assert results == {"OUTPUT": str(live)}
    # In another process, as when a project is opened again: QGIS reads it and writes what it sees.
    arguments = [f"INPUT={live}", "BAND=1", "FILL_VALUE=255", f"OUTPUT={copy}"]
    run = process("run", "native:fillnodata", "--", *arguments)
    assert run.returncode == 0, run.stderr
    theirs = gdal.Open(str(programs(tmp_path, "builtin:landcover", [scene]))).ReadAsArray()
    assert len(set(theirs.ravel())) > 1
    assert (gdal.Open(str(copy)).ReadAsArray() == theirs).all()
    for output, words in ((copy, "ends in .vrt"), ("TEMPORARY_OUTPUT", "lost when QGIS closes")):
        refused(process, "create_live_layer", words, f"INPUT={scene}", f"OUTPUT={output}")


def test_checkpoints_are_converted(process, checkpoints, models, tmp_path):
    model = tmp_path / "segment.onnx"
    arguments = [f"CHECKPOINT={checkpoints['segment']}", f"OUTPUT={model}"]
    results = done(process, "convert_checkpoint", *arguments)["results"]
    assert results == {"OUTPUT": str(model), "FOUND_TASK": "segment"}
    assert model.read_bytes() == models["segment"].read_bytes()
    more = ["PROFILE=pretrain", "HALF=true", "PORTABLE=true", "STAC=true", "TASK=segment"]
    done(process, "convert_checkpoint", *arguments, *more)
    assert model.stat().st_size < 0.6 * models["segment"].stat().st_size
    assert model.with_suffix(".stac.json").exists()
    refused(process, "convert_checkpoint", "holds a segmentation", *arguments, "TASK=classify")


def test_the_installation_is_checked(process):
    run = process("run", "spectralgpt:check_installation", json=False)
    assert run.returncode == 0, run.stderr
    for words in ("Native library", "ONNX Runtime", "Computes here: CPU", "was mapped in"):
        assert words in run.stdout


@pytest.mark.parametrize(
    ("name", "words", "arguments"),
    [
        ("segment", "no.tif", ["INPUT=/no.tif"]),
        ("segment", "is a model for the task 'change'", ["INPUT={scene}", "MODEL={change}"]),
        ("segment", "'/no.onnx'", ["INPUT={scene}", "MODEL=/no.onnx"]),
        ("segment", "'Names of the bands'", ["INPUT={scene}", "BANDS=B02"]),
        ("segment", "an overlap of 3 pixels", ["INPUT={scene}", "OVERLAP=3"]),
        (
            "detect_changes",
            "do not overlap",
            ["BEFORE={scene}", "AFTER={elsewhere}", "MODEL={change}"],
        ),
        ("classify_scenes", "'Offset added", ["INPUT={bare}", "MODEL={classify}"]),
        ("reconstruct", "needs one for 'reconstruct'", ["INPUT={scene}", "MODEL={segment}"]),
        ("create_live_layer", "takes 1 raster", ["INPUT={scene}", "AFTER={scene}"]),
        ("describe_model", "/no.onnx", ["MODEL=/no.onnx"]),
        ("convert_checkpoint", "scene.tif", ["CHECKPOINT={scene}"]),
        ("install_native_library", "no zip", ["FILE={zip}"]),
    ],
)
def test_failures_say_what_to_do(process, scene, models, tmp_path, name, words, arguments):
    elsewhere = support.scene(tmp_path / "elsewhere.tif", width=150)
    moved = gdal.Open(str(elsewhere), gdal.GA_Update)
    moved.SetGeoTransform((900_000, 10, 0, 300_000, 0, -10))
    del moved
    bare = tmp_path / "bare.tif"
    gdal.Translate(str(bare), str(scene))
    made = gdal.Open(str(bare), gdal.GA_Update)
    made.SetMetadata({})
    del made
    end = {"create_live_layer": ".vrt", "convert_checkpoint": ".onnx"}.get(name, ".tif")
    output = tmp_path / f"made{end}"
    no_zip = tmp_path / "bundle.zip"
    no_zip.write_bytes(b"no bundle")
    places = {"scene": scene, "elsewhere": elsewhere, "bare": bare, "zip": no_zip, **models}
    filled = [argument.format(**places) for argument in arguments]
    refused(process, name, words, *filled, f"OUTPUT={output}")
    assert not output.exists()


def test_ctrl_c_stops_and_leaves_nothing(process, tmp_path):
    scene = support.scene(tmp_path / "large.tif", 2003, 1501)
    output = tmp_path / "map.tif"
    output.write_bytes(b"what was there before")
    waited = []

    def interrupt(started):
        for line in iter(started.stdout.readline, ""):
            if "tiles of 128 x 128" in line:
                break
        time.sleep(1)
        started.send_signal(signal.SIGINT)
        waited.append(time.monotonic())

    arguments = ["--", f"INPUT={scene}", f"OUTPUT={output}"]
    run = process("run", "spectralgpt:segment", *arguments, json=False, before_end=interrupt)
    print(f"stopped {time.monotonic() - waited[0]:.2f} s after Ctrl-C")
    assert run.returncode == 1
    assert "Cancelled" in run.stderr
    assert output.read_bytes() == b"what was there before"
    left = {file.name for file in tmp_path.iterdir()} - {"large.tif.aux.xml"}  # QGIS's own
    assert left == {"large.tif", "map.tif"}


def test_without_the_library_all_is_listed_and_says_how_to_get_it(process, scene, tmp_path):
    listed = process("list", json=False, library=None).stdout
    assert all(f"spectralgpt:{name}" in listed for name in IDS)
    output = f"OUTPUT={tmp_path / 'map.tif'}"
    words = "Install native library"
    refused(process, "segment", words, f"INPUT={scene}", output, library=None)
    refused(process, "describe_model", words, library=None)
    library = tmp_path / "no.so"
    for words in ("no such file", "unset it"):
        refused(process, "segment", words, f"INPUT={scene}", output, library=library)
