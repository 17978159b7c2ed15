# SPDX-License-Identifier: GPL-2.0-or-later
"""SpectralGPT in the Processing toolbox. Nothing native is loaded until an algorithm runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .plugin import Plugin


def classFactory(iface: QgisInterface | None) -> Plugin:
    """Makes the plugin; `iface` is None without a window."""
    from .plugin import Plugin

    return Plugin(iface)
