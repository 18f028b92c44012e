"""Chest X-rays (PneumoniaMNIST, 28 x 28 pixels): patch codes and few atoms.

``python -m benchmarks.decomposition.bench_supervised_xrays [--quick]``

Trained on the training images. ``validation``: the published validation images, on
which settings were chosen. ``split``: a fifth of the training images, held out by a
seed that nothing was chosen on. The data are read from the folder in
``SKGEO_TEST_DATA``; the test images of the set are not in it.
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
from sklearn.model_selection import train_test_split
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
        "the same, balanced classes": make_pipeline(
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
    folder = pathlib.Path(os.environ["SKGEO_TEST_DATA"]) / "pneumonia_mnist"
    data = np.load(folder / "pneumonia_mnist.npz")
    rows = [data[name] for name in ("train_images", "val_images")]
    labels = [data[name].ravel() for name in ("train_labels", "val_labels")]
    X, X_new = (r.reshape(len(r), -1) / 255.0 for r in rows)
    return X, X_new, *labels


def main(quick=False):
    X, X_val, y, y_val = images()
    split = train_test_split(X, y, test_size=0.2, stratify=y, random_state=77)
    rows = []
    for judged, (A, B, a, b) in {
        "validation": (X, X_val, y, y_val),
        "split": (split[0], split[1], split[2], split[3]),
    }.items():
        if quick:
            A, a = A[:800], a[:800]
        for name, model in methods().items():
            start = time.process_time()
            model.fit(A, a)
            cpu = time.process_time() - start
            scores, labels = model.decision_function(B), model.predict(B)
            row = {
                "judged on": judged,
                "method": name,
                "accuracy": accuracy_score(b, labels),
                "balanced accuracy": balanced_accuracy_score(b, labels),
                "AUC": roc_auc_score(b, scores),
                "images": len(b),
                "cpu_s": cpu,
            }
            print(row, flush=True)
            rows.append(row)
    save("supervised_dictionary_xrays", rows, quick=quick)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    warnings.simplefilter("ignore")
    main(parser.parse_args().quick)
