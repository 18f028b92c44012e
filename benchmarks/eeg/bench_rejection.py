"""Bad training trials: left as they are, rejected, weighed by their own losses.

``python -m benchmarks.eeg.bench_rejection [--quick]``, SKGEO_TEST_DATA set. A quarter
of the training trials get a muscle burst, an eye movement or a popping electrode; test
trials stay clean. "weighed by history": each trial's weight falls with its held-out
log-loss, averaged over five rounds of refits in which earlier weights already hold.
"oracle" leaves out the spoiled trials. AUC (two classes) or accuracy in percent.
"""

import sys
import time

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.common import save
from benchmarks.eeg.recordings import HANDS_FEET, LEFT_RIGHT, imagery, kalunga, uea
from skgeo.eeg import AugmentedCovarianceClassifier, TrialRejector, filter_bank

AS_THEY_ARE, REJECTED, HISTORY, ORACLE = (
    "as they are",
    "TrialRejector",
    "weighed by history",
    "oracle",
)
ROUNDS = 5


def spoil(X, fraction, sfreq, rng):
    """Add artifacts to some trials; the trials and which were spoiled."""
    X = X.copy()
    n, c, t = X.shape
    bad = rng.random(n) < fraction
    times = np.arange(t)
    for i in np.flatnonzero(bad):
        scale, kind = X[i].std(), rng.integers(3)
        if kind == 0:  # a muscle
            channels = rng.choice(c, max(1, c // 3), replace=False)
            start = rng.integers(0, t - t // 5)
            burst = rng.standard_normal((len(channels), t // 5))
            X[i, channels, start : start + t // 5] += rng.uniform(3, 8) * scale * burst
        elif kind == 1:  # an eye, as the pass band leaves it
            shape = np.exp(-0.5 * ((times - rng.integers(t)) / (0.1 * sfreq)) ** 2)
            shape *= np.cos(2 * np.pi * 9 * times / sfreq)
            X[i] += rng.uniform(5, 15) * scale * rng.uniform(0.3, 1, (c, 1)) * shape
        else:  # an electrode
            walk = np.cumsum(rng.standard_normal(t)) / np.sqrt(t)
            X[i, rng.integers(c)] += rng.uniform(5, 10) * scale * walk
    return X, bad


def weights_by_history(X, y):
    """Weights that fall with the held-out losses of the rounds so far."""
    codes = np.unique(y, return_inverse=True)[1]
    weight, history = np.ones(len(y)), 0.0
    for number in range(ROUNDS):
        loss = np.zeros(len(y))
        folds = StratifiedKFold(
            min(5, np.bincount(codes).min()), shuffle=True, random_state=number
        )
        for train, test in folds.split(codes, codes):
            model = AugmentedCovarianceClassifier(
                1, selection=None, method="tangent-lr"
            ).fit(X[train], y[train], weight[train])
            chance = model.predict_proba(X[test])[np.arange(len(test)), codes[test]]
            loss[test] = -np.log(np.maximum(chance, 1e-12))
        history = loss if number == 0 else (history + loss) / 2
        center = np.median(history)
        spread = 1.4826 * np.median(np.abs(history - center)) + 1e-9
        z = np.clip((history - center) / spread, -20.0, 20.0)
        weight = 1.0 / (1.0 + np.exp(2.0 * (z - 2.0)))
    return np.maximum(weight, 1e-3)


def data_sets(quick):
    """Yield group, name, trials, labels and sampling frequency."""
    for n_channels in (9, 22):
        for task, runs in (("left/right", LEFT_RIGHT), ("hands/feet", HANDS_FEET)):
            name = f"{n_channels} channels, {task}"
            yield "imagery", name, *imagery(n_channels, runs), 160.0
    for person in range(1, 2 if quick else 8):
        X, y, _ = kalunga(person)
        flicker = y != "rest"
        X = filter_bank(X, 256.0, (7.0, 45.0), bands=None)[:, :, 1024:1537, 0]
        yield "Kalunga", f"person {person}", X[flicker], y[flicker], 256.0
    if not quick:
        yield "EyesOpenShut", "all", *uea("EyesOpenShut"), 128.0


def scores_of(X, y, sfreq, fraction):
    """Mean score of every way to treat bad trials, over five folds."""
    rng, scores = np.random.default_rng(3), {}
    folds = StratifiedKFold(5, shuffle=True, random_state=7)
    for train, test in folds.split(X[:, 0], y):
        spoiled, bad = spoil(X[train], fraction, sfreq, rng)
        labels = y[train]
        ways = {
            AS_THEY_ARE: np.ones(len(train)),
            REJECTED: TrialRejector().fit(spoiled).sample_weight(spoiled),
            HISTORY: weights_by_history(spoiled, labels),
            ORACLE: (~bad).astype(float),
        }
        for way, weight in ways.items():
            if any((weight[labels == k] > 0).sum() < 2 for k in set(labels)):
                weight = np.ones(len(train))  # nothing would be left of a class
            model = AugmentedCovarianceClassifier(sfreq=sfreq, probability=False)
            model.fit(spoiled, labels, weight)
            if len(model.classes_) == 2:
                value = roc_auc_score(y[test], model.decision_function(X[test]))
            else:
                value = np.mean(model.predict(X[test]) == y[test])
            scores.setdefault(way, []).append(100 * value)
    return {way: np.mean(values) for way, values in scores.items()}


def main(quick):
    """Run and save one row for each group, fraction and way."""
    rows = []
    for fraction in (0.25,):
        start, found = time.process_time(), {}
        for group, _, X, y, sfreq in data_sets(quick):
            found.setdefault(group, []).append(scores_of(X, y, sfreq, fraction))
        for group, sets in found.items():
            plain = np.array([s[AS_THEY_ARE] for s in sets])
            for way in sets[0]:
                values = np.array([s[way] for s in sets])
                gain = values - plain
                rows.append(
                    {
                        "data": group,
                        "spoiled": fraction,
                        "way": way,
                        "score": float(values.mean()),
                        "gain": float(gain.mean()),
                        "standard_error": float(gain.std(ddof=1) / np.sqrt(len(gain)))
                        if len(gain) > 1
                        else None,
                        "n_sets": len(sets),
                    }
                )
                print(rows[-1], flush=True)
        print(f"{time.process_time() - start:.0f} s", flush=True)
    save("eeg_rejection", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
