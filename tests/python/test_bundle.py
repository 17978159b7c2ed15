"""Installing the native library: from a file, over the network, and what is refused."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import threading
import zipfile

import pytest
import support
from qgis.core import QgsProcessingException, QgsProcessingFeedback

PLATFORM = "linux-x86_64"
GOOD = {
    "gdal_SpectralGPT.so": b"library",
    "onnxruntime/libonnxruntime.so.1": b"runtime",
    "VERSION": b"1.2.3\n",
    "PLATFORM": PLATFORM.encode(),
}


def sums(members):
    lines = (f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members.items())
    return "".join(lines).encode()


def packed(members, listed=None, method=zipfile.ZIP_STORED):
    """Makes a bundle; `listed` are the members that the list of sums is made of."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr("SHA256SUMS", sums(members if listed is None else listed))
    return content.getvalue()


def damaged(content):
    """Changes the first bytes of the first member, which are no deflate stream then."""
    start = 30 + len("gdal_SpectralGPT.so")
    return content[:start] + b"\xff\xff" + content[start + 2 :]


@pytest.fixture
def bundle(plugin):
    from spectralgpt_qgis import bundle

    return bundle


def test_a_bundle_replaces_the_one_before(bundle, tmp_path):
    for library in (b"library", b"a newer one"):
        made = bundle.install(packed({**GOOD, "gdal_SpectralGPT.so": library}), tmp_path, PLATFORM)
        assert made.folder == tmp_path / "1.2.3" / PLATFORM
        assert (made.folder / "gdal_SpectralGPT.so").read_bytes() == library
        assert (made.folder / "onnxruntime/libonnxruntime.so.1").read_bytes() == b"runtime"
        assert sorted(GOOD) == made.checked
    assert [file.name for file in made.folder.parent.iterdir()] == [PLATFORM]


@pytest.mark.parametrize(
    ("words", "content"),
    [
        ("no zip", b"nothing"),
        ("damaged.*invalid", damaged(packed(GOOD, method=zipfile.ZIP_DEFLATED))),
        ("list of sums", packed({"a": b""})),
        ("is for win32-amd64", packed({**GOOD, "PLATFORM": b"win32-amd64"})),
        ("damaged: gdal", packed({**GOOD, "gdal_SpectralGPT.so": b"other"}, GOOD)),
        ("damaged: evil", packed({**GOOD, "evil": b""}, GOOD)),
        ("damaged: onnx", packed({k: v for k, v in GOOD.items() if "onnx" not in k}, GOOD)),
        ("outside", packed({**GOOD, "../evil": b""})),
        ("outside", packed({**GOOD, "/evil": b""})),
        ("version", packed({**GOOD, "VERSION": b"../../x"})),
        ("no library", packed({k: v for k, v in GOOD.items() if "gdal" not in k})),
    ],
)
def test_what_is_no_sound_bundle_is_refused(bundle, tmp_path, words, content):
    with pytest.raises(bundle.BundleError, match=words):
        bundle.install(content, tmp_path / "profile", PLATFORM)
    assert not list(tmp_path.rglob("*"))


def test_a_bundle_of_another_release_is_refused(bundle, tmp_path, monkeypatch):
    pins = tmp_path / "pins"
    monkeypatch.setattr(bundle, "PINS", pins)
    pins.write_text(f"{hashlib.sha256(sums(GOOD)).hexdigest()}  {PLATFORM}\n")
    bundle.install(packed(GOOD), tmp_path, PLATFORM)
    with pytest.raises(bundle.BundleError, match="one release"):
        bundle.install(packed({**GOOD, "more": b""}), tmp_path, PLATFORM)


@pytest.fixture
def address(tmp_path):
    """Serves a folder on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_bundle_is_downloaded(bundle, address, monkeypatch, tmp_path):
    from spectralgpt_qgis import engine
    from spectralgpt_qgis.algorithms import install_native_library as install

    folder, url = address
    feedback = QgsProcessingFeedback()
    with pytest.raises(QgsProcessingException, match="no address"):
        install._download(feedback)
    monkeypatch.setattr(engine, "setting", lambda _name: url)
    with pytest.raises(QgsProcessingException, match="no checksum"):
        install._download(feedback)
    monkeypatch.setattr(bundle, "PINS", tmp_path / "pins")
    bundle.PINS.write_text(f"{'0' * 64}  {PLATFORM}\n")
    with pytest.raises(QgsProcessingException, match="cannot be downloaded"):
        install._download(feedback)
    name = bundle.name(install.version(), PLATFORM)
    (folder / name).write_bytes(packed(GOOD))
    assert install._download(feedback) == packed(GOOD)


@pytest.fixture(scope="session")
def real(work):
    """A bundle of the tested build, or the one that the environment names."""
    if "SPECTRALGPT_BUNDLE" in os.environ:
        return os.environ["SPECTRALGPT_BUNDLE"]
    wheels = list(support.ROOT.glob(".venv/lib/python3*/site-packages/onnxruntime"))
    if not wheels:
        pytest.skip("ONNX Runtime's wheel not found in .venv")
    command = [support.ROOT / "tools/bundle", support.BUILD, work / "bundle", wheels[0]]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_a_fresh_profile_is_made_to_work_without_network(process, profile, real, scene, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(profile, home)
    bare = {"library": None, "home": home}
    before = process("run", "spectralgpt:check_installation", **bare)
    assert before.returncode == 1
    assert "Install native library" in before.stderr
    run = process("run", "spectralgpt:install_native_library", "--", f"FILE={real}", **bare)
    assert run.returncode == 0, run.stderr
    folder = json.loads(run.stdout)["results"]["FOLDER"]
    assert folder.startswith(str(home))
    run = process("run", "spectralgpt:check_installation", json=False, **bare)
    assert run.returncode == 0, run.stderr
    assert f"Native library {support.VERSION} at '{folder}" in run.stdout
    assert f"at '{folder}/onnxruntime/libonnxruntime.so" in run.stdout
    made = tmp_path / "map.tif"
    arguments = ["--", f"INPUT={scene}", f"OUTPUT={made}"]
    assert process("run", "spectralgpt:segment", *arguments, **bare).returncode == 0
    theirs = tmp_path / "program.tif"
    support.program("predict", "builtin:landcover", str(scene), "-o", str(theirs))
    assert made.read_bytes() == theirs.read_bytes()
    # What somebody chose stays chosen, and the way out is told.
    bare["library"] = tmp_path / "gone.so"
    run = process("run", "spectralgpt:install_native_library", "--", f"FILE={real}", **bare)
    assert run.returncode == 0, run.stderr
    told = " ".join(json.loads(run.stdout)["log"]["warning"])
    assert "not used" in told and "gone.so" in told and "unset it" in told


def test_a_setting_that_names_no_file_says_how_to_undo_it(plugin, monkeypatch):
    from spectralgpt_qgis import engine

    monkeypatch.setattr(engine, "setting", lambda name: "/gone.so")
    monkeypatch.setattr(engine.spectralgpt._library._Process, "library", None)
    words = engine.missing()
    assert "'/gone.so'" in words and "empty 'Native library' in Settings" in words
