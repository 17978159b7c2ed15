"""The plugin inside QGIS: what the toolbox lists, styles, history, models, cancel, estimates."""

from __future__ import annotations

import itertools
import json
import re
import sys
import threading
from pathlib import Path

import pytest
import support
from qgis.core import (
    Qgis,
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
    QgsProcessingParameterEnum,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
)
from qgis.PyQt.QtWidgets import QPushButton
from test_process import IDS


class Told(QgsProcessingFeedback):
    """Keeps what is told."""

    def __init__(self):
        super().__init__()
        self.lines, self.shares, self.errors = [], [], []
        self.lineTold = lambda: None
        self.progressChanged.connect(self.shares.append)

    def pushInfo(self, info):
        self.lines.append(info)
        self.lineTold()

    def pushWarning(self, warning):
        self.lines.append(warning)

    def reportError(self, error, _fatal=False):
        self.errors.append(error)


def test_the_toolbox_lists_every_algorithm(plugin):
    provider = QgsApplication.processingRegistry().providerById("spectralgpt")
    algorithms = {algorithm.name(): algorithm for algorithm in provider.algorithms()}
    assert set(algorithms) == set(IDS)
    assert provider.versionInfo()[0].isdigit()
    batch = QgsProcessingAlgorithm.FlagSupportsBatch
    for algorithm in algorithms.values():
        title = algorithm.displayName().replace("Sentinel", "sentinel")
        assert title == title[0].upper() + title[1:].lower(), title
        assert algorithm.canExecute() == (True, "")
        assert algorithm.shortDescription().endswith(".")
        assert algorithm.flags() & batch
        assert not algorithm.flags() & QgsProcessingAlgorithm.FlagNoThreading
        page, place = algorithm.helpUrl().removeprefix("file://").split("#")
        assert f'id="{place}"' in Path(page).read_text()
        for parameter in algorithm.parameterDefinitions():
            assert parameter.name() == parameter.name().upper()
            copy = parameter.clone()  # as QGIS makes for models and dialogs
            assert type(copy) is type(parameter)
            for fact in ("name", "description", "help", "flags", "defaultValue", "type"):
                assert getattr(copy, fact)() == getattr(parameter, fact)(), parameter.name()


def told_words(algorithm):
    """Lists all that a person reads of an algorithm before it runs."""
    yield from (algorithm.displayName(), algorithm.shortDescription(), algorithm.group())
    yield from (algorithm.shortHelpString(), *algorithm.tags())
    for parameter in algorithm.parameterDefinitions():
        yield from (parameter.description(), parameter.help())
        if isinstance(parameter, QgsProcessingParameterEnum):
            yield from parameter.options()
    for output in algorithm.outputDefinitions():
        yield output.description()


NOT_IN_DIALOGS = re.compile(r"\b(chips?|heads?|providers?|--[a-z]+)\b", re.IGNORECASE)


@pytest.mark.parametrize("name", IDS)
def test_dialogs_keep_to_their_words(plugin, algorithm, name):
    for words in told_words(algorithm(name)):
        # The one is QGIS's menu.
        found = NOT_IN_DIALOGS.search(words.replace("Processing > Providers", ""))
        assert not found, words


def test_messages_keep_to_the_dialogs_words(plugin, algorithm, scene, models, context, tmp_path):
    told = Told()
    parameters = {"INPUT": str(scene), "OUTPUT": str(tmp_path / "map.tif")}
    algorithm("segment").run(parameters, context, told, {}, False)
    algorithm("describe_model").run(parameters, context, told, {}, False)
    algorithm("check_installation").run({}, context, told, {}, False)
    assert len(told.lines) > 20
    for line in told.lines:
        assert not NOT_IN_DIALOGS.search(re.sub(r"'/[^']*'", "", line)), line


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
    for words in ("Segment raster", "builtin:landcover", "scene.tif", "4 tiles", "CPU", "fp32"):
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


AT_ONCE = ("create_live_layer", "convert_checkpoint", "describe_model", "prepare_sentinel2")


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_is_done_at_once_offers_no_cancel(plugin, algorithm, name):
    assert not algorithm(name).flags() & QgsProcessingAlgorithm.FlagCanCancel


# Downloads are cancelled in test_download.
@pytest.mark.parametrize("name", sorted({*IDS} - {*AT_ONCE} - {"install_native_library"}))
def test_every_other_algorithm_stops_when_cancelled(
    plugin, algorithm, scene, after, labels, models, tmp_path, context, name
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
        "AFTER": str(after),
        "MODEL": str(models[model]) if model else None,
        "LABELS": str(labels),
        "EXAMPLES": str(labels),
        "FIELD": "cover",
        "DN_OFFSET": 0,
    }
    output = tmp_path / ("made.onnx" if name == "train_model" else "made.tif")
    told = Told()
    told.progressChanged.connect(told.cancel)  # when it is under way
    made = algorithm(name)
    assert made.flags() & QgsProcessingAlgorithm.FlagCanCancel
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        made.run({**parameters, "OUTPUT": str(output)}, context, told, {}, False)
    assert told.shares and told.shares[-1] < 100
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
    assert "2 of 100 tiles" in line
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


def options_of_the_program():
    """Lists the options that the program's help shows."""
    for command in ("predict", "live", "train", "convert", "stack"):
        yield from re.findall(r"(?m)^ +(?:-\w, )?(--[a-z-]+)", support.program(command, "--help"))


def test_every_option_of_the_program_has_a_dialogs_name(plugin):
    from spectralgpt_qgis.texts import DIALOG_WORDS, in_dialog_words

    provider = QgsApplication.processingRegistry().providerById("spectralgpt")
    titles = {
        parameter.description()
        for algorithm in provider.algorithms()
        for parameter in algorithm.parameterDefinitions()
    }
    assert {*DIALOG_WORDS.values()} <= titles
    options = {*options_of_the_program()}
    assert {*DIALOG_WORDS} <= options and len(options) > 30
    for option in options:
        assert "--" not in in_dialog_words(f"give {option} 3")
    for words, said in {
        "a --overlap, b --unknown-word": "a 'Tile overlap (pixels)', b 'unknown word'",
        "the model's chip, 'my chip.tif'": "the model's tile, 'my chip.tif'",
        "2 chips by CPUExecutionProvider": "2 tiles by CPU",
        "give 'features', 'chip-features'": "give 'features', 'tile-features'",
        "--precision fastest is quick": "'Faster, slightly different' is quick",
        "the execution provider's head": "the compute device's classifier",
    }.items():
        assert in_dialog_words(words) == said


def test_only_the_plugins_message_is_taken_away(plugin, monkeypatch):
    from qgis.gui import QgsMessageBar
    from spectralgpt_qgis import engine
    from spectralgpt_qgis import plugin as module

    bar = QgsMessageBar()
    monkeypatch.setattr(engine, "missing", lambda: "gone")
    made = module.Plugin(type("Window", (), {"messageBar": lambda _self: bar})())
    made._provider = object()
    made._tell_missing()
    bar.pushMessage("another plugin's", Qgis.MessageLevel.Warning, 0)
    opened = []
    monkeypatch.setattr("processing.execAlgorithmDialog", lambda *given: opened.append(given))
    ours = next(item for item in bar.items() if "native library" in item.text())
    ours.findChild(QPushButton).click()
    assert [item.text() for item in bar.items()] == ["another plugin's"]
    assert opened[0][0] == "spectralgpt:install_native_library"


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
