"""What must not be lost or go unsaid: inputs, edits, files on a full disk, GDAL's failures."""

from __future__ import annotations

import shutil

import pytest
import support
from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsField,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProperty,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QVariant
from test_plugin import Told


def run(algorithm, name, parameters, context, feedback=None):
    """Runs an algorithm; what fails is raised, also what fails before the run proper."""
    told = feedback or Told()
    results, good = algorithm(name).run(parameters, context, told, {}, False)
    if not good:
        raise QgsProcessingException(" ".join(told.errors))
    return results


@pytest.mark.parametrize("wrapped", [str, QgsProcessingOutputLayerDefinition])
@pytest.mark.parametrize(
    ("name", "clash"),
    [
        ("segment", {"CONFIDENCE": "INPUT"}),
        ("segment", {"SCORES": "MODEL"}),
        ("segment", {"POLYGONS": "MASK"}),
        ("segment", {"CONFIDENCE": "OUTPUT"}),
        ("train_model", {"REPORT": "LABELS"}),
        ("train_model", {"OUTPUT": "MODEL"}),
        ("convert_checkpoint", {"OUTPUT": "CHECKPOINT"}),
        ("find_similar", {"OUTPUT": "INPUT"}),
        ("prepare_sentinel2", {"OUTPUT": "INPUT"}),
        ("create_live_layer", {"OUTPUT": "INPUT"}),
    ],
)
def test_no_output_replaces_an_input_or_another(
    plugin, algorithm, scene, labels, models, checkpoints, tmp_path, context, name, clash, wrapped
):
    ends = {"train_model": "onnx", "convert_checkpoint": "onnx"}
    end = "vrt" if name in ("create_live_layer", "prepare_sentinel2") else ends.get(name, "tif")
    copied = tmp_path / f"scene.{end if end == 'vrt' else 'tif'}"
    if end == "vrt":
        gdal.Translate(str(copied), str(scene), format="VRT")
    else:
        shutil.copy(scene, copied)
    files = {"INPUT": copied}
    for key, file in {
        "MASK": labels,
        "LABELS": labels,
        "EXAMPLES": labels,
        "MODEL": models["segment"],
        "CHECKPOINT": checkpoints["segment"],
    }.items():
        files[key] = tmp_path / f"{key}{file.suffix}"
        shutil.copy(file, files[key])
    before = {path: path.read_bytes() for path in files.values()}
    parameters = {**files, "FIELD": "cover", "OUTPUT": tmp_path / f"map.{end}"}
    ((output, other),) = clash.items()
    # By another name of the same file.
    (tmp_path / "link").symlink_to(tmp_path)
    parameters = {key: str(value) for key, value in parameters.items()}
    parameters[output] = wrapped(parameters[other].replace(str(tmp_path), f"{tmp_path}/link"))
    made = algorithm(name)
    good, words = made.checkParameterValues(parameters, context)
    assert not good
    assert "is given for" in words and "another name" in words
    with pytest.raises(QgsProcessingException, match="is given for"):
        run(algorithm, name, parameters, context)
    assert {path: path.read_bytes() for path in before} == before


def test_tables_of_one_database_and_of_memory_are_different(
    plugin, algorithm, scene, labels, tmp_path, context
):
    store = tmp_path / "store.gpkg"
    shutil.copy(labels, store)
    segment, layer = algorithm("segment"), QgsVectorLayer(f"{store}|layername=labels", "labels")
    assert layer.isValid()
    parameters = {"INPUT": str(scene), "MASK": layer, "OUTPUT": str(tmp_path / "map.tif")}
    for areas, polygons, good in (
        ("memory:", "memory:", True),
        ("TEMPORARY_OUTPUT", "TEMPORARY_OUTPUT", True),
        (f"ogr:dbname='{store}' table=\"a\"", f"ogr:dbname='{store}' table=\"b\" (geom)", True),
        (f"ogr:dbname='{store}' table=\"a\"", f"ogr:dbname='{store}' table=\"a\" (geom)", False),
        (f"ogr:dbname='{store}' table=\"labels\"", "memory:", False),
        (str(store), "memory:", False),
    ):
        given = {**parameters, "AREAS": areas, "POLYGONS": polygons}
        assert segment.checkParameterValues(given, context)[0] is good, areas


