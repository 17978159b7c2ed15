"""Map scenes with the program, and compare with what is known of them.

With --generator: made landscapes of seeds never trained on, beside naming each pixel after the
class whose mean spectrum is nearest; the means are the scene's own, which favours that rule.
With --data: labelled patches of real scenes.

Needs GDAL's Python module and numpy. The labels are of other makers, dates and meanings than the
model's classes; TERRAMESH and SLOVENIA below say how they were matched.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from osgeo import gdal

import chips

CLASSES = ["water", "trees", "grass or shrub", "crops", "built", "bare", "snow or cloud"]
TWELVE = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12"

# Esri's annual land cover: water, trees, flooded vegetation, crops, built, bare, snow, cloud, rangeland.
TERRAMESH = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 6, 9: 2}
# eo-learn's example: cultivated, forest, grass, shrub, water, wetland, artificial, bare, snow.
SLOVENIA = {1: 3, 2: 1, 3: 2, 4: 2, 5: 0, 6: 2, 8: 4, 9: 5, 10: 6}

UNSEEN_SEED, UNSEEN, WIDTH, HEIGHT = 950_000_000, 12, 640, 512

OTHER_OFFSET = {"433D_629L_3_1.tif": -1000}  # the others' numbers are without an offset


def read(path):
    """Return a raster's first band, (row, col)."""
    raster = gdal.Open(str(path))
    return raster.GetRasterBand(1).ReadAsArray()


def patches(data):
    """Yield name, scene, labels, their meaning and the program's options of every patch."""
    folder = data / "02_terramesh_labelled_patches"
    for labels in sorted((folder / "LULC").glob("*.tif")):
        offset = OTHER_OFFSET.get(labels.name, 0)
        options = ["--bands", TWELVE, "--dn-offset", str(offset)]
        yield labels.name.split("_")[0], folder / "S2L2A" / labels.name, labels, TERRAMESH, options
    folder = data / "03_eolearn_slovenia_multitemporal"
    for scene in sorted(folder.glob("*_13band.tif")):
        labels = folder / "eolearn_svn_LULC.tif"
        yield scene.name[12:22], scene, labels, SLOVENIA, ["--dn-offset", "0"]


def predict(program, model, scene, options):
    """Return the program's map of a scene, (row, col)."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "map.tif"
        subprocess.run([program, "predict", "-q", model, str(scene), "-o", str(out), *options], check=True)
        return read(out)


def scores(truth, given):
    """Return the accuracy, the share of the commonest class, and F1 per class that is there."""
    classes, counts = np.unique(truth, return_counts=True)
    both = {k: 2 * np.sum((truth == k) & (given == k)) for k in classes}
    either = {k: np.sum(truth == k) + np.sum(given == k) for k in classes}
    f1 = {CLASSES[k]: float(both[k] / either[k]) for k in classes}
    return float(np.mean(truth == given)), float(counts.max() / counts.sum()), f1


def save(path, pixels):
    """Write digital numbers (band, row, col) as a GeoTIFF with named bands; 0 is no data."""
    bands, height, width = pixels.shape
    scene = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, gdal.GDT_UInt16)
    for i, (name, plane) in enumerate(zip(TWELVE.split(","), pixels)):
        band = scene.GetRasterBand(i + 1)
        band.SetDescription(name)
        band.SetNoDataValue(0)
        band.WriteArray(plane)


def nearest_mean(pixels, truth):
    """Return the accuracy of the nearest mean spectrum over (band, pixel) and their classes."""
    pixels = pixels.astype(np.float32)
    classes = np.unique(truth)
    means = [pixels[:, truth == k].mean(1, keepdims=True) for k in classes]
    away = np.stack([((pixels - mean) ** 2).sum(0) for mean in means])
    return float(np.mean(classes[away.argmin(0)] == truth))


def landscapes(program, model, generator):
    """Print a row per made landscape."""
    print("| seed | overall accuracy | nearest mean | macro F1 | F1 per class |\n|---|---|---|---|---|")
    stream = chips.stream(generator, UNSEEN_SEED, UNSEEN, WIDTH, HEIGHT)
    for seed, (offset, pixels, truth) in enumerate(stream, UNSEEN_SEED):
        with tempfile.TemporaryDirectory() as folder:
            scene = Path(folder) / "scene.tif"
            save(scene, pixels)
            given = predict(program, model, scene, ["--dn-offset", str(offset)])
        known = truth != chips.NO_TRUTH
        overall, _, f1 = scores(truth[known], given[known])
        row(seed, overall, nearest_mean(pixels[:, known], truth[known]), f1)


def real(program, model, data):
    """Print a row per patch."""
    print("| patch | overall accuracy | majority rate | macro F1 | F1 per class |\n|---|---|---|---|---|")
    for name, scene, labels, meaning, options in patches(data):
        truth = np.full(256, chips.NO_TRUTH, np.uint8)
        truth[list(meaning)] = list(meaning.values())
        truth, given = truth[read(labels)], predict(program, model, scene, options)
        known = (truth != chips.NO_TRUTH) & (given != chips.NO_TRUTH)
        row(name, *scores(truth[known], given[known]))


def row(name, overall, beside, f1):
    each = ", ".join(f"{key} {value:.2f}" for key, value in f1.items())
    print(f"| {name} | {overall:.3f} | {beside:.3f} | {np.mean(list(f1.values())):.3f} | {each} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="the program 'spectralgpt'")
    parser.add_argument("model", help="landcover.onnx")
    parser.add_argument("--generator", help="the built example 'landscapes'")
    parser.add_argument("--data", type=Path, help="the folder with 02_terramesh... and 03_eolearn...")
    args = parser.parse_args()
    gdal.UseExceptions()
    if args.generator:
        landscapes(args.program, args.model, args.generator)
    if args.data:
        real(args.program, args.model, args.data)


if __name__ == "__main__":
    main()
