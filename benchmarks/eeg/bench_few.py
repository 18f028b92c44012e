"""Two classes, 3 to 8 electrodes: the machine of the average, beside order 1.

``python -m benchmarks.eeg.bench_few [--quick] [chosen|fresh]``, SKGEO_TEST_DATA set.
Area under the ROC curve in percent, five folds for each of several seeds; errors are
those of the gain over sets of electrodes, pairs of tasks or people. ``fresh`` with
left/right, others or archive runs these rows and keeps the rest.

chosen: one person's imagery with sets of electrodes, half of which the rule
``method="auto"`` was chosen on. fresh: what it was not chosen on, with seeds of its
own (four for left/right): the same sets, pairs of tasks of two runs, seven people's
pairs of flicker frequencies with three electrodes, eyes open or shut with 4 and 8
electrodes, finger movements with 3 and 8, left and right movements with 8 MEG sensors.
"""

import itertools
import sys
import time

import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold

from benchmarks.common import other_rows, save
from benchmarks.eeg.bench_bands import UEA, scores_of, views
from benchmarks.eeg.recordings import (
    FEW,
    HANDS_FEET,
    KALUNGA_CHANNELS,
    LEFT_RIGHT,
    TRIPLES,
    imagery,
    kalunga,
    uea,
)
from skgeo.eeg import AugmentedCovarianceClassifier

IMAGERY = (160.0, (8.0, 32.0), slice(None))
TASKS = {"left": (LEFT_RIGHT, 0), "right": (LEFT_RIGHT, 1)}
TASKS |= {"hands": (HANDS_FEET, 0), "feet": (HANDS_FEET, 1)}


def contestants(sfreq, band):
    """Name -> (model, view of the data)."""
    seconds = {"sfreq": sfreq, "band": band}
    Ours = AugmentedCovarianceClassifier
    return {
        "order 1": (Ours(1, 1, selection=None, probability=False), "plain"),
        "average, support vector machine": (
            Ours(**seconds, method="tangent-svm", probability=False),
            "bank",
        ),
        "average, logistic regression (default)": (Ours(**seconds), "bank"),
    }


def score_sets(data, sets, seeds, recording, n_repeats=2):
    """Score sets of trials over folds of several seeds; one row a model."""
    sfreq, band, window = recording
    models = contestants(sfreq, band)
    table = {label: [] for label in models}
    cpu = dict.fromkeys(models, 0.0)
    for X, y in sets:
        seen = views(X, window, sfreq, band, None)
        splits = []
        for seed in seeds:
            folds = RepeatedStratifiedKFold(
                n_splits=5, n_repeats=n_repeats, random_state=seed
            )
            splits += folds.split(y, y)
        for label, (model, view) in models.items():
            scores, seconds = scores_of(model, seen[view], y, splits)
            table[label].append(scores.mean())
            cpu[label] += seconds
    rows = []
    for label, scores in table.items():
        gain = np.array(scores) - table["order 1"]
        rows.append(
            {
                "data": data,
                "method": label,
                "score": float(np.mean(scores)),
                "each": " ".join(f"{v:.1f}" for v in scores),
                "unit": "sets",
                "cpu": cpu[label],
                "gain_order1": float(gain.mean()),
                "error_order1": float(gain.std(ddof=1) / np.sqrt(len(gain))),
                "better_order1": int((gain > 0).sum()),
            }
        )
        print(rows[-1], flush=True)
    return rows


def run_chosen(quick):
    """Score imagery with 3 to 8 electrodes."""
    chosen = {"3 electrodes, the triples": TRIPLES}
    chosen |= {f"{n} electrodes": some for n, some in FEW.items()}
    rows = []
    for task, runs in (("left/right", LEFT_RIGHT), ("hands/feet", HANDS_FEET)):
        for name, electrodes in chosen.items():
            many = task == "left/right" and name.startswith("3")
            seeds = (2718, 42, 1, 2, 3, 4)[: 6 if many and not quick else 2]
            sets = [imagery(e, runs) for e in electrodes[: 2 if quick else None]]
            rows += score_sets(f"imagery, {task}, {name}", sets, seeds, IMAGERY)
    return rows


