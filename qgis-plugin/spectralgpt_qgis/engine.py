# SPDX-License-Identifier: GPL-2.0-or-later
"""The native library as the plugin uses it: found in settings or profile, loaded once."""

from __future__ import annotations

import os
from pathlib import Path

from osgeo import gdal
from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.core import Qgis, QgsApplication, QgsMessageLog

from ._vendor import spectralgpt
from .texts import in_dialog_words, tr

LIBRARY_SETTING = "SPECTRALGPT_LIBRARY_FILE"
URL_SETTING = "SPECTRALGPT_BUNDLE_URL"
FILE = "gdal_SpectralGPT.so"
VARIABLE = "SPECTRALGPT_LIBRARY"


def add_settings(group: str, icon: object) -> None:
    """Adds the plugin's settings to Processing's options."""
    ProcessingConfig.settingIcons[group] = icon
    for name, words, kind in (
        (LIBRARY_SETTING, tr("Native library (empty: the installed one)"), Setting.FILE),
        (URL_SETTING, tr("Address of the native library's bundle"), Setting.STRING),
    ):
        ProcessingConfig.addSetting(Setting(group, name, words, "", valuetype=kind))
    ProcessingConfig.readSettings()


def remove_settings() -> None:
    """Takes the plugin's settings out of Processing's options."""
    for name in (LIBRARY_SETTING, URL_SETTING):
        ProcessingConfig.removeSetting(name)


def setting(name: str) -> str:
    """Returns a setting's text, empty if it is not set."""
    return str(ProcessingConfig.getSetting(name) or "").strip()


def profile_folder() -> Path:
    """Returns the folder of the user's profile that holds native libraries, one per version."""
    return Path(QgsApplication.qgisSettingsDirPath()) / "spectralgpt" / "native"


def installed() -> list[Path]:
    """Lists the libraries in the profile for this platform, the newest version first."""
    files = profile_folder().glob(f"*/{spectralgpt.platform_name()}/{FILE}")

    def version(file: Path) -> list[int]:
        parts = file.parent.parent.name.split(".")
        return [int(part) if part.isdigit() else 0 for part in parts]

    return sorted(files, key=version, reverse=True)


def load() -> spectralgpt.Library:
    """Loads the library.

    Raises:
        LibraryError: it is missing or cannot be used; the words say what to do.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        return spectralgpt.load(setting(LIBRARY_SETTING) or None, installed())
    except spectralgpt.LibraryError as error:
        raise spectralgpt.LibraryError(f"{error}. {remedy()}") from error


def chosen() -> bool:
    """Tells whether settings or environment name a library."""
    return bool(setting(LIBRARY_SETTING) or os.environ.get(VARIABLE))


def remedy() -> str:
    """Says how to get the library, or how to undo the choice of one that cannot be used."""
    if setting(LIBRARY_SETTING):
        return tr(
            "Correct or empty 'Native library' in Settings > Options > Processing > Providers > "
            "SpectralGPT; empty, the installed library is used."
        )
    if os.environ.get(VARIABLE):
        return tr(
            "Correct the environment variable {}, or unset it, and start QGIS anew; without it, "
            "the installed library is used."
        ).format(VARIABLE)
    return tr(
        "Run 'Install native library' in the Processing toolbox (SpectralGPT > Set-up): it "
        "downloads the library, or takes it from a file."
    )


def missing() -> str:
    """Returns why the library cannot be used; empty if it can."""
    try:
        load()
    except spectralgpt.LibraryError as error:
        return str(error)
    return ""


def register_live_layers() -> None:
    """Lets this process's GDAL read live layers, if the library is here; failure is logged only."""
    try:
        load()
        spectralgpt.register_gdal(gdal_module())
    except spectralgpt.Error as error:
        QgsMessageLog.logMessage(
            tr("Live layers cannot be shown: {}").format(in_dialog_words(str(error))),
            "SpectralGPT",
            Qgis.MessageLevel.Info,
        )


def gdal_module() -> str:
    """Returns a library that uses QGIS's GDAL: Python's binding of it."""
    return str(gdal._gdal.__file__)
