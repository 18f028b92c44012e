"""What the average costs: time in units of the plain pipeline, memory of many trials.

``python -m benchmarks.eeg.bench_average [--quick] [cost|landmarks|memory]``;
SKGEO_TEST_DATA for landmarks.

cost: one fit on 30 trials of 21 channels and 481 times (noise), in turn with one of
covariances, tangent space and logistic regression, the shortest of 40 of each.
landmarks: the machine in the span of 500 trials, which takes over above 3,000, beside
the one on all inner products: six people of MAMEM II together, whole cuts and halves of
half a second, four blocks to train (2,400 and 4,800 trials of five classes), one to
test; and two people's oddball (runs left out, 3,000 trials of two classes, logistic
regression). memory: 8 channels, 64 times;
25,000 and 50,000 trials with few embeddings, 100,000 with the default ones of 250 Hz,
10,000 to 100,000 with those in samples, in processes of their own, peak of the resident
set, with all that Python and its packages take; ``memory samples 10000`` runs one fit.
"""

import resource
import subprocess
import sys
import time

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.common import interleaved, other_rows, save
from benchmarks.eeg.bench_bands import tangent_lr
from benchmarks.eeg.recordings import oddball, ssvep
from skgeo.eeg import AugmentedCovarianceClassifier
from skgeo.eeg import _heads as heads

FEW = {"orders": (1, 2, 4), "lags": (2, 4)}


def run_cost(quick):
    """Time one fit of each, in turn."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 21, 481)), np.arange(30) % 2
    X[:, :, 1:] += X[:, :, :-1]
    Ours = AugmentedCovarianceClassifier
    seconds = {"sfreq": 160.0, "probability": False}
    models = {
        "Cov+TS+LR": tangent_lr(),
        "average, lags in samples": Ours(probability=False),
        "average, seconds": Ours(**seconds),
        "average, seconds and bands": Ours(**seconds, band=(8.0, 32.0)),
    }
    calls = {name: lambda m=model: m.fit(X, y) for name, model in models.items()}
    _, times = interleaved(calls, repeat=3 if quick else 40)
    reference = times["Cov+TS+LR"]["least_cpu"]
    return [
        {
            "table": "cost",
            "method": name,
            "cpu_ms": 1e3 * measured["least_cpu"],
            "ratio": measured["least_cpu"] / reference,
        }
        for name, measured in times.items()
    ]


def many_trials(quick):
    """Name -> (trials, labels, training trials), sets of a few thousand trials."""
    stored = [ssvep(p) for p in range(1, 3 if quick else 7)]
    blocks = np.tile(np.arange(500) // 100, len(stored))
    X = np.concatenate([trials for trials, _ in stored])
    y = np.concatenate([labels for _, labels in stored])
    halves = np.concatenate([X[:, :, :62], X[:, :, -62:]])
    Z, table = oddball()
    keep = table["run"] % 6 != 5
    return {
        "MAMEM II": (X, y, blocks < 4),
        "MAMEM II, half seconds": (halves, np.tile(y, 2), np.tile(blocks < 4, 2)),
        "oddball": (Z[:, :, 51:256], table["y"], keep),
    }


def run_landmarks(quick):
    """Compare the machine on landmarks with the whole one."""
    rows, known = [], (heads.MANY_TRIALS, heads.N_LANDMARKS)
    for data, (X, y, train) in many_trials(quick).items():
        whole = None
        for count in (None, 500, 1000):
            heads.MANY_TRIALS, heads.N_LANDMARKS = 0, count
            if count is None:
                heads.MANY_TRIALS = len(X)
            model = AugmentedCovarianceClassifier(**FEW, probability=False)
            start = time.process_time()
            model.fit(X[train], y[train])
            cpu = time.process_time() - start
            labels = model.predict(X[~train])
            score = np.mean(labels == y[~train])
            if len(model.classes_) == 2:
                values = model.decision_function(X[~train])
                score = roc_auc_score(y[~train] == model.classes_[1], values)
            whole = labels if whole is None else whole
            rows.append(
                {
                    "table": "landmarks",
                    "data": data,
                    "method": "all inner products"
                    if count is None
                    else f"{count} landmarks",
                    "n_trials": int(train.sum()),
                    "score": float(100 * score),
                    "agreement": float(100 * np.mean(labels == whole)),
                    "cpu": cpu,
                }
            )
            print(rows[-1], flush=True)
    heads.MANY_TRIALS, heads.N_LANDMARKS = known
    return rows


MEMORY = {
    "few": ("average, orders 1, 2, 4, lags 2, 4", FEW, (25_000, 50_000)),
    "seconds": ("average, default at 250 Hz", {"sfreq": 250.0}, (100_000,)),
    "samples": ("average, default in samples", {}, (10_000, 20_000, 100_000)),
}


def fit_many(which, n_trials):
    """Fit many trials and print seconds and the peak of the resident set in MB."""
    rng = np.random.default_rng(0)
    X, y = np.empty((n_trials, 8, 64)), np.arange(n_trials) % 2
    for start in range(0, n_trials, 5000):
        part = X[start : start + 5000]
        part[:] = rng.standard_normal(part.shape)
    X[y == 1, 0] *= 1.1
    start = time.process_time()
    model = AugmentedCovarianceClassifier(**MEMORY[which][1]).fit(X, y)
    cpu = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(cpu, peak, len(model.embeddings_))


def run_memory(quick):
    """Fit in processes of their own; words and numbers choose some of the fits."""
    wanted = [word for word in sys.argv if word in MEMORY] or list(MEMORY)
    counts = [int(word) for word in sys.argv if word.isdigit()]
    rows = []
    for which in wanted:
        method, _, all_counts = MEMORY[which]
        for n_trials in (4_000,) if quick else counts or all_counts:
            command = [sys.executable, "-m", "benchmarks.eeg.bench_average"]
            done = subprocess.run(
                [*command, f"fit={which}={n_trials}"],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            cpu, peak, n_embeddings = map(float, done.stdout.split())
            rows.append(
                {
                    "table": "memory",
                    "method": method,
                    "embeddings": int(n_embeddings),
                    "n_trials": n_trials,
                    "trials_mb": n_trials * 8 * 64 * 8 / 1e6,
                    "peak_mb": peak,
                    "cpu": cpu,
                    "cpu_ms_per_trial": 1e3 * cpu / n_trials,
                }
            )
            print(rows[-1], flush=True)
    new = {(row["method"], row["n_trials"]) for row in rows}
    stored = other_rows("eeg_average_memory", "table", ())
    rows += [row for row in stored if (row["method"], row["n_trials"]) not in new]
    return sorted(rows, key=lambda row: (row["method"], row["n_trials"]))


PARTS = {"cost": run_cost, "landmarks": run_landmarks, "memory": run_memory}


def main():
    """Run the parts that are asked for."""
    for word in sys.argv[1:]:
        if word.startswith("fit="):
            _, which, count = word.split("=")
            return fit_many(which, int(count))
    quick = "--quick" in sys.argv
    for part in [name for name in PARTS if name in sys.argv] or list(PARTS):
        rows = PARTS[part](quick)
        print(*rows, sep="\n", flush=True)
        save(f"eeg_average_{part}", rows, quick=quick)
    return None


if __name__ == "__main__":
    main()
