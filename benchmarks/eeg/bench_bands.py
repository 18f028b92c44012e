"""The average over lags in seconds, bands and known frequencies, against simple rules.

``python -m benchmarks.eeg.bench_bands [--quick|--main] [part ...]``, SKGEO_TEST_DATA
set; parts are kalunga, mamem, imagery, three and uea. ``--main`` leaves out the
variants that the tables of the pages do not show. Numbers after mamem and names of sets
after uea run these people and sets and keep the stored rows of the others. Percent
correct, or the area under the ROC curve for two classes.

kalunga: Kalunga2016, seven people, 64 trials of four classes (three flicker frequencies
and rest), five stratified folds and leave-one-run-out; the whole cut is filtered, then
2 to 4 s after the mark are kept. mamem: MAMEM II, 500 cuts of a person, five classes,
one block of 100 left out. imagery: one person's left/right imagery, AUC over repeated
folds. three: imagery and Kalunga with three electrodes at a time. uea: three
archive sets, 1 to 40 Hz (2 to 40 for half-second trials), five folds.
"""

import sys
import time

import numpy as np
from pyriemann.estimation import Covariances
from pyriemann.tangentspace import TangentSpace
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    LeaveOneGroupOut,
    RepeatedStratifiedKFold,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline

from benchmarks.common import other_rows, save
from benchmarks.eeg.recordings import (
    HANDS_FEET,
    KALUNGA_CHANNELS,
    LEFT_RIGHT,
    TRIPLES,
    imagery,
    kalunga,
    ssvep,
    uea,
)
from skgeo.eeg import AugmentedCovarianceClassifier, filter_bank

PLAIN = "Cov+TS+LR"
STACKED = "known frequencies stacked, Cov+TS+LR"
SAMPLES = "average, lags in samples"
RULE = "average, seconds and bands"
KNOWN = "average, seconds, bands, frequencies"
LOGISTIC = "average, seconds and bands, logistic regression"


def stacked(bank):
    """Signals of known frequencies side by side, as extended covariances have them."""
    n, c, t, f = bank.shape
    return bank.transpose(0, 3, 1, 2).reshape(n, f * c, t)


def tangent_lr(estimator="oas"):
    """The strongest simple baseline."""
    return make_pipeline(
        Covariances(estimator),
        TangentSpace(),
        LogisticRegression(max_iter=2000),
    )


def contestants(sfreq, band, frequencies):
    """Name -> (model, view of the data): "plain", "known" or "bank"."""
    one = {"probability": False}
    seconds = {**one, "sfreq": sfreq}
    bands = {**seconds, "band": band}
    Ours = AugmentedCovarianceClassifier
    found = {
        PLAIN: (tangent_lr(), "plain"),
        "order 1": (Ours(1, 1, selection=None, **one), "plain"),
        "order 4, lag 4": (Ours(4, 4, selection=None, **one), "plain"),
        "order 4, lag 4, identity shrinkage": (
            Ours(4, 4, selection=None, shrinkage="auto", **one),
            "plain",
        ),
        SAMPLES: (Ours(**one), "plain"),
        "average, seconds": (Ours(**seconds), "plain"),
        RULE: (Ours(**bands), "bank"),
        LOGISTIC: (
            Ours(sfreq=sfreq, band=band, method="tangent-lr"),
            "bank",
        ),
        "average, seconds and bands, identity shrinkage": (
            Ours(**bands, shrinkage="auto"),
            "bank",
        ),
        "average, seconds and bands, alignment": (
            Ours(**bands, weights="alignment"),
            "bank",
        ),
        "average, seconds and bands, filtered after the cut": (Ours(**bands), "plain"),
    }
    if frequencies is not None:
        found[STACKED] = (tangent_lr(), "known")
        found[KNOWN] = (Ours(**bands, frequencies=frequencies), "all")
    return found


def views(broad, window, sfreq, band, frequencies):
    """The data as each contestant takes them, filtered before the cut."""
    bank = filter_bank(broad, sfreq, band, frequencies)[:, :, window]
    n_known = len(frequencies or ())
    cut = bank[..., : bank.shape[-1] - n_known]
    found = {
        "plain": np.ascontiguousarray(bank[..., 0]),
        "bank": np.ascontiguousarray(cut),
        "all": bank,
    }
    if n_known:
        found["known"] = stacked(bank[..., -n_known:])
    return found


