"""The plugin site's rules, and the project's own about who imports what."""

from __future__ import annotations

import ast
import shutil
import sys
import zipfile

import pytest
import support

sys.path.insert(0, str(support.ROOT / "qgis-plugin"))
import rules


def changed(package, folder, change):
    """Packs the zip anew; `change` gets and returns {name: bytes}."""
    with zipfile.ZipFile(package) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    made = folder / "changed.zip"
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in change(members).items():
            archive.writestr(name, data)
    return made


TOP = "spectralgpt_qgis/"


def without(key):
    def change(members):
        lines = members[TOP + "metadata.txt"].decode().splitlines()
        kept = [line for line in lines if not line.startswith(f"{key}=")]
        assert len(kept) < len(lines)
        return {**members, TOP + "metadata.txt": "\n".join(kept).encode()}

    return change


def test_the_zip_is_fit_for_the_site(package):
    assert rules.broken(package) == []
    assert package.stat().st_size < 1 << 20
    with zipfile.ZipFile(package) as archive:
        licence = archive.read(TOP + "LICENSE").decode()
    assert "GNU GENERAL PUBLIC LICENSE" in licence


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("help.html", lambda members: {k: v for k, v in members.items() if k != TOP + "help.html"}),
        ("LICENSE", lambda members: {k: v for k, v in members.items() if k != TOP + "LICENSE"}),
        ("binary", lambda members: {**members, TOP + "a.so": b""}),
        ("binary", lambda members: {**members, TOP + "a": b"\x7fELF..."}),
        ("must not be in it", lambda members: {**members, TOP + "__pycache__/a.txt": b""}),
        ("one top folder", lambda members: {**members, "other/a.txt": b""}),
        ("more than", lambda members: {**members, TOP + "large.bin": bytes(26 << 20)}),
        *[("is missing", without(key)) for key in ("name", "about", "email", "qgisMinimumVersion")],
        ("no address", without("tracker")),
        ("hasProcessingProvider", without("hasProcessingProvider")),
    ],
)
def test_what_breaks_a_rule_is_found(package, tmp_path, words, change):
    found = rules.broken(changed(package, tmp_path, change))
    assert any(words in rule for rule in found), found


def test_a_release_has_no_placeholders_and_knows_its_bundle(package, tmp_path):
    import subprocess

    found = [line.split()[1] for line in rules.broken(package, release=True)]
    assert found == ["homepage", "tracker", "repository", "email"]

    def true_ones(members):
        name = TOP + "metadata.txt"
        return {**members, name: members[name].replace(b"example.org", b"example.com")}

    assert rules.broken(changed(package, tmp_path, true_ones), release=True) == []
    script = support.ROOT / "qgis-plugin/package.py"
    run = subprocess.run(
        [sys.executable, script, "--release", tmp_path / "release"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "no bundle is given" in run.stderr and "placeholder" in run.stderr
    assert not list(tmp_path.glob("release/*.zip"))


def test_packing_twice_gives_the_same_zip(package, tmp_path):
    import subprocess

    script = support.ROOT / "qgis-plugin/package.py"
    run = subprocess.run([sys.executable, script, tmp_path], capture_output=True, check=True)
    assert (tmp_path / package.name).read_bytes() == package.read_bytes(), run.stdout


def imported(folder):
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((file.name, alias.name.split(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield file.name, node.module.split(".")[0]


def test_one_package_knows_ctypes_the_other_qgis():
    domain = set(imported(support.ROOT / "python/spectralgpt"))
    plugin = set(imported(support.ROOT / "qgis-plugin/spectralgpt_qgis"))
    assert not [place for place in domain if place[1] in ("qgis", "osgeo", "processing")]
    assert not [place for place in plugin if place[1] in ("ctypes", "requests", "urllib")]
    assert {name for _, name in domain if name == "numpy"} == {"numpy"}
    assert [file for file, name in plugin if name == "numpy"] == ["similarity.py"]


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "python", "qgis-plugin", "tests/python", "tests/bench"],
        ["ruff", "format", "--check", "python", "qgis-plugin", "tests/python", "tests/bench"],
        ["bandit", "-q", "-r", "{plugin}"],
        ["mypy", "--config-file", "{root}/mypy.ini", "{plugin}", "{root}/python/spectralgpt"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_linters_are_content(package, command):
    import subprocess

    folder = package.parent / "spectralgpt_qgis"
    filled = [word.format(plugin=folder, root=support.ROOT) for word in command]
    tool = shutil.which(filled[0], path=str(support.ROOT / sys.prefix / "bin"))
    run = subprocess.run(
        [tool, *filled[1:]], cwd=support.ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_there_are_no_secrets(package):
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import default_settings

    secrets = SecretsCollection()
    with default_settings():
        for file in (package.parent / "spectralgpt_qgis").rglob("*"):
            if file.is_file():
                secrets.scan_file(str(file))
    assert secrets.json() == {}
