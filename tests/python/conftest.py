"""Fixtures: the packaged plugin in a profile of its own, scenes, models of every task."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import support
from qgis.core import QgsApplication, QgsProcessingContext, QgsProject

os.environ["SPECTRALGPT_LIBRARY"] = str(support.LIBRARY)
sys.path.append("/usr/share/qgis/python/plugins")


def pytest_report_header() -> str:
    """Says what is tested with."""
    from osgeo import gdal
    from qgis.core import Qgis
    from qgis.PyQt.QtCore import QT_VERSION_STR

    versions = Qgis.QGIS_VERSION, QT_VERSION_STR, gdal.VersionInfo("RELEASE_NAME")
    return "QGIS {}, Qt {}, GDAL {}".format(*versions)


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def package(work):
    """The plugin as it is shipped: its zip and the folder in it."""
    script = support.ROOT / "qgis-plugin/package.py"
    run = subprocess.run(
        [sys.executable, script, work / "package"], capture_output=True, text=True, check=True
    )
    return Path(run.stdout.strip())


@pytest.fixture(scope="session")
def scene(work):
    return support.scene(work / "scene.tif")


@pytest.fixture(scope="session")
def after(work):
    return support.scene(work / "after.tif", shift=1)


@pytest.fixture(scope="session")
def labels(work):
    return support.polygons(work / "labels.csv")


@pytest.fixture(scope="session")
def checkpoints(work):
    """A checkpoint per network."""
    kinds = {"segment": "0.25", "classify": "classify", "change": "change", "mae": "autoencoder"}
    return {name: support.checkpoint(work / f"{name}.pth", kind) for name, kind in kinds.items()}


@pytest.fixture(scope="session")
def models(work, checkpoints):
    """A model per task, made by the program."""
    made = {}
    for task, network, options in (
        ("segment", "segment", ()),
        ("classify", "classify", ("--profile", "eurosat-canonical")),
        ("multilabel", "classify", ("--task", "multilabel", "--profile", "bigearthnet")),
        ("change", "change", ()),
        ("embed", "mae", ("--task", "embed")),
        ("reconstruct", "mae", ("--task", "reconstruct")),
    ):
        made[task] = work / f"{task}.onnx"
        support.program("convert", str(checkpoints[network]), str(made[task]), *options)
    return made


@pytest.fixture(scope="session")
def profile(work, package):
    """A QGIS profile with the plugin switched on."""
    config = work / "profile"
    plugins = config / "profiles/default/python/plugins"
    plugins.mkdir(parents=True)
    shutil.copytree(package.parent / "spectralgpt_qgis", plugins / "spectralgpt_qgis")
    ini = config / "profiles/default/QGIS/QGIS3.ini"
    ini.parent.mkdir(parents=True)
    others = "MetaSearch", "db_manager", "grassprovider", "otbprovider", "sagaprovider"
    lines = ["[PythonPlugins]", "spectralgpt_qgis=true", *(f"{other}=false" for other in others)]
    ini.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config


@pytest.fixture(scope="session")
def plugin(package, qgis_processing):
    """The plugin, loaded as QGIS loads it."""
    sys.path.insert(0, str(package.parent))
    module = importlib.import_module("spectralgpt_qgis")
    plugin = module.classFactory(None)
    plugin.initProcessing()
    yield module
    plugin.unload()


@pytest.fixture
def algorithm(plugin):
    """Makes an algorithm by its id."""

    def made(name):
        return QgsApplication.processingRegistry().createAlgorithmById(f"spectralgpt:{name}")

    return made


@pytest.fixture
def context():
    made = QgsProcessingContext()
    made.setProject(QgsProject.instance())
    return made


@pytest.fixture
def process(profile, work):
    """Runs `qgis_process`, in JSON mode unless `json` is False."""

    def run(*arguments, json=True, library=support.LIBRARY, before_end=None, home=profile):
        program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
        runtime = work / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        # Who has no library has no other part of ours either.
        ours = ["SPECTRALGPT_LIBRARY", *([] if library else ["SPECTRALGPT_ORT_LIBRARY"])]
        variables = {
            **{name: value for name, value in os.environ.items() if name not in ours},
            "QT_QPA_PLATFORM": "offscreen",
            "XDG_RUNTIME_DIR": str(runtime),
            "QGIS_CUSTOM_CONFIG_PATH": str(home),
            "PYTHONWARNINGS": "ignore",
        }
        if library:
            variables["SPECTRALGPT_LIBRARY"] = str(library)
        command = [program, *(["--json"] if json else []), *map(str, arguments)]
        started = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
        )
        if before_end:
            before_end(started)
        out, err = started.communicate(timeout=300)
        return subprocess.CompletedProcess(command, started.returncode, out, err)

    return run
