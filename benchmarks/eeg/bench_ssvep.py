"""Augmented covariances on steady-state visual potentials, six subjects.

MAMEM SSVEP data set II: 500 one-second trials a subject, 8 channels, 125 Hz, five
frequencies, unfiltered. Four or more trials in a row are cut from one presentation of
the stimulus, so random folds leak. Here blocks of 100 trials are kept together: trials
0-299 train and 300-399 choose order, lag and kernel; the choice is fitted to 0-399 and
tested once, on 400-499. Chance is 0.20, the largest class 0.24.

Usage: ``python -m benchmarks.eeg.bench_ssvep [--quick]``; the arrays are looked for in
``SKGEO_TEST_DATA``.
"""

import argparse
import os
import pathlib
import time

import numpy as np
from moabb.paradigms import SSVEP
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from benchmarks import common
from skgeo.datasets import from_arrays
from skgeo.eeg import AugmentedCovarianceClassifier

FREQUENCIES = np.array(["12.00", "10.00", "8.57", "7.50", "6.66"])


def load(folder, subjects):
    """Read the arrays as one MOABB data set; blocks of 100 trials are its runs."""
    stored = [np.load(folder / f"U{subject:03d}.npz") for subject in subjects]
    block = np.arange(500) // 100
    dataset = from_arrays(
        np.concatenate([s["X"] for s in stored]),
        np.concatenate([FREQUENCIES[s["y"]] for s in stored]),
        sfreq=125.0,
        subject=np.repeat(subjects, 500),
        run=np.tile(block, len(subjects)),
        paradigm="ssvep",
        name="mamem2",
    )
    paradigm = SSVEP(
        fmin=None, fmax=None, events=FREQUENCIES.tolist(), n_classes=len(FREQUENCIES)
    )
    return paradigm.get_data(dataset)


def contestants(quick):
    """Name -> (estimator, grid)."""
    orders, lags = ([1, 3], [2, 5]) if quick else ([1, 2, 3, 4, 5, 6], [1, 2, 3, 5, 8])
    augmented = [{"order": [1], "lag": [1]}, {"order": orders[1:], "lag": lags}]
    kernels = {"kernel": ["linear", "rbf"]}
    svm = AugmentedCovarianceClassifier(selection=None, probability=False)
    mdm = AugmentedCovarianceClassifier(selection=None, method="mdm")
    return {
        "Cov+TS+SVM": (svm, [{**augmented[0], **kernels}]),
        "ACM+TS+SVM": (svm, [{**part, **kernels} for part in augmented]),
        "Cov+MDM": (mdm, augmented[:1]),
        "ACM+MDM": (mdm, augmented),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one subject, small grid")
    quick = parser.parse_args().quick
    data = os.environ.get("SKGEO_TEST_DATA", "")
    folder = pathlib.Path(data) / "mamem2"
    if not folder.is_dir():
        raise SystemExit(f"No arrays in {folder}: set SKGEO_TEST_DATA.")
    subjects = [2] if quick else [1, 2, 3, 4, 5, 6]
    X, y, metadata = load(folder, subjects)

    rows = []
    for subject in subjects:
        mine = (metadata["subject"] == subject).to_numpy()
        block = metadata.loc[mine, "run"].astype(int).to_numpy()
        train, test = block < 4, block == 4
        inner = PredefinedSplit(np.where(block[train] == 3, 0, -1))
        for name, (estimator, grid) in contestants(quick).items():
            search = GridSearchCV(estimator, grid, cv=inner, scoring="accuracy")
            start = time.process_time()
            search.fit(X[mine][train], y[mine][train])
            rows.append(
                {
                    "subject": subject,
                    "pipeline": name,
                    "accuracy": search.score(X[mine][test], y[mine][test]),
                    "chosen": str(search.best_params_),
                    "settings": len(search.cv_results_["params"]),
                    "search_cpu": time.process_time() - start,
                }
            )
    for name in contestants(quick):
        some = [row for row in rows if row["pipeline"] == name]
        rows.append(
            {
                "subject": "mean",
                "pipeline": name,
                "accuracy": float(np.mean([row["accuracy"] for row in some])),
                "search_cpu": float(np.sum([row["search_cpu"] for row in some])),
            }
        )
    common.save("eeg_ssvep", rows, quick=quick)


if __name__ == "__main__":
    main()
