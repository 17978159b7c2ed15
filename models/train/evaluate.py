"""Map labelled patches of real scenes with the program, and compare with their labels.

Needs GDAL's Python module and numpy. The labels are of other makers, dates and meanings than the
model's classes; TERRAMESH and SLOVENIA below say how they were matched.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from osgeo import gdal

CLASSES = ["water", "trees", "grass or shrub", "crops", "built", "bare", "snow or cloud"]
TWELVE = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12"

# Esri's annual land cover: water, trees, flooded vegetation, crops, built, bare, snow, cloud, rangeland.
TERRAMESH = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 6, 9: 2}
# eo-learn's example: cultivated, forest, grass, shrub, water, wetland, artificial, bare, snow.
SLOVENIA = {1: 3, 2: 1, 3: 2, 4: 2, 5: 0, 6: 2, 8: 4, 9: 5, 10: 6}

OTHER_OFFSET = {"433D_629L_3_1.tif": -1000}  # the others' numbers are without an offset


def read(path):
    """Return a raster's first band, (row, col)."""
    return gdal.Open(str(path)).GetRasterBand(1).ReadAsArray()


def patches(data):
    """Yield name, scene, labels, their meaning and the program's options of every patch."""
    folder = data / "02_terramesh_labelled_patches"
    for labels in sorted((folder / "LULC").glob("*.tif")):
        offset = OTHER_OFFSET.get(labels.name, 0)
        options = ["--bands", TWELVE, "--dn-offset", str(offset)]
        yield labels.name[:4].strip("_"), folder / "S2L2A" / labels.name, labels, TERRAMESH, options
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="the program 'spectralgpt'")
    parser.add_argument("model", help="landcover.onnx")
    parser.add_argument("data", type=Path, help="the folder with 02_terramesh... and 03_eolearn...")
    args = parser.parse_args()
    gdal.UseExceptions()
    print("| patch | overall accuracy | majority rate | macro F1 | F1 per class |\n|---|---|---|---|---|")
    for name, scene, labels, meaning, options in patches(args.data):
        truth = np.full(256, 255, np.uint8)
        truth[list(meaning)] = list(meaning.values())
        truth, given = truth[read(labels)], predict(args.program, args.model, scene, options)
        known = (truth != 255) & (given != 255)
        overall, majority, f1 = scores(truth[known], given[known])
        each = ", ".join(f"{key} {value:.2f}" for key, value in f1.items())
        print(f"| {name} | {overall:.3f} | {majority:.3f} | {np.mean(list(f1.values())):.3f} | {each} |")


if __name__ == "__main__":
    main()