def scores_of(model, X, y, splits):
    """Scores of a model on each split, and CPU seconds of all."""
    start, scores = time.process_time(), []
    for train, test in splits:
        model.fit(X[train], y[train])
        if len(np.unique(y)) == 2:
            score = roc_auc_score(y[test], model.decision_function(X[test]))
        else:
            score = np.mean(model.predict(X[test]) == y[test])
        scores.append(100 * score)
    return np.array(scores), time.process_time() - start


def run(data, people, sfreq, band, frequencies, keep, unit="people", known=None):
    """Score every contestant; one row a contestant, differences over people.

    ``people`` is a list of (trials, labels, window, splits), or a dict of them by
    names; ``known`` are rows of other names that belong to the same table.
    """
    named = people if isinstance(people, dict) else dict(enumerate(people, 1))
    single, table, cpu = len(named) == 1 and known is None, {}, {}
    for row in known or []:
        pairs = dict(zip(row["names"], row["values"], strict=True))
        table[row["method"]] = {k: v for k, v in pairs.items() if k not in named}
        share = len(table[row["method"]]) / len(pairs)
        cpu[row["method"]] = share * row["cpu"]
    for name, (broad, y, window, splits) in named.items():
        seen = views(broad, window, sfreq, band, frequencies)
        for label, (model, view) in contestants(sfreq, band, frequencies).items():
            if keep is not None and label not in keep:
                continue
            scores, seconds = scores_of(model, seen[view], y, splits)
            table.setdefault(label, {})[name] = scores if single else scores.mean()
            cpu[label] = cpu.get(label, 0.0) + seconds
            print(data, name, label, f"{scores.mean():.1f}", f"{seconds:.0f} s")
    rows = []
    for label, found in table.items():
        # Over people; over folds where there is one person, which understates it.
        values = found[1] if single else np.array([found[k] for k in sorted(found)])
        row = {
            "data": data,
            "method": label,
            "score": float(values.mean()),
            "each": " ".join(f"{v:.1f}" for v in values),
            "unit": "folds" if single else unit,
            "cpu": cpu[label],
        }
        if known is not None:
            row |= {"names": sorted(found), "values": values.tolist()}
        for name, short in (
            (PLAIN, "cov"),
            (STACKED, "stacked"),
            (SAMPLES, "samples"),
            ("order 1", "order1"),
        ):
            other = table.get(name, {})
            if other.keys() != found.keys():
                continue
            other = other[1] if single else np.array([other[k] for k in sorted(found)])
            gain = values - other
            n = max(2, len(gain))
            row[f"gain_{short}"] = float(gain.mean())
            row[f"error_{short}"] = float(np.sqrt(gain.var() / (n - 1)))
            row[f"better_{short}"] = int((gain > 0).sum())
        rows.append(row)
        print(row, flush=True)
    return rows


def run_kalunga(quick, keep):
    """Score SSVEP with rest, folds and runs."""
    rows, window = [], slice(1024, 1537)
    people = [kalunga(p) for p in range(1, 4 if quick else 8)]
    for name, splitter in (
        ("five folds", StratifiedKFold(5, shuffle=True, random_state=42)),
        ("leave one run out", LeaveOneGroupOut()),
    ):
        sets = [
            (X, y, window, list(splitter.split(X[:, 0], y, run)))
            for X, y, run in people
        ]
        args = (256.0, (7.0, 45.0), (13.0, 17.0, 21.0), keep)
        rows += run(f"Kalunga, {name}", sets, *args)
        if name == "five folds":
            kept = [y != "rest" for _, y, _ in people]
            three = [
                (X[k], y[k], window, list(splitter.split(X[k][:, 0], y[k])))
                for (X, y, _), k in zip(people, kept, strict=True)
            ]
            rows += run("Kalunga, three classes, five folds", three, *args)
    return rows


