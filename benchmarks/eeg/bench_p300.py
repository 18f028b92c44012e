"""Event-related potentials: covariances under prototypes against pyriemann's.

``python -m benchmarks.eeg.bench_p300``, SKGEO_TEST_DATA set. A visual oddball of two
people, four dry electrodes, 1 to 20 Hz, 0 to 0.8 s after the stimulus, trials above 100
microvolts left out. Runs are kept together: five groups of runs, AUC in percent.
"""

import time

import numpy as np
from pyriemann.estimation import ERPCovariances, XdawnCovariances
from pyriemann.tangentspace import TangentSpace
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline

from benchmarks.common import save
from benchmarks.eeg.bench_bands import tangent_lr
from benchmarks.eeg.recordings import oddball
from skgeo.eeg import (
    AugmentedCovarianceClassifier,
    ERPAugmentedCovariances,
    TangentMap,
    filter_bank,
)

SFREQ, CUT = 256.0, slice(51, 256)


def contestants():
    """Name -> unfitted pipeline."""

    def peer(covariances):
        return make_pipeline(
            covariances, TangentSpace(), LogisticRegression(max_iter=2000)
        )

    def ours(**params):
        return make_pipeline(
            ERPAugmentedCovariances(**params),
            TangentMap(),
            LogisticRegression(max_iter=2000),
        )

    delayed = {"sfreq": SFREQ, "lag": 0.06}
    return {
        "Cov+TS+LR": tangent_lr(),
        "ERPCov+TS+LR": peer(ERPCovariances(estimator="oas")),
        "Xdawn+TS+LR": peer(
            XdawnCovariances(4, estimator="oas", xdawn_estimator="oas")
        ),
        "AugmentedCovarianceClassifier(sfreq=256)": AugmentedCovarianceClassifier(
            sfreq=SFREQ, probability=False
        ),
        "ERPAugmentedCovariances+TS+LR": ours(),
        "ERPAugmentedCovariances(2 filters)+TS+LR": ours(n_filters=2),
        "ERPAugmentedCovariances(no filters)+TS+LR": ours(n_filters=None),
        "ERPAugmentedCovariances(order=2)+TS+LR": ours(order=2, **delayed),
        "ERPAugmentedCovariances(order=4)+TS+LR": ours(order=4, **delayed),
    }


def main():
    X, table = oddball()
    clean = np.abs(X - X.mean(2, keepdims=True))[:, :, CUT].max((1, 2)) < 100
    X = filter_bank(X, SFREQ, (1.0, 20.0), bands=None)[:, :, CUT, 0]
    rows, reference = [], {}
    for label, model in contestants().items():
        for person in np.unique(table["subject"]):
            part = clean & (table["subject"] == person)
            Z, y = X[part], (table["y"][part] == "Target").astype(int)
            runs = table["session"][part] * 100 + table["run"][part]
            start, scores = time.process_time(), []
            for train, test in GroupKFold(5).split(Z, y, runs):
                model.fit(Z[train], y[train])
                decision = model.decision_function(Z[test])
                scores.append(100 * roc_auc_score(y[test], decision))
            scores = np.array(scores)
            reference.setdefault((person, label), scores)
            best = reference.get((person, "Xdawn+TS+LR"), scores)
            gain = scores - best
            rows.append(
                {
                    "person": int(person),
                    "method": label,
                    "score": float(scores.mean()),
                    "gain_over_xdawn": float(gain.mean()),
                    "standard_error": float(gain.std(ddof=1) / np.sqrt(len(gain))),
                    "n_trials": len(y),
                    "cpu": time.process_time() - start,
                }
            )
            print(rows[-1], flush=True)
    for row in rows:  # those before the reference was known
        best = reference[row["person"], "Xdawn+TS+LR"]
        gain = reference[row["person"], row["method"]] - best
        row["gain_over_xdawn"] = float(gain.mean())
        row["standard_error"] = float(gain.std(ddof=1) / np.sqrt(len(gain)))
    save("eeg_p300", rows)


if __name__ == "__main__":
    main()
