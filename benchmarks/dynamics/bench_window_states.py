"""Window states beside raw samples and MiniRocket, on data sets that aeon ships.

Official splits, channels standardized, StandardScaler and RidgeClassifierCV for all;
one run, settings fixed beforehand. Needs ``aeon``.

    python -m benchmarks.dynamics.bench_window_states [--quick]
"""

import argparse
import time

import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.common import save
from skgeo.dynamics import HiPPOProjector

NAMES = (
    "ArrowHead",
    "GunPoint",
    "ItalyPowerDemand",
    "BasicMotions",
    "OSULeaf",
)


def load(name):
    from aeon.datasets import load_classification

    parts = []
    for split in ("train", "test"):
        X, y = load_classification(name, split=split, extract_path=None)
        X = np.asarray(X, dtype=float)
        spread = X.std(axis=2, keepdims=True)
        X = (X - X.mean(axis=2, keepdims=True)) / np.where(spread > 0, spread, 1.0)
        parts += [X, y]
    return parts


def methods(minirocket):
    yield "raw", None
    yield "last states", HiPPOProjector(32, window="1", output="last")
    yield "pooled window states", HiPPOProjector()
    yield "whole history, last", HiPPOProjector(32, measure="legs", output="last")
    if minirocket:
        from aeon.transformations.collection.convolution_based import MiniRocket

        yield "MiniRocket", MiniRocket(random_state=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rows = []
    for name in NAMES[1:3] if quick else NAMES:
        X, y, X_test, y_test = load(name)
        for label, features in methods(not quick):
            start = time.process_time()
            if features is None:
                A, B = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
            else:
                A = np.asarray(features.fit_transform(X))
                B = np.asarray(features.transform(X_test))
            model = make_pipeline(
                StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 10))
            ).fit(A, y)
            rows.append(
                {
                    "data": name,
                    "method": label,
                    "train": len(y),
                    "test": len(y_test),
                    "accuracy": float(model.score(B, y_test)),
                    "cpu": time.process_time() - start,
                }
            )
            print(rows[-1], flush=True)
    save("dynamics_window_states", rows, quick=quick)


if __name__ == "__main__":
    main()
