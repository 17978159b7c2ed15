# SPDX-License-Identifier: GPL-2.0-or-later
"""What every algorithm has: texts, a library that is there, errors in the dialog's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
)
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon

from .. import engine
from .._vendor import spectralgpt
from ..texts import in_dialog_words, tr
from ..watcher import cancelled
from .files import clash

GROUPS = {"maps": "Maps", "models": "Models", "data": "Data", "setup": "Set-up"}
HELP_PAGE = Path(__file__).parent.parent / "help.html"


class Algorithm(QgsProcessingAlgorithm):
    """An algorithm of ours; a subclass has texts, `parameters` and `work`."""

    ID = ""
    TITLE = ""
    SUMMARY = ""
    HELP = ""
    GROUP = "maps"
    TAGS: tuple[str, ...] = ()
    NEEDS_LIBRARY = True
    CAN_CANCEL = True

    def name(self) -> str:
        """Returns the id, for ever the same."""
        return self.ID

    def displayName(self) -> str:
        """Returns the title."""
        return tr(self.TITLE)

    def groupId(self) -> str:
        """Returns the group's id."""
        return self.GROUP

    def group(self) -> str:
        """Returns the group's title."""
        return tr(GROUPS[self.GROUP])

    def tags(self) -> list[str]:
        """Lists words that find the algorithm."""
        return [*(tr(tag) for tag in self.TAGS), "spectralgpt", "sentinel-2"]

    def shortDescription(self) -> str:
        """Returns one line."""
        return tr(self.SUMMARY)

    def shortHelpString(self) -> str:
        """Returns the help beside the parameters."""
        return f"<p>{tr(self.SUMMARY)}</p>{tr(self.HELP)}"

    def helpUrl(self) -> str:
        """Returns the page that says more; it comes with the plugin."""
        return f"{QUrl.fromLocalFile(str(HELP_PAGE)).toString()}#{self.ID}"

    def icon(self) -> QIcon:
        """Returns the provider's icon."""
        provider = self.provider()
        return provider.icon() if provider else QIcon()

    def flags(self) -> Any:
        """Returns what QGIS may do; what is done at once cannot be cancelled."""
        if self.CAN_CANCEL:
            return super().flags()
        return super().flags() & ~QgsProcessingAlgorithm.Flag.FlagCanCancel

    def createInstance(self) -> Algorithm:
        """Makes another one."""
        return type(self)()

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        """Adds the parameters."""
        del configuration
        for parameter in self.parameters():
            self.addParameter(parameter)

    def parameters(self) -> list[QgsProcessingParameterDefinition]:
        """Lists the parameters."""
        return []

    def canExecute(self) -> tuple[bool, str]:
        """Tells whether the library is here, and how to get it."""
        missing = engine.missing() if self.NEEDS_LIBRARY else ""
        return not missing, missing

    def checkParameterValues(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[bool, str]:
        """Checks that no output replaces an input or another output, then what QGIS checks."""
        words = clash(self, parameters, context)
        return (False, words) if words else super().checkParameterValues(parameters, context)

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> bool:
        """Loads the library, then looks at layers, on the thread that owns them.

        Raises:
            QgsProcessingException: the library is missing, a layer cannot be used, or an output
                would replace an input.
        """
        missing = engine.missing() if self.NEEDS_LIBRARY else ""
        words = missing or clash(self, parameters, context)
        if words:
            raise QgsProcessingException(words)
        with in_words():
            self.take(parameters, context, feedback)
        return True

    def take(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> None:
        """Takes from layers what `work` needs."""

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Runs; on another thread if there is a window.

        Raises:
            QgsProcessingException: it failed or was cancelled, with the library's words.
        """
        if feedback.isCanceled():
            raise cancelled()
        with in_words():
            return self.work(parameters, context, feedback)

    def work(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        """Does the work and returns the outputs."""
        raise NotImplementedError


@contextmanager
def in_words() -> Iterator[None]:
    """Turns what goes wrong into words for the dialog.

    Raises:
        QgsProcessingException: something did.
    """
    try:
        yield
    except spectralgpt.Cancelled as error:
        raise cancelled() from error
    except spectralgpt.Error as error:
        raise QgsProcessingException(in_dialog_words(str(error))) from error
    except OSError as error:
        raise QgsProcessingException(tr("A file failed: {}").format(error)) from error
    except RuntimeError as error:  # GDAL's, where another plugin turned its exceptions on
        raise QgsProcessingException(tr("GDAL failed: {}").format(error)) from error
