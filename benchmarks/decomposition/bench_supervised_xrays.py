"""Chest X-rays (PneumoniaMNIST, 28 x 28 pixels): patch codes and few atoms.

``python -m benchmarks.decomposition.bench_supervised_xrays [--quick]``

Trained on the training images. ``choosing``: a half of the published validation images,
drawn by a seed; ``chosen`` marks the dictionary that had the largest AUC on them, the
row to compare with what is published. ``other half``: the other validation images.
``folds``: five folds of the training images, means. ``test``: the published test
images, where the file holds them (``test_images`` and ``test_labels``, as the file of
the publishers does); nothing else looks at them.
The data are ``pneumonia_mnist/pneumonia_mnist.npz`` in the folder ``SKGEO_TEST_DATA``.
"""

import argparse
import os
import pathlib
import time
import warnings

import numpy as np
from sklearn.decomposition import NMF, PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from benchmarks.common import save
from skgeo.decomposition import PooledPatchCodes, SupervisedDictionaryLearning


def methods():
    logistic = LogisticRegression(C=0.01, max_iter=1000)
    few = {"tol": 1e-4, "reconstruction_weight": 0.01}
    return {
        "LR on pixels": make_pipeline(StandardScaler(), logistic),
        "PCA 25, LR": make_pipeline(PCA(25), LogisticRegression(max_iter=1000)),
        "NMF 25, LR": make_pipeline(
            NMF(25, init="nndsvda"), StandardScaler(), LogisticRegression(max_iter=1000)
        ),
        "linear SVM": make_pipeline(StandardScaler(), LinearSVC(C=1e-4)),
        "dictionary of pixels, 25 atoms": SupervisedDictionaryLearning(25, alpha=1e-4),
        "patch codes (DCT), LR": make_pipeline(
            PooledPatchCodes(dictionary="dct"), StandardScaler(), logistic
        ),
        "patch codes (DCT), dictionary of 10 atoms": make_pipeline(
            PooledPatchCodes(dictionary="dct"),
            SupervisedDictionaryLearning(10, alpha=1e-4, **few),
        ),
        "the same, 10 atoms, balanced classes": make_pipeline(
            PooledPatchCodes(dictionary="dct"),
            SupervisedDictionaryLearning(
                10, alpha=1e-4, class_weight="balanced", **few
            ),
        ),
        "patch codes (learned), dictionary of 10 atoms": make_pipeline(
            PooledPatchCodes(random_state=0),
            SupervisedDictionaryLearning(10, alpha=1e-4, **few),
        ),
    }


def images():
    """Images and labels of every part of the set that the file holds."""
    folder = pathlib.Path(os.environ["SKGEO_TEST_DATA"]) / "pneumonia_mnist"
    data, parts = np.load(folder / "pneumonia_mnist.npz"), {}
    for part in ("train", "val", "test"):
        if f"{part}_images" in data:
            rows = data[f"{part}_images"]
            labels = data[f"{part}_labels"].ravel()
            parts[part] = rows.reshape(len(rows), -1) / 255.0, labels
    return parts


def measures(model, X, y):
    scores, labels = model.decision_function(X), model.predict(X)
    return {
        "accuracy": accuracy_score(y, labels),
        "balanced accuracy": balanced_accuracy_score(y, labels),
        "AUC": roc_auc_score(y, scores),
    }


def judge(model, X, y, parts):
    """Measures on every part after a fit to the training images, and over folds."""
    start = time.process_time()
    model.fit(X, y)
    cpu = time.process_time() - start
    for part, (rows, labels) in parts.items():
        yield {
            "judged on": part,
            **measures(model, rows, labels),
            "images": len(labels),
            "cpu_s": cpu,
        }
    folds = StratifiedKFold(5, shuffle=True, random_state=78)
    found = [measures(model.fit(X[a], y[a]), X[b], y[b]) for a, b in folds.split(X, y)]
    means = {key: float(np.mean([f[key] for f in found])) for key in found[0]}
    yield {"judged on": "folds", **means, "images": len(y), "cpu_s": cpu}


def main(quick=False):
    parts = images()
    X, y = parts.pop("train")
    every = 6 if quick else 1  # rows are in the order of their labels
    rows, labels = parts.pop("val")
    A, B, a, b = train_test_split(
        rows, labels, test_size=0.5, stratify=labels, random_state=77
    )
    parts = {"choosing": (A, a), "other half": (B, b), **parts}
    found = []
    for name, model in methods().items():
        for row in judge(model, X[::every], y[::every], parts):
            found.append({"method": name, **row})
            print(found[-1], flush=True)
    few = {
        row["method"]: row["AUC"]
        for row in found
        if row["judged on"] == "choosing" and "atoms" in row["method"]
    }
    chosen = max(few, key=few.get)
    found = [{**row, "chosen": row["method"] == chosen} for row in found]
    save("supervised_dictionary_xrays", found, quick=quick)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    warnings.simplefilter("ignore")
    main(parser.parse_args().quick)