def mixed(one, other, electrodes):
    """Trials of two tasks of different runs."""
    X, y = [], []
    for code, task in enumerate((one, other)):
        runs, label = TASKS[task]
        trials, labels = imagery(electrodes, runs)
        X.append(trials[labels == label])
        y.append(np.full(len(X[-1]), code))
    return np.concatenate(X), np.concatenate(y)


def pairs_of_flickers(people):
    """Two of three flicker frequencies, three electrodes, of every person."""
    for triple in (["O1", "Oz", "O2"], ["PO3", "POz", "PO4"]):
        index = [KALUNGA_CHANNELS.index(name) for name in triple]
        for person in people:
            X, y, _ = kalunga(person)
            for pair in itertools.combinations(sorted(set(y) - {"rest"}), 2):
                kept = np.isin(y, pair)
                yield X[kept][:, index], (y[kept] == pair[1]).astype(int)


def fresh_left_right(n):
    """Score left or right with seeds of its own."""
    rows, seeds = [], (101, 102) if n else range(101, 105)
    for name, electrodes in (
        ("3 electrodes, the triples", TRIPLES),
        ("3 electrodes", FEW[3]),
        ("4 and 5 electrodes", FEW[4] + FEW[5]),
        ("6 and 8 electrodes", FEW[6] + FEW[8]),
    ):
        sets = [imagery(e, LEFT_RIGHT) for e in electrodes[:n]]
        rows += score_sets(f"imagery, left/right, {name}", sets, seeds, IMAGERY, 1)
    return rows


def fresh_others(n):
    """Score pairs of tasks of two runs, and pairs of flicker frequencies."""
    rows = []
    for name, electrodes in (
        ("3 electrodes", TRIPLES[:4]),
        ("8 electrodes", FEW[8][:2]),
    ):
        mix = itertools.product(("left", "right"), ("hands", "feet"), electrodes[:n])
        sets = [mixed(*one) for one in mix]
        rows += score_sets(f"imagery, mixed tasks, {name}", sets, (101,), IMAGERY)
    sets = list(pairs_of_flickers(range(1, 2 if n else 8)))
    recording = (256.0, (7.0, 45.0), slice(1024, 1537))
    return rows + score_sets("Kalunga, pairs, 3 electrodes", sets, (101,), recording, 1)


def fresh_archive(n):
    """Score sets of the archive with channels drawn by lot."""
    rows = []
    for name, pair, sizes in (
        ("EyesOpenShut", (0, 1), (4, 8)),
        ("FingerMovements", (0, 1), (3, 8)),
        ("HandMovementDirection", (2, 3), (8,)),
    ):
        X, y = uea(name)
        kept = np.isin(y, pair)
        X, y = X[kept], (y[kept] == pair[1]).astype(int)
        rng = np.random.default_rng(0)
        for size in sizes[:n]:
            sets = [
                (X[:, np.sort(rng.permutation(X.shape[1])[:size])], y)
                for _ in range(n or 4)
            ]
            label = f"{name}, {size} channels by lot"
            rows += score_sets(label, sets, (101,), (*UEA[name], slice(None)), 1)
    return rows


FRESH = {
    "left/right": fresh_left_right,
    "others": fresh_others,
    "archive": fresh_archive,
}


def run_fresh(quick):
    """Score what the rule was not chosen on; rows that are not asked for stay."""
    rows = []
    for part in [name for name in FRESH if name in sys.argv] or FRESH:
        rows += FRESH[part](2 if quick else None)
    return rows + other_rows(
        "eeg_bands_few_fresh", "data", {row["data"] for row in rows}
    )


def main():
    """Run the parts that are asked for."""
    quick = "--quick" in sys.argv
    start, parts = time.process_time(), ("chosen", "fresh")
    for part in [name for name in parts if name in sys.argv] or parts:
        if part == "chosen":
            save("eeg_bands_few", run_chosen(quick), quick=quick)
        else:
            save("eeg_bands_few_fresh", run_fresh(quick), quick=quick)
        print(f"{time.process_time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
