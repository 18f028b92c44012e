"""Recentering across people, runs and sessions, beside no recentering.

``python -m benchmarks.eeg.bench_transfer [--quick] [sessions|runs|people]``,
SKGEO_TEST_DATA set; parts keep the stored rows of the others, and the number of a
setting after people runs that one only. SSVEP: leave one of six people out, every third
cut of each, through MOABB's CrossSubjectEvaluation with its transfer protocols (none,
20 %, all of the target's trials without labels), accuracy in percent, chance 20.
Imagery: one person, leave one of three runs out, recentered on the run's own trials
without labels, AUC in percent. A09: 22 channels, four classes, first session to second,
covariances only, so order 1; accuracy in percent.
"""

import sys
import tempfile
import time

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.svm import SVC

from benchmarks.common import other_rows, save
from benchmarks.eeg.recordings import folder, imagery, ssvep
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    RecenteredCovarianceClassifier,
    TangentMap,
)

# Of the 500 cuts of a person every third: the means of thousands take long.
THIN = 3
FREQUENCIES = np.array(["12.00", "10.00", "8.57", "7.50", "6.66"])
SETTINGS = {
    "order 1": {"selection": None},
    "order 4, lag 3": {"order": 4, "lag": 3, "selection": None},
    "average, orders 1, 2, 4, lag 3": {
        "selection": "average",
        "orders": (1, 2, 4),
        "lags": (3,),
    },
    "block-toeplitz, order 4, lag 3": {
        "order": 4,
        "lag": 3,
        "selection": None,
        "metric": "block-toeplitz",
    },
}


def pair(setting):
    """Plain and recentered classifier of one setting."""
    params = {"probability": False, **SETTINGS[setting]}
    if params["selection"] is None:
        params = {"order": 1, "tol": 1e-6, **params}
    return {
        "plain": AugmentedCovarianceClassifier(**params),
        "recentered": RecenteredCovarianceClassifier(**params),
    }


def across_people(quick, chosen=()):
    """Leave one person out, through MOABB."""
    from moabb.evaluations import CrossSubjectEvaluation
    from moabb.evaluations.protocols import CrossSubjectMode
    from moabb.paradigms import SSVEP

    from skgeo.datasets import from_arrays

    subjects = [1, 2] if quick else [1, 2, 3, 4, 5, 6]
    stored = [(X[::THIN], y[::THIN]) for X, y in map(ssvep, subjects)]
    dataset = from_arrays(
        1e-6 * np.concatenate([X for X, _ in stored]),
        np.concatenate([FREQUENCIES[y] for _, y in stored]),
        sfreq=125.0,
        subject=np.repeat(subjects, len(stored[0][0])),
        paradigm="ssvep",
        name="mamem2",
    )
    paradigm = SSVEP(
        fmin=None, fmax=None, events=FREQUENCIES.tolist(), n_classes=len(FREQUENCIES)
    )
    names = [list(SETTINGS)[k] for k in chosen or range(1 if quick else len(SETTINGS))]
    pipelines = {
        f"{setting}|{kind}": model
        for setting in names
        for kind, model in pair(setting).items()
    }
    rows = []
    for mode in ("TRAIN", "TRAIN_AND_TARGET_UNLABELED_20P") + (
        () if quick else ("TRAIN_AND_TARGET_UNLABELED_FULL",)
    ):
        with tempfile.TemporaryDirectory() as where:
            results = CrossSubjectEvaluation(
                paradigm=paradigm,
                datasets=[dataset],
                cs_mode=CrossSubjectMode[mode],
                overwrite=True,
                hdf5_path=where,
            ).process(pipelines)
        means = 100 * results.groupby("pipeline")["score"].mean()
        times = results.groupby("pipeline")["time"].mean()
        for setting in names:
            plain, ours = (means[f"{setting}|{k}"] for k in ("plain", "recentered"))
            rows.append(
                {
                    "case": f"SSVEP, {len(subjects)} people of 167 trials, "
                    + mode.lower(),
                    "method": setting,
                    "plain": plain,
                    "recentered": ours,
                    "gain": ours - plain,
                    "fit_s": times[f"{setting}|recentered"],
                }
            )
    return rows


def across_runs(quick):
    """Leave one run of one person out."""
    rows = []
    for n_channels in (9,) if quick else (9, 22, 64):
        X, y = imagery(n_channels)
        runs = np.repeat([1, 2, 3], 15)
        for setting in list(SETTINGS)[:1] if quick else SETTINGS:
            scores = {"plain": [], "recentered": []}
            start = time.process_time()
            for train, test in LeaveOneGroupOut().split(X, y, runs):
                for kind, model in pair(setting).items():
                    extra = {}
                    if kind == "recentered":
                        extra = {
                            "subjects": runs[train],
                            "X_target_unlabeled": X[test],
                        }
                    model.fit(X[train], y[train], **extra)
                    scores[kind].append(
                        100 * roc_auc_score(y[test], model.decision_function(X[test]))
                    )
            plain, ours = np.mean(scores["plain"]), np.mean(scores["recentered"])
            rows.append(
                {
                    "case": f"imagery, {n_channels} channels, three runs",
                    "method": setting,
                    "plain": plain,
                    "recentered": ours,
                    "gain": ours - plain,
                    "cpu_s": time.process_time() - start,
                }
            )
    return rows


def across_sessions():
    """First session to second, from covariances: a tangent map for each session."""
    with np.load(folder() / "bci4_2a_A09_cov/A09_cov.npz") as file:
        C, y, train, test = (file[k] for k in ("C", "y", "train", "test"))
    scores = {}
    for one, other in ((train, test), (test, train)):
        tangent = TangentMap().fit(C[one])
        svm = SVC(kernel="linear").fit(tangent.transform(C[one]), y[one])
        maps = {"plain": tangent, "recentered": TangentMap().fit(C[other])}
        for kind, there in maps.items():
            score = 100 * svm.score(there.transform(C[other]), y[other])
            scores.setdefault(kind, []).append(score)
    plain, ours = np.mean(scores["plain"]), np.mean(scores["recentered"])
    return {
        "case": "A09, one session to the other, both ways",
        "method": "order 1",
        "plain": plain,
        "recentered": ours,
        "gain": ours - plain,
    }


def main():
    """Run the parts that are asked for and save them beside the others."""
    quick = "--quick" in sys.argv
    chosen = [int(word) for word in sys.argv[1:] if word.isdigit()]
    parts = {
        "sessions": lambda: [across_sessions()],
        "runs": lambda: across_runs(quick),
        "people": lambda: across_people(quick, chosen),
    }
    rows = []
    for part in [name for name in parts if name in sys.argv] or parts:
        rows += parts[part]()
    new = {(row["case"], row["method"]) for row in rows}
    stored = other_rows("eeg_transfer", "case", ())
    rows += [row for row in stored if (row["case"], row["method"]) not in new]
    save("eeg_transfer", sorted(rows, key=lambda row: row["case"]), quick=quick)


if __name__ == "__main__":
    main()
