"""The rules of plugins.qgis.org, as far as a zip alone can break them."""

from __future__ import annotations

import configparser
import zipfile
from pathlib import Path, PurePosixPath

LARGEST = 25 << 20
KEYS = (
    "name",
    "description",
    "version",
    "qgisMinimumVersion",
    "author",
    "email",
    "about",
    "tracker",
    "repository",
    "homepage",
)
NEEDED = (
    "__init__.py",
    "metadata.txt",
    "LICENSE",
    "icon.svg",
    "help.html",
    "_vendor/spectralgpt/__init__.py",
)
FORBIDDEN_PARTS = ("__pycache__", ".git", "__MACOSX", "..")
BINARIES = (".so", ".dll", ".dylib", ".exe", ".pyd", ".pyc", ".onnx", ".a", ".whl")
ELF = b"\x7fELF"
ADDRESSES = ("homepage", "tracker", "repository", "email")
PLACEHOLDER = "example.org"


def broken(file: Path, release: bool = False) -> list[str]:
    """Lists the rules that a plugin's zip breaks; empty if it is fit to be published.

    Only of a release must the addresses be true: the site asks each for an answer.
    """
    found = []
    if file.stat().st_size > LARGEST:
        found.append(f"{file.stat().st_size} bytes, more than {LARGEST}")
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        tops = {PurePosixPath(name).parts[0] for name in names}
        if len(tops) != 1 or not all(top.isidentifier() for top in tops):
            return [*found, f"one top folder that is an identifier is needed, not {sorted(tops)}"]
        top = tops.pop()
        if "plugin" in top:
            found.append(f"the folder's name '{top}' holds the word 'plugin'")
        found += [f"{top}/{name} is missing" for name in NEEDED if f"{top}/{name}" not in names]
        for name in names:
            path = PurePosixPath(name)
            if set(path.parts) & set(FORBIDDEN_PARTS) or "\\" in name:
                found.append(f"'{name}' must not be in it")
            if path.suffix in BINARIES or archive.read(name)[: len(ELF)] == ELF:
                found.append(f"'{name}' is a binary")
        if f"{top}/metadata.txt" in names:
            parser = configparser.ConfigParser(interpolation=None)
            parser.read_string(archive.read(f"{top}/metadata.txt").decode())
            general = dict(parser["general"]) if parser.has_section("general") else {}
            found += _metadata(general)
            found += _placeholders(general) if release else []
    return found


def _placeholders(general: dict[str, str]) -> list[str]:
    return [
        f"metadata: {key} is the placeholder '{general[key]}'; write the true one into metadata.txt"
        for key in ADDRESSES
        if PLACEHOLDER in general.get(key, "")
    ]


def _metadata(general: dict[str, str]) -> list[str]:
    found = [f"metadata: {key} is missing" for key in KEYS if not general.get(key.lower())]
    for key in ("tracker", "repository", "homepage"):
        if not general.get(key, "").startswith("https://"):
            found.append(f"metadata: {key} is no address")
    if not general.get("version", "0")[0].isdigit():
        found.append("metadata: version is no number")
    if general.get("hasprocessingprovider") != "yes":
        found.append("metadata: qgis_process needs hasProcessingProvider=yes")
    if "linux" not in general.get("about", "").lower():
        found.append("metadata: about does not say which platforms work")
    return found
