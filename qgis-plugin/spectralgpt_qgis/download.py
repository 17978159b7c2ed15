# SPDX-License-Identifier: GPL-2.0-or-later
"""Downloads over QGIS's network: its proxy, its certificates, its patience."""

from __future__ import annotations

from qgis.core import QgsFeedback, QgsNetworkAccessManager
from qgis.PyQt.QtCore import QEventLoop, QUrl
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from .texts import tr

ASK_ANEW = QNetworkRequest.CacheLoadControl.AlwaysNetwork
NO_LESS_SAFE = QNetworkRequest.RedirectPolicy.NoLessSafeRedirectPolicy


class DownloadError(Exception):
    """Says why nothing was downloaded."""


def fetched(url: str, feedback: QgsFeedback, largest: int) -> bytes:
    """Returns what is at an address: at most `largest` bytes; nothing if it was cancelled.

    Events of the calling thread go on meanwhile. QgsBlockingNetworkRequest stops those of the main
    thread, where qgis_process works: no progress is shown then, and Ctrl-C is heard when the
    network's patience ends, a minute later.

    Raises:
        DownloadError: it cannot be had whole.
    """
    reply = QgsNetworkAccessManager.instance().get(_request(url))
    loop = QEventLoop()
    size = 0

    def show(done: int, total: int) -> None:
        nonlocal size
        size = max(done, total)
        if size > largest:
            reply.abort()
        elif total > 0:
            feedback.setProgress(100 * done / total)

    reply.downloadProgress.connect(show)
    reply.finished.connect(loop.quit)
    feedback.canceled.connect(reply.abort)
    if feedback.isCanceled():
        reply.abort()
    if reply.isRunning():
        loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    reply.deleteLater()
    if feedback.isCanceled():
        return b""
    if size > largest:
        raise DownloadError(tr("it is larger than {:g} MiB").format(largest / (1 << 20)))
    _check(reply)
    return bytes(reply.readAll())


def _request(url: str) -> QNetworkRequest:
    """Makes a request that follows redirections and leaves QGIS's cache alone."""
    request = QNetworkRequest(QUrl(url))
    attribute = QNetworkRequest.Attribute
    request.setAttribute(attribute.RedirectPolicyAttribute, NO_LESS_SAFE)
    request.setAttribute(attribute.CacheLoadControlAttribute, ASK_ANEW)
    request.setAttribute(attribute.CacheSaveControlAttribute, False)
    return request


def _check(reply: QNetworkReply) -> None:
    """Says what went wrong; what nobody cancelled was cancelled by QGIS's patience."""
    error = QNetworkReply.NetworkError
    if reply.error() == error.OperationCanceledError:
        seconds = QgsNetworkAccessManager.timeout() / 1000
        raise DownloadError(tr("nothing came for {:g} s").format(seconds))
    if reply.error() != error.NoError:
        raise DownloadError(reply.errorString())
