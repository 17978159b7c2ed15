"""What tests share: the build that is tested, scenes, checkpoints, runs of programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
from osgeo import gdal, osr

ROOT = Path(__file__).resolve().parents[2]
VERSION = re.search(r'\nversion = "(.*?)"', (ROOT / "Cargo.toml").read_text()).group(1)
BUILD = ROOT / "target" / os.environ.get("SPECTRALGPT_PROFILE", "debug")
LIBRARY = BUILD / "libspectralgpt.so"
PROGRAM = BUILD / "spectralgpt"
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
WIDTH, HEIGHT = 203, 141
SPECTRA = (
    (1450, 1400, 1350, 1250, 1200, 1180, 1170, 1150, 1140, 1130, 1080, 1060),
    (1250, 1300, 1450, 1300, 1700, 2900, 3400, 3600, 3700, 3600, 2500, 1700),
    (1700, 1900, 2200, 2600, 2900, 3100, 3200, 3300, 3450, 3400, 4000, 3600),
)


def pixels(width: int = WIDTH, height: int = HEIGHT, shift: int = 0) -> np.ndarray:
    """Makes digital numbers of three kinds of cover in patches, (band, row, column)."""
    row, column = np.mgrid[0:height, 0:width]
    cover = (row // 48 + column // 64 + shift) % 3
    noise = (7 * row + 13 * column) % 97
    return np.stack([np.take(spectrum, cover) + noise for spectrum in zip(*SPECTRA)]).astype("u2")


def scene(path: Path, width: int = WIDTH, height: int = HEIGHT, shift: int = 0) -> Path:
    """Writes a scene of 10 m pixels with an offset of -1000 in its metadata."""
    made = gdal.GetDriverByName("GTiff").Create(
        str(path), width, height, len(BANDS), gdal.GDT_UInt16, ["TILED=YES"]
    )
    made.SetGeoTransform((600_000, 10, 0, 5_400_000, 0, -10))
    srs = osr.SpatialReference()
    srs.ImportFromEPSG(32633)
    made.SetProjection(srs.ExportToWkt())
    made.SetMetadataItem("BOA_ADD_OFFSET", "-1000")
    made.WriteArray(pixels(width, height, shift))
    for number, name in enumerate(BANDS, 1):
        made.GetRasterBand(number).SetDescription(name)
    made.FlushCache()
    return path


def polygons(path: Path) -> Path:
    """Writes a labelled square in every patch of `scene`, with the field `cover`."""
    features = []
    for row in range(HEIGHT // 48):
        for column in range(WIDTH // 64):
            x, y = 600_000 + 640 * column + 80, 5_400_000 - 480 * row - 80
            ring = f"{x} {y},{x + 400} {y},{x + 400} {y - 280},{x} {y - 280},{x} {y}"
            name = ("water", "trees", "soil")[(row + column) % 3]
            features.append(f'"POLYGON(({ring}))",{name}')
    path.write_text("WKT,cover\n" + "\n".join(features) + "\n", encoding="utf-8")
    layer = gdal.OpenEx(str(path))
    made = path.with_suffix(".gpkg")
    gdal.VectorTranslate(str(made), layer, dstSRS="EPSG:32633", srcSRS="EPSG:32633")
    return made


def point(path: Path, x: float, y: float) -> Path:
    """Writes a point of the scene's reference system, in degrees."""
    there, here = osr.SpatialReference(), osr.SpatialReference()
    there.ImportFromEPSG(4326)
    there.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    here.ImportFromEPSG(32633)
    place = osr.CoordinateTransformation(here, there).TransformPoint(x, y)[:2]
    shape = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Point", "coordinates": place},
    }
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [shape]}))
    return path


def features(path: Path) -> list[tuple[dict[str, object], float]]:
    """Reads the attributes and the area of every feature of a file."""
    source = gdal.OpenEx(str(path))
    listed = []
    for feature in source.GetLayer(0):
        shape = feature.GetGeometryRef()
        listed.append((feature.items(), shape.GetArea() if shape else 0.0))
    return listed


def program(*arguments: str) -> str:
    """Runs the command line program and returns what it printed."""
    run = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def checkpoint(path: Path, kind: str) -> Path:
    """Writes a checkpoint of generated weights, one block deep."""
    subprocess.run([BUILD / "examples/checkpoint", path, "1", kind], check=True)
    return path


def classes(description: str) -> list[str]:
    """Lists the names of a described model's classes."""
    return [entry["name"] for entry in json.loads(description)["classes"]]
