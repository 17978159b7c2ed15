# SPDX-License-Identifier: GPL-2.0-or-later
"""Bundles of native files: a zip that lists the SHA-256 of its every member."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from .texts import tr

SUMS = "SHA256SUMS"
LIBRARY = "gdal_SpectralGPT.so"
PINS = Path(__file__).parent / "bundles.sha256"
LARGEST = 512 << 20
# Also what zipfile raises of a damaged, unknown or encrypted member.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class BundleError(Exception):
    """Says why a bundle was refused, and what to do."""


@dataclasses.dataclass(frozen=True)
class Installed:
    """What was installed, and the members that were checked."""

    folder: Path
    version: str
    checked: list[str]


def name(version: str, platform: str) -> str:
    """Returns a bundle's file name."""
    return f"spectralgpt-{version}-{platform}.zip"


def pinned(platform: str) -> str:
    """Returns the SHA-256 that the list of sums in a platform's bundle has; empty: not known."""
    if not PINS.is_file():
        return ""
    lines = (line.split() for line in PINS.read_text(encoding="utf-8").splitlines())
    return next((words[0] for words in lines if words[1:] == [platform]), "")


def install(content: bytes, profile: Path, platform: str) -> Installed:
    """Checks a bundle and puts it into `profile`/VERSION/PLATFORM, whole or not at all.

    Raises:
        BundleError: it is no bundle, is damaged, or is for another platform.
    """
    try:
        members = _members(content)
    except UNREADABLE as error:
        raise BundleError(
            tr("The file is not a bundle (no zip, or damaged): {}; get it anew.").format(error)
        ) from error
    sums = members.pop(SUMS, None)
    if sums is None or "PLATFORM" not in members or "VERSION" not in members:
        raise BundleError(tr("The file is not a bundle of SpectralGPT: it has no list of sums."))
    _check(members, sums, platform)
    version = members["VERSION"].decode("ascii", "replace").strip()
    if not version or set(version) - set("0123456789.-abcdefghijklmnopqrstuvwxyz"):
        raise BundleError(tr("The bundle's version '{}' is not one.").format(version))
    folder = profile / version / platform
    _place(members, folder)
    return Installed(folder, version, sorted(members))


def _members(content: bytes) -> dict[str, bytes]:
    """Reads the members; none may lie outside, and all together must be of a sensible size."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if sum(entry.file_size for entry in entries) > LARGEST:
            raise BundleError(tr("The bundle is larger than any bundle is."))
        for entry in entries:
            path = PurePosixPath(entry.filename)
            if path.is_absolute() or ".." in path.parts or "\\" in entry.filename:
                raise BundleError(tr("The bundle has a member outside: '{}'").format(path))
        return {entry.filename: archive.read(entry) for entry in entries}


def _check(members: dict[str, bytes], sums: bytes, platform: str) -> None:
    theirs = members["PLATFORM"].decode("ascii", "replace").strip()
    if theirs != platform:
        raise BundleError(
            tr("The bundle is for {}, this computer is {}; get the one for it.").format(
                theirs, platform
            )
        )
    pin = pinned(platform)
    if pin and hashlib.sha256(sums).hexdigest() != pin:
        raise BundleError(
            tr("The bundle is not the one of this plugin's release; get both from one release.")
        )
    lines = (line.split(maxsplit=1) for line in sums.decode("utf-8", "replace").splitlines())
    expected = {words[1].lstrip("*"): words[0] for words in lines if len(words) > 1}
    found = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    wrong = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    if wrong:
        raise BundleError(
            tr("The bundle is damaged: {} is not what its list says; get it anew.").format(
                ", ".join(wrong)
            )
        )
    if LIBRARY not in members:
        raise BundleError(tr("The bundle holds no library {}.").format(LIBRARY))


def _place(members: dict[str, bytes], folder: Path) -> None:
    """Writes the members beside the folder, then puts them in its place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent) as made:
        new, old = Path(made) / "new", Path(made) / "old"
        for member, data in members.items():
            path = new / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if folder.exists():
            # A library in use keeps its file open; the new one gets another.
            shutil.move(os.fspath(folder), os.fspath(old))
        new.rename(folder)
