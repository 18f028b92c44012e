"""Accuracy of every way to use augmented covariances, on all recordings at hand.

``python -m benchmarks.eeg.bench_accuracy [--quick|--fill] [imagery|ssvep|uea]``,
SKGEO_TEST_DATA set; ``--fill`` keeps the rows that are on file and runs the others.
Imagery: ROC AUC in percent over repeated stratified folds of one person's 45 trials.
SSVEP: accuracy in percent, one block of 100 trials left out at a time, inner folds are
the other four blocks: cuts of one stimulus presentation never part. UEA: three archive
sets, both parts pooled, five stratified folds, AUC (two classes) or accuracy.
"""

import json
import sys
import time

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GroupKFold,
    RepeatedStratifiedKFold,
    StratifiedKFold,
)

from benchmarks.common import RESULTS, save
from benchmarks.eeg.recordings import imagery, ssvep, uea
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    AugmentedCovarianceClassifierCV,
)

SEED = 2718
DEFAULT = "average, automatic grid and weights"
QUICK = ("order 1, linear, C = 1", DEFAULT)


def methods(orders, lags, inner):
    """Name -> unfitted classifier."""
    one = {"probability": False}
    single = {**one, "selection": None}
    grid = {"orders": orders, "lags": lags}
    searched = {**grid, "cv": inner, "probability": False}
    average = {**one, **grid, "selection": "average"}
    toeplitz = {"metric": "block-toeplitz"}
    Plain, Search = AugmentedCovarianceClassifier, AugmentedCovarianceClassifierCV
    return {
        "order 1, linear, C = 1": Plain(1, **single),
        "order 1, C and kernel searched": Search(
            (1,), (1,), cv=inner, probability=False
        ),
        "order 1, mdm": Plain(1, selection=None, method="mdm"),
        "order 4, lag 4": Plain(4, 4, **single),
        "order 4, lag 4, mdm": Plain(4, 4, selection=None, method="mdm"),
        "search, best, exact": Search(**searched),
        "search, best, shared": Search(**searched, precision="shared"),
        "search, one-se, shared": Search(
            **searched, refit_rule="one-se", precision="shared"
        ),
        "average, equal per order": Plain(**average, order_weights="equal"),
        "average, 1/order": Plain(**average, order_weights="inverse"),
        DEFAULT: Plain(**one, selection="average"),
        "average, 1/order, rbf": Plain(**average, kernel="rbf"),
        "average, 1/order, logistic": Plain(
            **grid, selection="average", method="tangent-lr", C=0.1
        ),
        "mdop": Plain(selection="mdop", **one),
        "cao": Plain(selection="cao", **one),
        "fnn": Plain(selection="fnn", **one),
        "ami": Plain(selection="ami", **one),
        "block-toeplitz, order 4, lag 4": Plain(4, 4, **single, **toeplitz),
        "block-toeplitz, order 4, lag 4, mdm": Plain(
            4, 4, selection=None, method="mdm", **toeplitz
        ),
        "block-toeplitz, search, best": Search(**searched, **toeplitz),
        "block-toeplitz, average, 1/order": Plain(**average, **toeplitz),
    }


def on_file(part):
    """Rows of an earlier run, by data and method."""
    path = RESULTS / f"eeg_accuracy_{part}.json"
    if "--fill" not in sys.argv or not path.exists():
        return {}
    rows = json.loads(path.read_text())["rows"]
    return {(row["data"], row["method"]): row for row in rows}