def test_a_table_of_a_database_is_taken_away_alone(
    plugin, algorithm, scene, labels, tmp_path, context, monkeypatch
):
    from spectralgpt_qgis.algorithms import sinks

    store = tmp_path / "store.gpkg"
    shutil.copy(labels, store)
    parameters = {"INPUT": str(scene), "OUTPUT": str(tmp_path / "map.tif")}
    parameters["AREAS"] = f"ogr:dbname='{store}' table=\"areas\""

    def tables():
        file = gdal.OpenEx(str(store))
        return [file.GetLayer(place).GetName() for place in range(file.GetLayerCount())]

    run(algorithm, "segment", parameters, context)
    assert tables() == ["labels", "areas"]
    monkeypatch.setattr(sinks, "_count", lambda _path, _layer: 3)
    with pytest.raises(QgsProcessingException, match="is the disk full"):
        run(algorithm, "segment", parameters, context)
    assert tables() == ["labels"]


def test_a_live_layer_stays_and_is_virtual(plugin, algorithm, scene, tmp_path, context):
    live = algorithm("create_live_layer")
    for given, words in (
        ("TEMPORARY_OUTPUT", "lost when QGIS closes"),
        (QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT"), "lost when QGIS closes"),
        (str(tmp_path / "a.tif"), "ends in .vrt"),
        (QgsProcessingOutputLayerDefinition(str(tmp_path / "a.tif")), "ends in .vrt"),
        (QgsProperty.fromValue(str(tmp_path / "a.png")), "ends in .vrt"),
    ):
        good, said = live.checkParameterValues({"INPUT": str(scene), "OUTPUT": given}, context)
        assert not good and words in said
    given = QgsProcessingOutputLayerDefinition(str(tmp_path / "a.vrt"))
    parameters = {"INPUT": str(scene), "OUTPUT": given}
    assert live.checkParameterValues(parameters, context)[0]
    assert live.parameterDefinition("OUTPUT").clone().defaultFileExtension() == "vrt"
    wanted = QgsProcessingOutputLayerDefinition(str(tmp_path / "map.vrt"))
    parameters = {"INPUT": str(scene), "OUTPUT": wanted}
    good, said = algorithm("segment").checkParameterValues(parameters, context)
    assert not good and "ends in .tif" in said


def trained_classes(algorithm, scene, layer, context, field="cover"):
    parameters = {
        "INPUT": str(scene),
        "LABELS": layer,
        "FIELD": field,
        "FOLDS": 2,
        "HEAD": "logistic",
        "OUTPUT": "TEMPORARY_OUTPUT",
        "REPORT": "TEMPORARY_OUTPUT",
    }
    model = run(algorithm, "train_model", parameters, context)["OUTPUT"]
    described = run(algorithm, "describe_model", {"MODEL": model}, context)
    return support.classes(described["DESCRIPTION"])


def test_labels_are_what_qgis_shows_of_them(plugin, algorithm, scene, labels, context, tmp_path):
    copied = tmp_path / "labels.gpkg"
    shutil.copy(labels, copied)
    layer = QgsVectorLayer(str(copied), "labels")
    layer.addExpressionField("upper(cover)", QgsField("LOUD", QVariant.String))
    loud = trained_classes(algorithm, scene, layer, context, "LOUD")
    assert loud == ["SOIL", "TREES", "WATER"]
    layer = QgsVectorLayer(str(copied), "labels")
    layer.startEditing()
    place = layer.fields().indexOf("cover")
    for feature in layer.getFeatures("cover = 'soil'"):
        layer.changeAttributeValue(feature.id(), place, "rock")
    assert trained_classes(algorithm, scene, layer, context) == ["rock", "trees", "water"]
    layer.rollBack()
    layer.setSubsetString("cover <> 'soil'")
    assert trained_classes(algorithm, scene, layer, context) == ["trees", "water"]
    layer.setSubsetString("")
    assert trained_classes(algorithm, scene, layer, context) == ["soil", "trees", "water"]


def test_unsaved_examples_and_masks_count(plugin, algorithm, scene, tmp_path, context):
    layer = QgsVectorLayer("Polygon?crs=EPSG:32633", "drawn", "memory")
    shape = QgsFeature()
    shape.setGeometry(QgsGeometry.fromRect(QgsRectangle(600_300, 5_399_400, 600_700, 5_399_700)))
    layer.startEditing()
    layer.addFeature(shape)
    masked, features = tmp_path / "masked.tif", tmp_path / "features.tif"
    parameters = {"INPUT": str(scene), "MASK": layer, "OUTPUT": str(masked)}
    run(algorithm, "segment", parameters, context)
    pixels = gdal.Open(str(masked)).ReadAsArray()
    assert (pixels != 255).sum() == 40 * 30
    run(algorithm, "extract_embeddings", {"INPUT": str(scene), "OUTPUT": str(features)}, context)
    alike = {"INPUT": str(features), "EXAMPLES": layer, "OUTPUT": str(tmp_path / "alike.tif")}
    run(algorithm, "find_similar", alike, context)
    unsaved = gdal.Open(alike["OUTPUT"]).ReadAsArray()
    assert layer.commitChanges()
    saved = tmp_path / "saved.gpkg"
    options = QgsVectorFileWriter.SaveVectorOptions()
    QgsVectorFileWriter.writeAsVectorFormatV3(
        layer, str(saved), context.transformContext(), options
    )
    run(algorithm, "find_similar", {**alike, "EXAMPLES": str(saved)}, context)
    assert (unsaved == gdal.Open(alike["OUTPUT"]).ReadAsArray()).all()


def test_cancel_ends_the_writing_of_labels(plugin, algorithm, scene, labels, tmp_path, context):
    layer = QgsVectorLayer(str(labels), "labels")
    layer.addExpressionField("upper(cover)", QgsField("LOUD", QVariant.String))
    made = tmp_path / "mine.onnx"
    parameters = {"INPUT": str(scene), "LABELS": layer, "FIELD": "LOUD", "OUTPUT": str(made)}
    train = algorithm("train_model")
    told = Told()
    assert train.prepare(parameters, context, told)
    from spectralgpt_qgis.algorithms import vectors

    told.cancel()
    lent = vectors.as_file("", train, parameters, "LABELS", context, told, "LOUD")
    with pytest.raises(QgsProcessingException, match="Cancelled"), lent:
        pass


class Full:
    """A sink that takes no more than some features."""

    def __init__(self, sink, room):
        self._sink, self._room = sink, room

    def addFeature(self, feature, flags):
        self._room -= 1
        return self._room >= 0 and self._sink.addFeature(feature, flags)

    def flushBuffer(self):
        return self._sink.flushBuffer()

    def lastError(self):
        return "no space left"


@pytest.mark.parametrize("output", ["AREAS", "POLYGONS"])
@pytest.mark.parametrize("end", ["gpkg", "csv", "shp"])
def test_a_full_disk_is_said_and_leaves_no_broken_file(
    plugin, algorithm, scene, tmp_path, context, monkeypatch, output, end
):
    from spectralgpt_qgis.algorithms import sinks

    whole = sinks.Table.__init__
    monkeypatch.setattr(
        sinks.Table, "__init__", lambda self, sink, place: whole(self, Full(sink, 2), place)
    )
    made, table = tmp_path / "map.tif", tmp_path / f"made.{end}"
    parameters = {"INPUT": str(scene), "OUTPUT": str(made), output: str(table)}
    with pytest.raises(QgsProcessingException, match="no space left"):
        run(algorithm, "segment", parameters, context)
    assert {file.name for file in tmp_path.iterdir()} <= {"map.tif", "map.tif.aux.xml"}


def test_rows_that_vanish_are_noticed(plugin, algorithm, scene, tmp_path, context, monkeypatch):
    from spectralgpt_qgis.algorithms import sinks

    monkeypatch.setattr(sinks, "_count", lambda _path, _layer: 3)
    table = tmp_path / "areas.gpkg"
    parameters = {"INPUT": str(scene), "OUTPUT": str(tmp_path / "map.tif"), "AREAS": str(table)}
    with pytest.raises(QgsProcessingException, match="is the disk full"):
        run(algorithm, "segment", parameters, context)
    assert not table.exists()


def test_polygons_stop_when_cancelled(plugin, algorithm, scene, tmp_path, context, monkeypatch):
    from spectralgpt_qgis.algorithms import sinks

    told, add = Told(), sinks.Table.add
    monkeypatch.setattr(sinks.Table, "add", lambda self, *row: (add(self, *row), told.cancel()))
    shapes, before = tmp_path / "shapes.gpkg", gdal.ReadDir("/vsimem/")
    parameters = {
        "INPUT": str(scene),
        "OUTPUT": str(tmp_path / "map.tif"),
        "POLYGONS": str(shapes),
    }
    with pytest.raises(QgsProcessingException, match="polygons are not"):
        run(algorithm, "segment", parameters, context, told)
    assert (tmp_path / "map.tif").exists() and not shapes.exists()
    assert gdal.ReadDir("/vsimem/") == before


@pytest.mark.parametrize("raising", [False, True])
def test_gdals_failures_are_words(plugin, algorithm, scene, labels, tmp_path, context, raising):
    from spectralgpt_qgis import rasters

    cut, whole = tmp_path / "cut.tif", tmp_path / "whole.tif"
    gdal.Translate(str(whole), str(scene), creationOptions=["COMPRESS=DEFLATE"])
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    outputs = {"OUTPUT": str(tmp_path / "made.tif")}
    (gdal.UseExceptions if raising else gdal.DontUseExceptions)()
    try:
        for name, parameters, words in (
            ("find_similar", {"INPUT": str(cut), "EXAMPLES": str(labels)}, "cannot be"),
            ("segment", {"INPUT": str(cut)}, "cut.tif|cannot"),
        ):
            with pytest.raises(QgsProcessingException, match=words):
                run(algorithm, name, {**parameters, **outputs}, context)
        with pytest.raises(QgsProcessingException, match=r"no.tif.*cannot be opened"):
            rasters.opened("/no.tif")
        parameters = {"INPUT": str(whole), "AREAS": str(tmp_path / "areas.csv"), **outputs}
        run(algorithm, "segment", parameters, context)
    finally:
        gdal.DontUseExceptions()


def test_options_of_a_layers_source_are_left_out_and_said(
    plugin, algorithm, scene, tmp_path, context
):
    layer = QgsRasterLayer(f"{scene}|option:NUM_THREADS=2", "scene", "gdal")
    assert layer.isValid()
    told, made, plain = Told(), tmp_path / "map.tif", tmp_path / "plain.tif"
    run(algorithm, "segment", {"INPUT": layer, "OUTPUT": str(made)}, context, told)
    assert any("NUM_THREADS=2" in line for line in told.lines)
    run(algorithm, "segment", {"INPUT": str(scene), "OUTPUT": str(plain)}, context)
    assert made.read_bytes() == plain.read_bytes()


def test_one_of_several_layers_is_taken(plugin, algorithm, scene, labels, tmp_path, context):
    several = tmp_path / "several.gpkg"
    gdal.VectorTranslate(str(several), str(labels), layerName="all")
    gdal.VectorTranslate(
        str(several), str(labels), layerName="two", accessMode="update", where="cover <> 'soil'"
    )
    layer = QgsVectorLayer(f"{several}|layername=two", "two")
    assert trained_classes(algorithm, scene, layer, context) == ["trees", "water"]


def test_runs_that_overlap_both_hear_the_log(plugin):
    import logging

    from spectralgpt_qgis import watcher

    logger = logging.getLogger("spectralgpt")
    level, one, two = logger.level, Told(), Told()
    first, second = watcher.watching(one), watcher.watching(two)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    logger.info("still heard")
    second.__exit__(None, None, None)
    assert "still heard" in two.lines and "still heard" not in one.lines
    assert logger.level == level
