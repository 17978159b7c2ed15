#!/usr/bin/env python3
"""Compares heads trained by `spectralgpt train` with classifiers of scikit-learn on bands alone.

    train.py PROGRAM MODEL DATA [OPTION...]

DATA is the folder of labelled patches (tests find it as shared/data); options go to `train`. The
blocks, the folds and the pixels drawn are those of the program: both are dealt here once more by the
same rules, and the pixels counted in the program's report must agree. Needs numpy, scikit-learn and
rasterio or GDAL's Python module.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TWELVE = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,B11,B12"
THIRTEEN = "B01,B02,B03,B04,B05,B06,B07,B08,B8A,B09,-,B11,B12"
MOST_OF_CLASS, MOST, LEAST_OF_CLASS, BLOCK, FOLDS = 5000, 40000, 1000, 32, 5
MASK = (1 << 64) - 1


def cases(data):
    patches = data / "02_terramesh_labelled_patches"
    for place in ["282D_485L_3_3", "433D_629L_3_1"]:
        # Only the second one's files carry the offset of newer products.
        offset = "-1000" if place.startswith("433D") else "0"
        yield place[:4] + " L2A", patches / f"S2L2A/{place}.tif", patches / f"LULC/{place}.tif", TWELVE, offset
    dates = data / "03_eolearn_slovenia_multitemporal"
    for day in ["07-11", "07-31", "08-20", "08-30", "09-09"]:
        yield f"03 {day}", dates / f"eolearn_svn_2015-{day}_L1C_13band.tif", dates / "eolearn_svn_LULC.tif", THIRTEEN, "0"


def read(path):
    script = ("import sys, numpy as np; from osgeo import gdal; gdal.UseExceptions();"
              "np.save(sys.argv[2], np.atleast_3d(gdal.Open(sys.argv[1]).ReadAsArray()))")
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        subprocess.run(["/usr/bin/python3", "-c", script, str(path), file.name], check=True)
        return np.load(file.name)


def lot(seed, index):
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def draw(labels):
    """Lists row, column and class of the pixels drawn."""
    values = [value for value in np.unique(labels) if value > 0]
    most = min(max(MOST // len(values), LEAST_OF_CLASS), MOST_OF_CLASS)
    drawn = []
    for place, value in enumerate(values):
        lots = sorted((lot(0, int(row) << 32 | int(col)), row, col) for row, col in zip(*np.where(labels == value)))
        drawn += [(row, col, place) for _, row, col in lots[:most]]
    return np.array(sorted(drawn)), values


def deal(drawn, classes):
    """Deals blocks into folds; returns a fold per block."""
    share = 1 / np.bincount(drawn[:, 2], minlength=classes)
    blocks = {}
    for row, col, place in drawn:
        blocks.setdefault((row // BLOCK, col // BLOCK), np.zeros(classes))[place] += share[place]
    order = sorted(blocks, key=lambda b: (-blocks[b].sum(), lot(0, int(b[0]) << 32 | int(b[1]))))
    folds, of = np.zeros((min(FOLDS, len(blocks)), classes)), {}
    for block in order:
        crowd = ((folds + blocks[block]) ** 2 - folds**2).sum(1)
        of[block] = int(crowd.argmin())
        folds[of[block]] += blocks[block]
    return of


def figures(truth, said):
    return f"{(truth == said).mean():.3f} / {f1_score(truth, said, average='macro'):.3f}"


def baseline(bands, labels, make):
    drawn, values = draw(labels)
    of = deal(drawn, len(values))
    rows, cols = np.where(labels > 0)
    truth = np.searchsorted(values, labels[rows, cols])
    fold = np.array([of[block] for block in zip(rows // BLOCK, cols // BLOCK)])
    drawn_fold = np.array([of[block] for block in zip(drawn[:, 0] // BLOCK, drawn[:, 1] // BLOCK)])
    said = np.empty_like(truth)
    for held_out in range(max(fold) + 1):
        learn, test = drawn[drawn_fold != held_out], fold == held_out
        classifier = make().fit(bands[:, learn[:, 0], learn[:, 1]].T, learn[:, 2])
        said[test] = classifier.predict(bands[:, rows[test], cols[test]].T)
    return figures(truth, said)


def main():
    program, model, data, *options = sys.argv[1:]
    print("overall accuracy / macro F1    majority  train  (spectrum alone)  random forest  logistic regression")
    for name, scene, labels_path, names, offset in cases(Path(data)):
        labels = read(labels_path)[..., 0]
        bands = read(scene).astype(np.float32)
        bands = bands[[i for i, band in enumerate(names.split(",")) if band != "-"]]
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run(
                [program, "train", model, scene, labels_path, "-o", f"{folder}/m.onnx", "--bands", names,
                 "--dn-offset", offset, "--json", "-q", *options], check=True, capture_output=True, text=True)
        report = json.loads(run.stdout)
        assert sum(c["support"] for c in report["classes"]) == (labels > 0).sum()
        assert sum(c["drawn"] for c in report["classes"]) == len(draw(labels)[0])
        pair = lambda f: f"{f['overall_accuracy']:.3f} / {f['macro_f1']:.3f}"
        forest = baseline(bands, labels, lambda: RandomForestClassifier(200, n_jobs=2, random_state=0))
        logistic = baseline(bands, labels, lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)))
        print(f"{name:9} {report['majority_rate']:.3f}  {pair(report['figures'])}  ({pair(report['comparison']['spectrum_alone'])})"
              f"  {forest}  {logistic}  {report['head']} {report['strength']} features: {report['uses_features']}"
              f"  {report['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