def run(name, X, y, splits, groups, orders, lags, inner, keep, known):
    """Score every method on every split; one row a method."""
    rows, reference = [], None
    for label, model in methods(orders, lags, inner).items():
        if keep is not None and label not in keep:
            continue
        if (name, label) in known and reference is not None:
            rows.append(known[name, label])
            continue
        start = time.process_time()
        scores = []
        for train, test in splits:
            extra = {}
            if (
                isinstance(model, AugmentedCovarianceClassifierCV)
                and groups is not None
            ):
                extra["groups"] = groups[train]
            model.fit(X[train], y[train], **extra)
            if len(model.classes_) == 2:
                score = roc_auc_score(y[test], model.decision_function(X[test]))
            else:
                score = np.mean(model.predict(X[test]) == y[test])
            scores.append(100 * score)
        scores = np.array(scores)
        reference = scores if reference is None else reference
        rows.append(
            {
                "data": name,
                "method": label,
                "score": float(scores.mean()),
                "gain": float((scores - reference).mean()),
                "standard_error": (scores - reference).std(ddof=1)
                / np.sqrt(len(scores)),
                "n_splits": len(scores),
                "cpu": time.process_time() - start,
            }
        )
        print(rows[-1], flush=True)
    return rows


def run_imagery(quick):
    """Score on imagery of one person with 3, 9, 22 and 64 channels."""
    rows, known = [], on_file("imagery")
    for n_channels, orders, lags, n_repeats in (
        (3, range(1, 7), (1, 2, 4, 6, 8), 4),
        (9, range(1, 7), (1, 2, 4, 6, 8), 4),
        (22, range(1, 5), (1, 2, 4, 6, 8), 4),
        (64, range(1, 4), (2, 4, 8), 2),
    ):
        X, y = imagery(n_channels)
        outer = RepeatedStratifiedKFold(
            n_splits=5, n_repeats=1 if quick else n_repeats, random_state=SEED
        )
        splits = list(outer.split(X, y))
        inner = StratifiedKFold(3, shuffle=True, random_state=SEED)
        name = f"imagery, {n_channels} channels"
        keep = QUICK if quick else None
        rows += run(name, X, y, splits, None, orders, lags, inner, keep, known)
    save("eeg_accuracy_imagery", rows, quick=quick)


def run_ssvep(quick):
    """Score on SSVEP of six people."""
    rows, known = [], on_file("ssvep")
    for subject in range(1, 2 if quick else 7):
        X, y = ssvep(subject)
        blocks = np.arange(len(X)) // 100
        splits = [
            (np.flatnonzero(blocks != b), np.flatnonzero(blocks == b)) for b in range(5)
        ]
        # Half the blocks of each person, in turn: the searches are slow.
        splits = splits[:1] if quick else splits[subject % 2 :: 2]
        name = f"SSVEP, subject {subject}"
        keep = QUICK if quick else None
        lags = (1, 3, 5, 8)
        rows += run(
            name, X, y, splits, blocks, range(1, 7), lags, GroupKFold(4), keep, known
        )
    names = dict.fromkeys(row["method"] for row in rows)
    for method in names:
        of_method = [row for row in rows if row["method"] == method]
        mean = {
            key: np.mean([row[key] for row in of_method])
            for key in ("score", "gain", "cpu")
        }
        worst = min(row["gain"] for row in of_method)
        rows.append(
            {"data": "SSVEP, mean", "method": method, **mean, "worst_gain": worst}
        )
    save("eeg_accuracy_ssvep", rows, quick=quick)


def run_uea(quick):
    """Score on three sets of the UEA archive."""
    rows, known = [], on_file("uea")
    for name, orders, lags in (
        ("EyesOpenShut", range(1, 5), (1, 2, 4, 8)),
        ("FingerMovements", range(1, 4), (1, 2, 4)),
        ("HandMovementDirection", range(1, 7), (1, 2, 4, 8)),
    ):
        X, y = uea(name)
        outer = StratifiedKFold(5, shuffle=True, random_state=SEED)
        inner = StratifiedKFold(3, shuffle=True, random_state=SEED)
        splits = list(outer.split(X, y))[: 2 if quick else 5]
        keep = QUICK if quick else None
        rows += run(name, X, y, splits, None, orders, lags, inner, keep, known)
    save("eeg_accuracy_uea", rows, quick=quick)


PARTS = {"imagery": run_imagery, "uea": run_uea, "ssvep": run_ssvep}

if __name__ == "__main__":
    asked = [name for name in PARTS if name in sys.argv] or list(PARTS)
    for part in asked:
        PARTS[part]("--quick" in sys.argv)
