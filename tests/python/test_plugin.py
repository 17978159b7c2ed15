"""The plugin inside QGIS: what the toolbox lists, styles, history, models, cancel, estimates."""

from __future__ import annotations

import itertools
import json
import sys
import threading

import pytest
import support
from qgis.core import (
    QgsApplication,
    QgsPalettedRasterRenderer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
)
from test_process import IDS


class Told(QgsProcessingFeedback):
    """Keeps what is told."""

    def __init__(self):
        super().__init__()
        self.lines, self.shares = [], []
        self.lineTold = lambda: None
        self.progressChanged.connect(self.shares.append)

    def pushInfo(self, info):
        self.lines.append(info)
        self.lineTold()

    def pushWarning(self, warning):
        self.lines.append(warning)


def test_the_toolbox_lists_every_algorithm(plugin):
    provider = QgsApplication.processingRegistry().providerById("spectralgpt")
    algorithms = {algorithm.name(): algorithm for algorithm in provider.algorithms()}
    assert set(algorithms) == set(IDS)
    assert provider.versionInfo()[0].isdigit()
    batch, cancel = QgsProcessingAlgorithm.FlagSupportsBatch, QgsProcessingAlgorithm.FlagCanCancel
    for algorithm in algorithms.values():
        title = algorithm.displayName()
        assert title == title[0].upper() + title[1:].lower(), title
        assert algorithm.canExecute() == (True, "")
        assert algorithm.shortDescription().endswith(".")
        assert algorithm.flags() & batch and algorithm.flags() & cancel
        assert not algorithm.flags() & QgsProcessingAlgorithm.FlagNoThreading
        for parameter in algorithm.parameterDefinitions():
            assert parameter.name() == parameter.name().upper()
            words = f"{parameter.description()} {parameter.help()}".lower()
            assert "provider" not in words.replace("providers >", "")


def test_a_map_is_styled_and_tells_its_history(plugin, algorithm, scene, tmp_path, context):
    made = str(tmp_path / "map.tif")
    details = QgsProcessingContext.LayerDetails("Map", QgsProject.instance(), "OUTPUT")
    context.addLayerToLoadOnCompletion(made, details)
    told = Told()
    segment = algorithm("segment")
    results, good = segment.run({"INPUT": str(scene), "OUTPUT": made}, context, told)
    assert good
    layer = QgsRasterLayer(results["OUTPUT"], "Map")
    assert isinstance(layer.renderer(), QgsPalettedRasterRenderer)
    names = [entry.label for entry in layer.renderer().classes()]
    assert len(names) == 7 and "water" in names
    details = context.layerToLoadOnCompletionDetails(made)
    details.postProcessor().postProcessLayer(layer, context, told)
    (line,) = layer.metadata().history()
    for words in ("Segment raster", "builtin:landcover", "scene.tif", "4 chips", "CPU", "fp32"):
        assert words in line
    assert any("B8A = 9" in line for line in told.lines)
    assert told.shares == sorted(told.shares)
    assert told.shares[-1] == 100 and len(set(told.shares)) >= 4


def test_cancelling_ends_a_run_soon_and_leaves_nothing(plugin, algorithm, tmp_path, context):
    large = support.scene(tmp_path / "large.tif", 2003, 1501)
    told = Told()
    told.progressChanged.connect(lambda _share: told.cancel())
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        parameters = {"INPUT": str(large), "OUTPUT": str(tmp_path / "map.tif")}
        algorithm("segment").run(parameters, context, told, {}, False)
    assert told.shares[0] < 10
    assert [file.name for file in tmp_path.iterdir()] == ["large.tif"]


@pytest.mark.parametrize("name", IDS)
def test_every_algorithm_stops_when_cancelled(
    plugin, algorithm, scene, after, labels, models, checkpoints, tmp_path, context, name
):
    model = {
        "classify_scenes": "classify",
        "classify_multilabel": "multilabel",
        "detect_changes": "change",
        "reconstruct": "reconstruct",
    }.get(name)
    parameters = {
        "INPUT": str(scene),
        "BEFORE": str(scene),
        "AFTER": str(after) if name == "detect_changes" else None,
        "MODEL": str(models[model]) if model else None,
        "LABELS": str(labels),
        "EXAMPLES": str(labels),
        "FIELD": "cover",
        "DN_OFFSET": 0,
        "CHECKPOINT": str(checkpoints["segment"]),
    }
    ends = {"train_model": ".onnx", "convert_checkpoint": ".onnx", "create_live_layer": ".vrt"}
    output = tmp_path / f"made{ends.get(name, '.tif')}"
    told = Told()
    if name in ("create_live_layer", "convert_checkpoint", "describe_model"):
        told.cancel()  # they are done at once
    else:
        told.lineTold = told.cancel
        told.progressChanged.connect(told.cancel)
    with pytest.raises(QgsProcessingException, match=r"Cancelled|no address"):
        algorithm(name).run({**parameters, "OUTPUT": str(output)}, context, told, {}, False)
    assert not output.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_long_run_says_how_long_it_will_take(plugin, monkeypatch):
    from spectralgpt_qgis import watcher

    clock = itertools.chain([0.0, 1.0, 4.0], itertools.repeat(60.0))
    monkeypatch.setattr(watcher.time, "monotonic", lambda: next(clock))
    told = Told()
    with watcher.watching(told) as watch:
        assert watch(1, 100)
        assert told.lines == []
        assert watch(2, 100)
        assert watch(3, 100)
    (line,) = told.lines
    assert "2 of 100 chips" in line
    assert "3.3 more min" in line


