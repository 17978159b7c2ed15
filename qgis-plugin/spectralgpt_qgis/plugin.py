# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS loads: adds the provider, registers live layers, says so if the library is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QPushButton

from . import engine
from .provider import Provider
from .texts import tr

if TYPE_CHECKING:
    from qgis.gui import QgisInterface, QgsMessageBarItem


class Plugin:
    """The plugin; `iface` is None in qgis_process."""

    def __init__(self, iface: QgisInterface | None) -> None:
        self._iface = iface
        self._provider: Provider | None = None
        self._message: QgsMessageBarItem | None = None

    def initProcessing(self) -> None:
        """Adds the provider, and live layers before any project is opened."""
        self._provider = Provider()
        QgsApplication.processingRegistry().addProvider(self._provider)
        engine.register_live_layers()

    def initGui(self) -> None:
        """Does the same with a window; a missing library is told when that is open."""
        self.initProcessing()
        QTimer.singleShot(0, self._tell_missing)

    def unload(self) -> None:
        """Removes the provider."""
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None

    def _tell_missing(self) -> None:
        if self._iface is None or self._provider is None or not engine.missing():
            return
        bar = self._iface.messageBar()
        item = bar.createMessage("SpectralGPT", tr("No usable native library is installed."))
        button = QPushButton(tr("Install…"))
        # A method: a function of its own would go with the button, while it runs.
        button.clicked.connect(self._install)
        self._message = item
        item.layout().addWidget(button)
        bar.pushWidget(item, Qgis.MessageLevel.Info)

    def _install(self) -> None:
        """Takes the message away, no other one, and opens the dialog."""
        import processing

        if self._iface is not None:
            self._iface.messageBar().popWidget(self._message)
        processing.execAlgorithmDialog("spectralgpt:install_native_library", {})
