"""A short run of the fuzzer; the long one is ``python -m tests.fuzz --minutes 60``."""

import pytest

from tests.fuzz import functions, registry, trial

SEEDS = range(12)
# What long runs have found, one seed for each kind.
FOUND = (
    ("AugmentedCovarianceClassifier", 901448),
    ("AugmentedCovarianceClassifier", 3000173),
    ("ExactKMeans", 8000210),
    ("ExactKMeans", 9000202),
    ("KroneckerSBL", 2000836),
    ("KroneckerSBL", 26115180),
    ("KroneckerSBLRegressor", 5001698),
    ("MEDIDA", 26127208),
    ("OnlineOrthogonalDictionary", 3000271),
    ("OnlineOrthogonalDictionary", 26129215),
    ("KroneckerSBLRegressor", 6000499),
    ("SparseBayesianRegressor", 5000394),
    ("SparseBayesianRegressor", 6001585),
    ("SupervisedDictionaryLearning", 7001160),
    ("SupervisedDictionaryLearning", 7002058),
)


@pytest.mark.parametrize("cls", registry.estimators(), ids=lambda c: c.__name__)
def test_generated_input_is_answered_or_refused(cls):
    findings = [f for seed in SEEDS for f in trial.run(cls, seed)[0]]
    assert not findings, findings[0]


@pytest.mark.parametrize(("name", "seed"), FOUND)
def test_what_was_found_once_is_mended(name, seed):
    (cls,) = [c for c in registry.estimators() if c.__name__ == name]
    findings = trial.run(cls, seed)[0]
    assert not findings, findings[0]


@pytest.mark.parametrize("name", sorted(functions.FUNCTIONS))
def test_functions_answer_or_refuse(name):
    findings = [f for seed in range(30) for f in functions.run(name, seed)]
    assert not findings, findings[0]


def test_the_oracle_sees_what_it_should():
    assert trial.judge(OverflowError("too large")) == "OverflowError"
    assert trial.judge(TypeError("'<' not supported between instances of")) is not None
    assert trial.judge(ValueError("X holds NaN; remove them.")) is None
    assert not trial.finite([1.0, float("nan")])
