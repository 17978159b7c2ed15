"""Packs the QGIS plugin: its files, a copy of the Python package, pins of bundles.

usage: package.py [--release] FOLDER [BUNDLE.zip ...]     makes FOLDER/spectralgpt_qgis and its zip

--release refuses addresses that are placeholders, and a plugin that knows no bundle.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import rules

ROOT = Path(__file__).resolve().parent.parent
NAME = "spectralgpt_qgis"
EPOCH = (2020, 1, 1, 0, 0, 0)  # the same files give the same zip


def version() -> str:
    """Returns the project's version."""
    text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'\[workspace\.package\]\nversion = "([^"]+)"', text)
    if not found:
        raise SystemExit("package: Cargo.toml has no version")
    return found.group(1)


def copied(folder: Path, bundles: list[Path]) -> Path:
    """Makes the plugin's folder."""
    made = folder / NAME
    shutil.rmtree(made, ignore_errors=True)
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "qgis-plugin" / NAME, made, ignore=unwanted)
    shutil.copytree(ROOT / "python/spectralgpt", made / "_vendor/spectralgpt", ignore=unwanted)
    (made / "_vendor/__init__.py").write_text('"""Copies of packages that the plugin uses."""\n')
    for licence in ("LICENSE-MIT", "LICENSE-APACHE"):
        shutil.copy(ROOT / licence, made / "_vendor/spectralgpt" / licence)
    metadata = made / "metadata.txt"
    metadata.write_text(metadata.read_text(encoding="utf-8").replace("@VERSION@", version()))
    (made / "help.html").write_text(help_page(), encoding="utf-8")
    if bundles:
        (made / "bundles.sha256").write_text("".join(f"{pin}\n" for pin in pins(bundles)))
    return made


def help_page() -> str:
    """Returns docs/qgis.md as a page; rows of algorithms can be linked to."""
    text = html.escape((ROOT / "docs/qgis.md").read_text(encoding="utf-8"), quote=False)
    rows = re.sub(r"(?m)^\| `(\w+)` \|", r'| <b id="\1">\1</b> |', text)
    style = "font: 1em sans-serif; max-width: 60em; margin: 2em auto; white-space: pre-wrap"
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>SpectralGPT in QGIS"
        f"</title></head><body style='{style}'>{rows}</body></html>\n"
    )


def pins(bundles: list[Path]) -> Iterator[str]:
    """Yields the SHA-256 of the list of sums of each bundle of this version, and its platform."""
    for bundle in bundles:
        with zipfile.ZipFile(bundle) as archive:
            if archive.read("VERSION").decode().strip() != version():
                continue
            sums = hashlib.sha256(archive.read("SHA256SUMS")).hexdigest()
            yield f"{sums}  {archive.read('PLATFORM').decode().strip()}"


def packed(made: Path) -> Path:
    """Makes the zip of the plugin's folder."""
    file = made.parent / f"{NAME}-{version()}.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in made.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(made.parent)), EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return file


def main() -> None:
    """Packs and checks."""
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--release", action="store_true")
    parser.add_argument("folder", type=Path)
    parser.add_argument("bundles", type=Path, nargs="*")
    told = parser.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    made = copied(told.folder, told.bundles)
    file = packed(made)
    broken = rules.broken(file, told.release)
    if told.release and not list(pins(told.bundles)):
        broken.append("no bundle is given, so the plugin could not check the one that it installs")
    if broken:
        file.unlink()
        raise SystemExit("\n".join(f"package: {rule}" for rule in broken))
    print(file)


if __name__ == "__main__":
    main()
