"""Downloading a bundle: what arrives, what is refused, cancel while a server says nothing."""

from __future__ import annotations

import http.server
import shutil
import signal
import threading
import time
from contextlib import contextmanager

import pytest
from qgis.core import (
    QgsApplication,
    QgsNetworkAccessManager,
    QgsProcessingAlgRunnerTask,
    QgsProcessingException,
    QgsTask,
)
from qgis.PyQt.QtCore import QEventLoop, QTimer
from test_bundle import GOOD, PLATFORM, packed
from test_plugin import Told

CONTENT = packed({**GOOD, "padding": bytes(range(256)) * 4000})
LONG = 60  # seconds; only a test that fails waits for so long


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers as the first part of the path says."""

    def do_GET(self):
        getattr(self, self.path.split("/")[1])()

    def log_message(self, *_words):
        pass

    def head(self, size):
        self.send_response(200)
        if size:
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def all(self):
        self.head(len(CONTENT))
        sent = 0
        # Qt tells of progress ten times a second, when something came.
        while sent < len(CONTENT) // 2 and not self.server.shown.wait(0.05):
            self.wfile.write(CONTENT[sent : sent + 1000])
            sent += 1000
        self.wfile.write(CONTENT[sent:])

    def moved(self):
        self.send_response(302)
        self.send_header("Location", self.path.replace("moved", "all"))
        self.end_headers()

    def gone(self):
        self.send_error(404)

    def cut(self):
        self.head(len(CONTENT))
        self.wfile.write(CONTENT[:1000])

    def endless(self):
        self.head(None)
        while not self.server.released.is_set():
            self.wfile.write(bytes(100_000))

    def silent(self):
        self.server.stalled.set()
        self.server.released.wait(LONG)

    def stalled(self):
        self.head(len(CONTENT))
        self.wfile.write(CONTENT[:1000])
        self.silent()


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.handle_error = lambda *_: None  # a client that goes away is what is tested
    made.stalled, made.shown, made.released = (threading.Event() for _ in range(3))
    threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    made.shown.set()
    made.released.set()
    made.shutdown()
    made.server_close()


@pytest.fixture
def install(plugin, server, monkeypatch, tmp_path):
    """The algorithm's module, made to download from the server; answers are told by name."""
    from spectralgpt_qgis import bundle, engine
    from spectralgpt_qgis.algorithms import install_native_library as module

    monkeypatch.setattr(bundle, "PINS", tmp_path / "pins")
    bundle.PINS.write_text(f"{'0' * 64}  {PLATFORM}\n")
    monkeypatch.setattr(engine, "profile_folder", lambda: tmp_path / "profile")

    def answer(name):
        url = f"http://127.0.0.1:{server.server_port}/{name}"
        monkeypatch.setattr(engine, "setting", lambda _name: url)
        return module

    return answer


def when(event, act):
    """Acts on this thread's event loop once something happened; keep what is returned."""
    timer = QTimer()

    def look():
        if event.is_set():
            timer.stop()
            act()

    timer.timeout.connect(look)
    timer.start(20)
    return timer


@contextmanager
def soon():
    """Fails if something takes as long as the network's patience, which is a minute."""
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    print(f"{seconds:.2f} s")
    assert seconds < LONG / 2


@pytest.mark.parametrize("name", ["all", "moved"])
def test_a_bundle_arrives_and_progress_is_shown_meanwhile(install, server, name):
    told = Told()
    told.progressChanged.connect(lambda _share: server.shown.set())
    with soon():
        assert install(name)._download(told) == CONTENT
    assert told.shares == sorted(told.shares)
    assert 0 < told.shares[0] <= 50 and told.shares[-1] == 100


@pytest.mark.parametrize(
    ("name", "words"),
    [("gone", "gone/.*zip' cannot be downloaded.*[Nn]ot [Ff]ound"), ("cut", "closed")],
)
def test_what_does_not_arrive_is_said(install, name, words):
    with pytest.raises(QgsProcessingException, match=f"{words}.*Choose the file"):
        install(name)._download(Told())


def test_a_server_that_says_nothing_is_given_up(install):
    patience = QgsNetworkAccessManager.timeout()
    QgsNetworkAccessManager.setTimeout(300)
    try:
        with pytest.raises(QgsProcessingException, match=r"nothing came for 0.3 s.*Choose"):
            install("stalled")._download(Told())
    finally:
        QgsNetworkAccessManager.setTimeout(patience)


@pytest.mark.parametrize("name", ["all", "endless"])
def test_more_than_a_bundle_can_be_is_refused(install, name, monkeypatch):
    module = install(name)
    monkeypatch.setattr(module.bundle, "LARGEST", 1 << 19)
    with pytest.raises(QgsProcessingException, match=r"larger than 0\.5 MiB"):
        module._download(Told())


@pytest.mark.parametrize("name", ["silent", "stalled"])
def test_cancel_ends_a_stalled_download(install, server, algorithm, context, tmp_path, name):
    install(name)
    told = Told()
    timer = when(server.stalled, told.cancel)
    with soon(), pytest.raises(QgsProcessingException, match="Cancelled; nothing was installed"):
        algorithm("install_native_library").run({}, context, told, {}, False)
    assert not timer.isActive()
    assert not (tmp_path / "profile").exists()


def test_what_was_cancelled_before_is_not_waited_for(install):
    told = Told()
    told.cancel()
    with soon(), pytest.raises(QgsProcessingException, match="Cancelled"):
        install("stalled")._download(told)


@pytest.mark.parametrize("name", ["silent", "stalled"])
def test_cancel_ends_a_download_of_a_dialog(install, server, algorithm, context, tmp_path, name):
    """In a window the work is done on another thread, and cancelled from the main one."""
    install(name)
    told, loop = Told(), QEventLoop()
    task = QgsProcessingAlgRunnerTask(algorithm("install_native_library"), {}, context, told)
    task.executed.connect(loop.quit)
    timer = when(server.stalled, told.cancel)
    with soon():
        QgsApplication.taskManager().addTask(task)
        loop.exec()
    assert not timer.isActive()
    assert task.status() == QgsTask.TaskStatus.Terminated
    assert any("Cancelled; nothing was installed" in line for line in told.errors), told.errors
    assert not (tmp_path / "profile").exists()


def test_ctrl_c_ends_a_stalled_download(process, profile, server, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(profile, home)
    folder = home / "profiles/default"
    pins = folder / "python/plugins/spectralgpt_qgis/bundles.sha256"
    pins.write_text(f"{'0' * 64}  {PLATFORM}\n")
    url = f"http://127.0.0.1:{server.server_port}/stalled"
    with (folder / "QGIS/QGIS3.ini").open("a") as ini:
        ini.write(f"[Processing]\nConfiguration\\SPECTRALGPT_BUNDLE_URL={url}\n")

    def interrupt(started):
        assert server.stalled.wait(LONG)
        started.send_signal(signal.SIGINT)
        with soon():
            started.wait(LONG)

    arguments = ["run", "spectralgpt:install_native_library"]
    run = process(*arguments, json=False, library=None, home=home, before_end=interrupt)
    assert run.returncode == 1
    assert "Cancelled; nothing was installed" in run.stderr
    assert not (folder / "spectralgpt").exists()
