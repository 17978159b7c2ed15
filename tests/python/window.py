"""Runs inside QGIS's window (tools/qgis-screens): acts, takes pictures, measures standstills."""

from __future__ import annotations

import json
import os
import time
import traceback
from pathlib import Path

import processing
from osgeo import gdal
from qgis.core import QgsPointXY, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QDockWidget, QPushButton
from qgis.utils import iface

SCREENS, WORK = Path(os.environ["SCREENS"]), Path(os.environ["WORK"])
REPORT = SCREENS / "report.json"
MAP_ID = "spectralgpt:segment"


class Standstills:
    """Measures how long the window does nothing, by a timer that should come every 10 ms."""

    def __init__(self):
        self.longest = 0.0
        self._last = time.monotonic()
        self._timer = QTimer()
        self._timer.timeout.connect(self._come)
        self._timer.start(10)

    def _come(self):
        now = time.monotonic()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def forget(self):
        self.longest, self._last = 0.0, time.monotonic()


def picture(name, widget=None):
    QApplication.processEvents()
    (widget or iface.mainWindow()).grab().save(str(SCREENS / f"{name}.png"))


def report(**figures):
    known = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    REPORT.write_text(json.dumps({**known, **figures}, indent=2) + "\n")


def drawn():
    """Waits until the canvas is."""
    yield 300
    while iface.mapCanvas().isDrawing():
        yield 50


def toolbox(words):
    for dock in iface.mainWindow().findChildren(QDockWidget):
        dock.setVisible(dock.objectName() in ("Layers", "ProcessingToolbox"))
    dock = iface.mainWindow().findChild(QDockWidget, "ProcessingToolbox")
    dock.searchBox.setText(words)
    dock.algorithmTree.expandAll()


def layer(path, name):
    made = QgsRasterLayer(str(path), name)
    assert made.isValid(), path
    QgsProject.instance().addMapLayer(made)
    if "cene" in name:
        renderer = made.renderer()
        renderer.setRedBand(4)
        renderer.setGreenBand(3)
        renderer.setBlueBand(2)
        made.setDefaultContrastEnhancement()
    return made


def later(scene):
    """Copies a scene and moves a part of it elsewhere."""
    path = WORK / "later.tif"
    made = gdal.GetDriverByName("GTiff").CreateCopy(str(path), gdal.Open(str(scene)))
    made.WriteArray(made.ReadAsArray(0, 0, 200, 150), 250, 220)
    made.FlushCache()
    return path


def dialog(name, parameters):
    made = processing.createAlgorithmDialog(f"spectralgpt:{name}", parameters)
    made.setModal(False)
    made.resize(980, 720)
    made.show()
    return made


def run(made):
    """Presses the dialog's button and waits for the end, which is to have results."""
    made.runButton().click()
    yield 300
    idle = 0
    while made.cancelButton().isEnabled() or not made.results():
        idle = 0 if made.cancelButton().isEnabled() else idle + 1
        assert idle < 100, made.windowTitle() or "an algorithm failed"
        yield 100
    yield 300


def missing():
    """The library is not there: the message, the toolbox, what a dialog says."""
    yield 3000
    toolbox("spectralgpt")
    yield 500
    picture("missing")
    bar = iface.messageBar().items()
    assert any("native library" in item.text() for item in bar), "the message is there"
    report(message_without_library=[item.text() for item in bar])
    yield from install_from(bar[0])
    check = dialog("check_installation", {})
    yield from run(check)
    picture("check", check)
    report(checked=check.results())


def install_from(message):
    """Presses the message's button, gives the dialog that opens the bundle, and runs it."""
    button = next(
        button for button in message.findChildren(QPushButton) if button.text() == "Install…"
    )
    QTimer.singleShot(0, button.click)  # the dialog that opens has the last word until it is closed
    made = None
    while made is None:
        yield 200
        shown = (widget for widget in QApplication.topLevelWidgets() if widget.isVisible())
        made = next((widget for widget in shown if hasattr(widget, "runButton")), None)
    made.mainWidget().setParameters({"FILE": os.environ["BUNDLE"]})
    yield 500
    picture("install", made)
    yield from run(made)
    report(installed=made.results()["VERSION"])
    made.close()
    yield 300


