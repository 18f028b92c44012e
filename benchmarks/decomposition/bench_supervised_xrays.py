"""Chest X-rays (PneumoniaMNIST, 28 x 28 pixels): patch codes and few atoms.

``python -m benchmarks.decomposition.bench_supervised_xrays [--quick]``

Trained on the training images. ``validation``: the published validation images, on
which settings were chosen. ``split``: a fifth of the training images, held out by a
seed that nothing was chosen on. ``test``: the published test images, where the file
holds them (``test_images`` and ``test_labels``, as the file of the publishers does),
of the methods fitted to the training images; ``chosen`` marks the dictionary that had
the largest AUC on the validation images, the row to compare with what is published.
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


def judge(judged, name, model, X, y, cpu):
    scores, labels = model.decision_function(X), model.predict(X)
    row = {
        "judged on": judged,
        "method": name,
        "accuracy": accuracy_score(y, labels),
        "balanced accuracy": balanced_accuracy_score(y, labels),
        "AUC": roc_auc_score(y, scores),
        "images": len(y),
        "cpu_s": cpu,
    }
    print(row, flush=True)
    return row


def fitted(model, X, y):
    start = time.process_time()
    return model.fit(X, y), time.process_time() - start


def main(quick=False):
    parts = images()
    X, y = parts["train"]
    every = 6 if quick else 1  # rows are in the order of their labels
    rows, tested = [], []
    for name, model in methods().items():
        model, cpu = fitted(model, X[::every], y[::every])
        rows.append(judge("validation", name, model, *parts["val"], cpu))
        if "test" in parts:
            tested.append(judge("test", name, model, *parts["test"], cpu))
    if tested:
        few = [k for k, row in enumerate(rows) if "atoms" in row["method"]]
        chosen = max(few, key=lambda k: rows[k]["AUC"])
        tested = [{**row, "chosen": k == chosen} for k, row in enumerate(tested)]
    A, B, a, b = train_test_split(X, y, test_size=0.2, stratify=y, random_state=77)
    for name, model in methods().items():
        model, cpu = fitted(model, A[::every], a[::every])
        rows.append(judge("split", name, model, B, b, cpu))
    save("supervised_dictionary_xrays", rows + tested, quick=quick)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    warnings.simplefilter("ignore")
    main(parser.parse_args().quick)
