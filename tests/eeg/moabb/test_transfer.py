"""Recentering through MOABB's own transfer protocols."""

import numpy as np
import pytest

from skgeo.eeg import AugmentedCovarianceClassifier, RecenteredCovarianceClassifier
from skgeo.testing import make_trials

pytest.importorskip("moabb", reason="MOABB comes with the extra eeg")
modes = pytest.importorskip(
    "moabb.evaluations.protocols", reason="this MOABB has no transfer protocols"
)

FIT_CALLS = []


class Recorded(RecenteredCovarianceClassifier):
    """Keeps what it was given."""

    def fit(self, X, y, sample_weight=None, subjects=None, X_target_unlabeled=None):
        FIT_CALLS.append((len(X), subjects, X_target_unlabeled))
        return super().fit(X, y, sample_weight, subjects, X_target_unlabeled)


@pytest.fixture(scope="module")
def people():
    """Three people who differ by the gains of their channels."""
    from skgeo.datasets import from_arrays

    X, y = make_trials(120, 3, 150)
    X += 0.8 * np.random.default_rng(1).standard_normal(X.shape)
    subject = np.repeat([1, 2, 3], 40)
    for who, gain in enumerate([(1, 3, 0.3), (0.2, 1, 2), (5, 0.2, 1)], start=1):
        X[subject == who] = np.diag(gain).astype(float) @ X[subject == who]
    return from_arrays(
        1e-6 * X,
        np.array(["10.00", "12.00"])[y],
        sfreq=100.0,
        subject=subject,
        paradigm="ssvep",
        name="people",
    )


def evaluate(people, tmp_path, mode):
    from moabb.evaluations import CrossSubjectEvaluation
    from moabb.paradigms import SSVEP

    FIT_CALLS.clear()
    pipelines = {
        "plain": AugmentedCovarianceClassifier(2, 1, probability=False),
        "recentered": Recorded(2, 1, probability=False),
    }
    evaluation = CrossSubjectEvaluation(
        paradigm=SSVEP(
            fmin=None,
            fmax=None,
            events=["10.00", "12.00"],
            n_classes=2,
            scorer="accuracy",  # the area under the curve forgives a shifted threshold
        ),
        datasets=[people],
        cs_mode=mode,
        overwrite=True,
        hdf5_path=str(tmp_path),
        suffix=str(mode.value),
    )
    results = evaluation.process(pipelines)
    return results.groupby("pipeline")["score"].mean()


@pytest.mark.parametrize("part", ["20P", "50P", "FULL"])
def test_unlabelled_target_trials_reach_the_classifier(people, tmp_path, part):
    mode = modes.CrossSubjectMode[f"TRAIN_AND_TARGET_UNLABELED_{part}"]
    scores = evaluate(people, tmp_path, mode)
    assert len(FIT_CALLS) == 3
    share = {"20P": 8, "50P": 20, "FULL": 40}[part]
    for n_trials, subjects, target in FIT_CALLS:
        assert len(subjects) == n_trials == 80
        assert len(np.unique(subjects)) == 2
        assert target.shape == (share, 3, 150)
    assert scores["recentered"] > 0.85
    assert scores["recentered"] > scores["plain"] + 0.1


def test_without_target_trials_it_runs_all_the_same(people, tmp_path):
    scores = evaluate(people, tmp_path, modes.CrossSubjectMode.TRAIN)
    assert len(FIT_CALLS) == 3
    assert all(target is None for _, _, target in FIT_CALLS)
    assert scores["recentered"] >= 0.5
