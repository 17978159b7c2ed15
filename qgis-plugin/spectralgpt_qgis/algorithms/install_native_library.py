# SPDX-License-Identifier: GPL-2.0-or-later
"""`install_native_library`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
)

from .. import bundle, download, engine
from .._vendor import spectralgpt
from ..metadata import version
from ..texts import tr
from . import common
from .base import Algorithm

FILE, FOLDER, VERSION = "FILE", "FOLDER", "VERSION"


class InstallNativeLibrary(Algorithm):
    """Installs the native library into the user's profile."""

    ID = "install_native_library"
    TITLE = "Install native library"
    SUMMARY = "Installs what the other algorithms need: one file, into your profile."
    HELP = (
        "<p>Leave the bundle empty to download it from the address in Settings > Options > "
        "Processing > Providers > SpectralGPT, or choose a file that you have. Every file in it "
        "is checked. Nothing outside your profile is changed.</p>"
    )
    GROUP = "setup"
    TAGS = ("download", "binary", "onnx runtime")
    NEEDS_LIBRARY = False

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists the bundle."""
        return [
            common.helped(
                QgsProcessingParameterFile(
                    FILE,
                    tr("Bundle (empty: download)"),
                    fileFilter="Bundle (*.zip)",
                    optional=True,
                ),
                tr("spectralgpt-VERSION-PLATFORM.zip; for this computer: {}").format(
                    bundle.name(version(), spectralgpt.platform_name())
                ),
            )
        ]

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Adds where it is, too."""
        super().initAlgorithm(configuration)
        self.addOutput(QgsProcessingOutputString(FOLDER, tr("Folder")))
        self.addOutput(QgsProcessingOutputString(VERSION, tr("Version")))

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Gets the bundle, checks it, puts it into the profile, loads it."""
        file = self.parameterAsFile(parameters, FILE, context)
        content = Path(file).read_bytes() if file else _download(feedback)
        try:
            made = bundle.install(content, engine.profile_folder(), spectralgpt.platform_name())
        except bundle.BundleError as error:
            raise QgsProcessingException(str(error)) from error
        for line in made.checked:
            feedback.pushInfo(tr("Checked {}").format(line))
        feedback.pushInfo(tr("Installed version {}.").format(made.version))
        _use(made.folder, feedback)
        return {FOLDER: str(made.folder), VERSION: made.version}


def _use(folder: Path, feedback: QgsProcessingFeedback) -> None:
    """Loads the library, or says why another one or none is used."""
    try:
        library = engine.load()
    except spectralgpt.LibraryError as error:
        feedback.pushWarning(tr("It is installed, but not used: {}").format(error))
        return
    if library.path.parent == folder:
        spectralgpt.register_gdal(engine.gdal_module())
    elif engine.chosen():
        words = tr("It is installed, but '{}' is used, as was chosen. {}")
        feedback.pushWarning(words.format(library.path, engine.remedy()))
    else:
        feedback.pushWarning(
            tr("It is installed, but this QGIS has loaded '{}'; start QGIS anew.").format(
                library.path
            )
        )


def _download(feedback: QgsProcessingFeedback) -> bytes:
    """Fetches the bundle of this platform over QGIS's network, its proxy and certificates.

    Raises:
        QgsProcessingException: there is no address, or the download failed or was cancelled.
    """
    name = bundle.name(version(), spectralgpt.platform_name())
    address = engine.setting(engine.URL_SETTING)
    if not address:
        raise QgsProcessingException(
            tr(
                "No bundle was given, and the settings have no address to download from. Choose "
                "the file {} as the bundle, or set the address in Settings > Options > Processing "
                "> Providers > SpectralGPT."
            ).format(name)
        )
    if not bundle.pinned(spectralgpt.platform_name()):
        raise QgsProcessingException(
            tr(
                "This plugin knows no checksum of the bundle for {}, so it does not download it."
            ).format(spectralgpt.platform_name())
        )
    url = address if address.endswith(".zip") else f"{address.rstrip('/')}/{name}"
    feedback.pushInfo(tr("Downloading {}").format(url))
    try:
        content = download.fetched(url, feedback, bundle.LARGEST)
    except download.DownloadError as error:
        raise QgsProcessingException(
            tr("'{}' cannot be downloaded: {}. Choose the file as the bundle instead.").format(
                url, error
            )
        ) from error
    if feedback.isCanceled():
        raise QgsProcessingException(tr("Cancelled; nothing was installed."))
    return content