def fresh():
    """docs/qgis.md in a profile with nothing in it: plugin, bundle, check, a map; no network."""
    import pyplugin_installer

    yield 3000
    started = time.monotonic()
    pyplugin_installer.instance().installFromZipFile(os.environ["PLUGIN"])
    message = None
    while message is None:
        yield 200
        items = iface.messageBar().items()
        message = next((item for item in items if "native library" in item.text()), None)
    yield from install_from(message)
    installed = time.monotonic()
    check = dialog("check_installation", {})
    yield from run(check)
    report(checked=check.results())
    check.close()
    first = layer(os.environ["SCENE"], "Scene")
    segment = dialog("segment", {"INPUT": first.id()})
    yield from run(segment)
    segment.close()
    yield from drawn()
    made = QgsProject.instance().mapLayersByName("Classes")[0]
    picture("fresh")
    report(
        classes=len(made.renderer().classes()),
        seconds_to_install=round(installed - started, 1),
        seconds_to_the_map=round(time.monotonic() - started, 1),
    )


def at_work():
    """The toolbox, a map, changes, a live layer that is panned and kept in a project."""
    yield 3000
    scene = WORK / "demo/scene.tif"
    first = layer(scene, "Scene")
    canvas = iface.mapCanvas()
    canvas.setExtent(first.extent())
    toolbox("spectralgpt")
    yield from drawn()
    picture("toolbox")

    segment = dialog("segment", {"INPUT": first.id()})
    yield 700
    picture("segment", segment)
    yield from run(segment)
    segment.close()
    yield from drawn()
    iface.layerTreeView().expandAll()
    yield 300
    picture("map")

    maps = QgsProject.instance().mapLayersByName("Classes")
    report(history=maps[0].metadata().history())
    second = layer(later(scene), "Later scene")
    change = dialog(
        "detect_changes",
        {"BEFORE": first.id(), "AFTER": second.id(), "MODEL": str(WORK / "change.onnx")},
    )
    yield from run(change)
    change.close()
    maps += [second, *QgsProject.instance().mapLayersByName("Changes")]
    yield from drawn()
    iface.layerTreeView().expandAll()
    yield 300
    picture("changes")

    for made in maps:
        QgsProject.instance().removeMapLayer(made)
    iface.messageBar().clearWidgets()
    yield from live_layer(canvas, first)
    QgsProject.instance().write(str(WORK / "project.qgz"))


def live_layer(canvas, first):
    standstills = Standstills()
    made = dialog("create_live_layer", {"INPUT": first.id(), "OUTPUT": str(WORK / "live.vrt")})
    yield from run(made)
    made.close()
    yield 500
    opening = standstills.longest
    longest, pans = 0.0, 0
    box = first.extent()
    for column in range(4):
        for row in range(4):
            centre = QgsPointXY(
                box.xMinimum() + (0.5 + column) * box.width() / 4,
                box.yMaximum() - (0.5 + row) * box.height() / 4,
            )
            standstills.forget()
            canvas.setExtent(QgsRectangle.fromCenterAndSize(centre, 2500, 1800))
            canvas.refresh()
            yield from drawn()
            longest, pans = max(longest, standstills.longest), pans + 1
            if pans == 6:
                iface.layerTreeView().expandAll()
                picture("live")
    report(
        live_opening_longest_standstill_s=round(opening, 3),
        live_pans=pans,
        live_panning_longest_standstill_s=round(longest, 3),
    )


def again():
    """A project with a live layer, opened in a new QGIS."""
    yield 3000
    assert QgsProject.instance().read(str(WORK / "project.qgz"))
    (found,) = [
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if layer.source().endswith("live.vrt")
    ]
    assert found.isValid()
    yield from drawn()
    block = found.dataProvider().block(1, found.extent(), 64, 50)
    values = {int(block.value(row, column)) for row in range(50) for column in range(64)}
    assert len(values) > 2, values
    report(live_layer_after_reopening=sorted(values))


def act(steps):
    """Goes on with the steps, each after the time that it asks for."""
    try:
        wait = next(steps)
    except StopIteration:
        os._exit(0)
    except BaseException:
        print(traceback.format_exc(), flush=True)
        os._exit(1)
    QTimer.singleShot(wait, lambda: act(steps))


act(globals()[os.environ["ACT"]]())
