"""Steady-state responses across people, across runs and within a person.

``python -m benchmarks.eeg.bench_people [--quick] [part ...]``, SKGEO_TEST_DATA set;
parts are kalunga, kalunga_others and mamem. The folds are MOABB's: within a person
(five stratified folds), from the other runs of a person (``CrossSession``, runs for
sessions), from the other people (``CrossSubject``). Recentering gets the trials of the
person to predict without labels, all at once ("transductive") or one by one
("trialwise"). Percent correct; errors are those of paired differences over people. For
MAMEM II training takes every fifth trial of the other people.
"""

import sys
import time

import numpy as np
from pyriemann.classification import MDM
from pyriemann.estimation import Covariances
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold
from sklearn.pipeline import make_pipeline

from benchmarks.common import save
from benchmarks.eeg.bench_bands import PLAIN, stacked, tangent_lr
from benchmarks.eeg.recordings import kalunga, ssvep
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    RecenteredCovarianceClassifier,
    filter_bank,
)

PEER = "known frequencies stacked, Cov+TS+LR"
# Means over people of MOABB's own benchmark, within a person: the twelve people of
# Kalunga2012 (Chevallier et al., arXiv:2404.15319).
PUBLISHED = {PEER: 70.9, "known frequencies stacked, Cov+MDM": 70.9}


def contestants(sfreq, band, frequencies):
    """Name -> (model, view, mode of recentering or None)."""
    rule = {"sfreq": sfreq, "band": band, "probability": False}
    known = {**rule, "frequencies": frequencies}
    mdm = make_pipeline(Covariances("oas"), MDM())
    found = {
        PLAIN: (tangent_lr(), "plain", None),
        PEER: (tangent_lr(), "known", None),
        "known frequencies stacked, Cov+MDM": (mdm, "known", None),
        "average, seconds and bands": (
            AugmentedCovarianceClassifier(**rule),
            "bank",
            None,
        ),
        "average, seconds, bands, frequencies": (
            AugmentedCovarianceClassifier(**known),
            "all",
            None,
        ),
    }
    for metric in ("riemann", "bures-wasserstein"):
        model = RecenteredCovarianceClassifier(**known, metric=metric)
        for mode in ("transductive", "trialwise"):
            found[f"the same, recentered, {metric}, {mode}"] = (model, "all", mode)
    return found


def views(X, window, sfreq, band, frequencies):
    """The data as each contestant takes them, filtered before the cut."""
    bank = filter_bank(X, sfreq, band, frequencies)[:, :, window]
    n = len(frequencies)
    return {
        "plain": np.ascontiguousarray(bank[..., 0]),
        "bank": np.ascontiguousarray(bank[..., :-n]),
        "all": bank,
        "known": stacked(bank[..., -n:]),
    }


def score(model, mode, X, y, groups, train, test):
    """Percent correct of one fold."""
    extra = {} if mode is None else {"subjects": groups[train]}
    model.fit(X[train], y[train], **extra)
    if mode is None:
        labels = model.predict(X[test])
    else:
        labels = model.predict_target(X[test], mode=mode)
    return 100 * np.mean(labels == y[test])


def run(data, X, y, person, session, settings, folds, keep):
    """Score every contestant in every kind of fold; one row each."""
    rows = []
    for kind, splits in folds.items():
        across = kind == "across people"
        groups = person if across else 1000 * person + session
        table, cpu = {}, {}
        for label, (model, view, mode) in contestants(*settings).items():
            if mode is not None and kind == "within a person":
                continue  # one domain
            if keep is not None and label not in keep:
                continue
            start, scores = time.process_time(), {}
            for train, test in splits:
                value = score(model, mode, X[view], y, groups, train, test)
                scores.setdefault(person[test[0]], []).append(value)
            table[label] = np.array([np.mean(v) for v in scores.values()])
            cpu[label] = time.process_time() - start
            gain = table[label] - table[PEER] if PEER in table else np.zeros(1)
            rows.append(
                {
                    "data": data,
                    "folds": kind,
                    "method": label,
                    "score": float(table[label].mean()),
                    "each": " ".join(f"{v:.1f}" for v in table[label]),
                    "n_people": len(table[label]),
                    "gain_peer": float(gain.mean()),
                    "error_peer": float(gain.std(ddof=1) / np.sqrt(len(gain)))
                    if len(gain) > 1
                    else 0.0,
                    "cpu": cpu[label],
                }
            )
            print(rows[-1], flush=True)
    return rows


def across(person, thin):
    """Leave one person out, training on every ``thin``-th trial of the others."""
    splits = LeaveOneGroupOut().split(person, groups=person)
    return [(train[::thin], test) for train, test in splits]


def run_kalunga(quick, kinds):
    """Score seven people, two runs each."""
    people = range(1, 4 if quick else 8)
    stored = [kalunga(p) for p in people]
    X = np.concatenate([cut for cut, _, _ in stored])
    y = np.concatenate([labels for _, labels, _ in stored])
    person = np.repeat(list(people), 64)
    session = np.concatenate([runs for _, _, runs in stored])
    settings = (256.0, (7.0, 45.0), (13.0, 17.0, 21.0))
    within, runs = [], []
    for p in people:
        member = np.flatnonzero(person == p)
        five = StratifiedKFold(5, shuffle=True, random_state=42)
        for pairs, splitter in (
            (within, five.split(member, y[member])),
            (runs, LeaveOneGroupOut().split(member, groups=session[member])),
        ):
            pairs += [(member[train], member[test]) for train, test in splitter]
    folds = {
        "within a person": within,
        "across runs": runs,
        "across people": across(person, 1),
    }
    folds = {kind: folds[kind] for kind in kinds}
    seen = views(X, slice(1024, 1537), *settings)
    return run("Kalunga", seen, y, person, session, settings, folds, None)


def run_mamem(quick, kinds):
    """Score six people, one-second cuts, from the other five."""
    people = range(1, 3 if quick else 7)
    stored = [ssvep(p) for p in people]
    X = np.concatenate([trials for trials, _ in stored])
    y = np.concatenate([labels for _, labels in stored])
    person = np.repeat(list(people), 500)
    settings = (125.0, (6.0, 40.0), (12.0, 10.0, 8.57, 7.5, 6.66))
    folds = {kind: across(person, 5) for kind in kinds}
    seen = views(X, slice(None), *settings)
    keep = [
        label for label in contestants(*settings) if not label.endswith("trialwise")
    ]
    return run("MAMEM II", seen, y, person, 0 * person, settings, folds, keep)


PARTS = {
    "kalunga": (run_kalunga, ("within a person", "across runs")),
    "kalunga_others": (run_kalunga, ("across people",)),
    "mamem": (run_mamem, ("across people",)),
}


def main():
    """Run the parts that are asked for."""
    quick = "--quick" in sys.argv
    for part in [name for name in PARTS if name in sys.argv] or list(PARTS):
        score_part, kinds = PARTS[part]
        rows = score_part(quick, kinds)
        for row in rows:
            if row["folds"] == "within a person" and row["data"] == "Kalunga":
                row["published"] = PUBLISHED.get(row["method"])
        save(f"eeg_people_{part}", rows, quick=quick)


if __name__ == "__main__":
    main()