def test_lines_of_other_threads_are_told_on_this_one(plugin):
    import logging

    from spectralgpt_qgis import watcher

    told, threads = Told(), []
    told.pushWarning = lambda words: threads.append((words, threading.get_ident()))
    with watcher.watching(told) as watch:
        log = logging.getLogger("spectralgpt").warning
        other = threading.Thread(target=log, args=("give --dn-offset -1000",))
        other.start()
        other.join()
        assert threads == []
        watch(0, 1)
    words = "give 'Offset added to digital numbers' -1000"
    assert threads == [(words, threading.get_ident())]


def test_it_works_in_a_model(plugin, scene, tmp_path, context):
    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("Land cover", "spectralgpt")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("s2", "Scene"), QgsProcessingModelParameter("s2")
    )
    first = QgsProcessingModelChildAlgorithm("spectralgpt:segment")
    first.setChildId("map")
    first.addParameterSources("INPUT", [source.fromModelParameter("s2")])
    second = QgsProcessingModelChildAlgorithm("native:rasterlayeruniquevaluesreport")
    second.setChildId("report")
    second.addParameterSources("INPUT", [source.fromChildOutput("map", "OUTPUT")])
    second.addParameterSources("BAND", [source.fromStaticValue(1)])
    output = QgsProcessingModelOutput("table", "table")
    output.setChildId("report")
    output.setChildOutputName("OUTPUT_HTML_FILE")
    second.setModelOutputs({"table": output})
    model.addChildAlgorithm(first)
    model.addChildAlgorithm(second)
    file = tmp_path / "model.model3"
    assert model.toFile(str(file))
    again = QgsProcessingModelAlgorithm()
    assert again.fromFile(str(file))
    again.initAlgorithm()
    page = tmp_path / "page.html"
    parameters = {"s2": str(scene), "report:table": str(page)}
    results, good = again.run(parameters, context, Told())
    assert good, results
    assert str(support.WIDTH * support.HEIGHT) in page.read_text()


def test_filtered_and_unsaved_layers_are_understood(plugin, algorithm, scene, labels, context):
    from qgis.core import QgsVectorLayer

    layer = QgsVectorLayer(str(labels), "labels")
    layer.setSubsetString("cover IN ('water', 'trees')")
    parameters = {
        "INPUT": str(scene),
        "LABELS": layer,
        "FIELD": "cover",
        "FOLDS": 2,
        "HEAD": "logistic",
        "OUTPUT": "TEMPORARY_OUTPUT",
        "REPORT": "TEMPORARY_OUTPUT",
    }
    results, good = algorithm("train_model").run(parameters, context, Told())
    assert good
    described, _ = algorithm("describe_model").run({"MODEL": results["OUTPUT"]}, context, Told())
    names = [entry["name"] for entry in json.loads(described["DESCRIPTION"])["classes"]]
    assert names == ["trees", "water"]


def test_every_option_of_the_program_has_a_dialogs_name(plugin):
    from spectralgpt_qgis.texts import DIALOG_WORDS, in_dialog_words

    provider = QgsApplication.processingRegistry().providerById("spectralgpt")
    titles = {
        parameter.description()
        for algorithm in provider.algorithms()
        for parameter in algorithm.parameterDefinitions()
    }
    assert {words.strip("'") for words in DIALOG_WORDS.values()} <= titles
    assert in_dialog_words("a --overlap, b --unknown") == "a 'Tile overlap (pixels)', b --unknown"


def test_nothing_native_is_loaded_by_importing(package):
    import subprocess

    script = (
        "import sys; sys.modules['numpy'] = None\n"
        f"sys.path[:0] = ['{package.parent}', '/usr/share/qgis/python/plugins']\n"
        "import spectralgpt_qgis, spectralgpt_qgis.provider\n"
        "print(len(spectralgpt_qgis.provider.ALGORITHMS))\n"
        "print('libspectralgpt' in open('/proc/self/maps').read())"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [str(len(IDS)), "False"]