def run_mamem(quick, keep, people=()):
    """Score SSVEP of one-second cuts, filtered after the cut: there is nothing else."""
    people = list(people) or range(1, 3 if quick else 7)
    blocks, sets = np.arange(500) // 100, {}
    for subject in people:
        X, y = ssvep(subject)
        splits = list(LeaveOneGroupOut().split(X, y, blocks))
        sets[subject] = (X, y, slice(None), splits)
    name, known = "MAMEM II, leave one block out", (12.0, 10.0, 8.57, 7.5, 6.66)
    stored = [] if quick else other_rows("eeg_bands_mamem", "data", ())
    return run(name, sets, 125.0, (6.0, 40.0), known, keep, known=stored)


def run_imagery(quick, keep):
    """Score left/right imagery of one person."""
    rows = []
    for n_channels, repeats in ((3, 2), (9, 2), (22, 2), (64, 1)):
        X, y = imagery(n_channels)
        folds = RepeatedStratifiedKFold(
            n_splits=5, n_repeats=1 if quick else repeats, random_state=2718
        )
        sets = [(X, y, slice(None), list(folds.split(X, y)))]
        name = f"imagery, {n_channels} channels"
        rows += run(name, sets, 160.0, (8.0, 32.0), None, keep)
    return rows


def run_three(quick, keep):
    """Score three electrodes: eight triples of imagery, two of the visual cortex."""
    rows = []
    for task, runs in (("left/right", LEFT_RIGHT), ("hands/feet", HANDS_FEET)):
        sets = []
        for triple in TRIPLES[: 2 if quick else 8]:
            X, y = imagery(triple, runs)
            folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=2718)
            sets.append((X, y, slice(None), list(folds.split(X, y))))
        args = (160.0, (8.0, 32.0), None, keep)
        rows += run(f"imagery, {task}, eight triples", sets, *args, unit="triples")
    window, five = slice(1024, 1537), StratifiedKFold(5, shuffle=True, random_state=42)
    for triple in (["O1", "Oz", "O2"], ["PO3", "POz", "PO4"]):
        index = [KALUNGA_CHANNELS.index(name) for name in triple]
        sets = []
        for p in range(1, 3 if quick else 8):
            X, y, _ = kalunga(p)
            sets.append((X[:, index], y, window, list(five.split(X[:, 0], y))))
        args = (256.0, (7.0, 45.0), (13.0, 17.0, 21.0), keep)
        rows += run(f"Kalunga, {' '.join(triple)}", sets, *args)
    return rows


def run_uea(quick, keep, names=()):
    """Score three archive sets."""
    names = list(names) or list(UEA)
    rows = other_rows("eeg_bands_uea", "data", names)
    for name in names:
        sfreq, band = UEA[name]
        X, y = uea(name)
        folds = StratifiedKFold(5, shuffle=True, random_state=2718)
        sets = [(X, y, slice(None), list(folds.split(X, y)))]
        rows += run(name, sets, sfreq, band, None, keep)
    return rows


# The usual broad band; the sets hold slow signals. Half-second trials resolve 2 Hz.
UEA = {
    "EyesOpenShut": (128.0, (1.0, 40.0)),
    "HandMovementDirection": (400.0, (1.0, 40.0)),
    "FingerMovements": (100.0, (2.0, 40.0)),
}
PARTS = {
    "kalunga": run_kalunga,
    "mamem": run_mamem,
    "imagery": run_imagery,
    "three": run_three,
    "uea": run_uea,
}


def main():
    quick = "--quick" in sys.argv
    wanted = [a for a in sys.argv[1:] if a in PARTS] or list(PARTS)
    keep = {PLAIN, SAMPLES, RULE, KNOWN}
    if "--main" in sys.argv:
        keep |= {"order 1", "order 4, lag 4", STACKED, LOGISTIC}
    elif not quick:
        keep = None
    people = [int(a) for a in sys.argv[1:] if a.isdigit()]
    names = [a for a in sys.argv[1:] if a in UEA]
    for part in wanted:
        calls = [()]
        if part == "mamem" and not quick:  # one after the other, saved at once
            calls = [([person],) for person in people or range(1, 7)]
        elif part == "uea":
            calls = [(names,)]
        for args in calls:
            rows = PARTS[part](quick, keep, *args)
            save(f"eeg_bands_{part}", rows, quick=quick)


if __name__ == "__main__":
    main()
