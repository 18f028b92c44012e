"""Masked arrays and sample weights: every estimator, every method that takes data."""

import numpy as np
import pandas as pd
import pytest

from skgeo.linear_model import (
    KroneckerSBL,
    KroneckerSBLRegressor,
    RobustTraceRegressor,
    SparseBayesianClassifier,
    SparseBayesianRegressor,
    SteeringFactor,
    kron_posterior,
)
from skgeo.linear_model._kronecker.dictionary import on_grid

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
TARGETS = X @ [1.0, 0.0, -2.0] + 0.1 * RNG.standard_normal(40)
LABELS = (TARGETS > 0).astype(int)
MODELS = {
    "Kronecker": (KroneckerSBLRegressor(), TARGETS),
    "regressor": (SparseBayesianRegressor(), TARGETS),
    "classifier": (SparseBayesianClassifier(), LABELS),
    "trace": (RobustTraceRegressor(), TARGETS),
}
WITH_WEIGHTS = [name for name in MODELS if name != "trace"]


@pytest.fixture(scope="module")
def fitted():
    return {name: model.fit(X, y) for name, (model, y) in MODELS.items()}


def masked(values, at=(0,)):
    mask = np.zeros(np.shape(values), dtype=bool)
    mask[at] = True
    return np.ma.masked_array(values, mask)


@pytest.mark.parametrize("name", MODELS)
def test_masked_entries_are_refused(name, fitted):
    model, y = fitted[name], MODELS[name][1]
    methods = ("predict", "predict_proba", "decision_function", "predict_log_proba")
    for data in (masked(X, (3, 1)), [masked(row, (0,)) for row in X]):
        for method in methods:
            if hasattr(model, method):
                with pytest.raises(ValueError, match="X has masked entries"):
                    getattr(model, method)(data)
        with pytest.raises(ValueError, match="X has masked entries"):
            model.score(data, y)
        with pytest.raises(ValueError, match="X has masked entries"):
            MODELS[name][0].__class__().fit(data, y)
    with pytest.raises(ValueError, match="y has masked entries"):
        model.score(X, masked(y))
    with pytest.raises(ValueError, match="y has masked entries"):
        model.__class__().fit(X, masked(y))
    # A mask that hides nothing is none.
    bare = np.ma.masked_array(X, np.zeros(X.shape, dtype=bool))
    np.testing.assert_array_equal(model.predict(bare), model.predict(X))


def test_masked_tensors_and_targets_of_several_outputs():
    Y = np.stack([TARGETS, -TARGETS], axis=1).reshape(40, 2, 1)
    model = KroneckerSBLRegressor([np.eye(2), np.eye(1)]).fit(X, Y)
    with pytest.raises(ValueError, match="X has masked entries"):
        model.predict(masked(X, (3, 1)), return_std=True)
    for method in (model.score, KroneckerSBLRegressor(model.output_factors).fit):
        with pytest.raises(ValueError, match="y has masked entries"):
            method(X, masked(Y, (0, 1)))
    stack = X.reshape(40, 3, 1)
    trace = RobustTraceRegressor().fit(stack, TARGETS)
    with pytest.raises(ValueError, match="X has masked entries"):
        trace.predict(masked(stack, (2, 1)))


def test_masked_measurements_are_missing_and_masked_codes_are_refused():
    factors = [RNG.standard_normal((4, 6)), RNG.standard_normal((3, 5))]
    rows = np.outer(factors[0][:, 1], factors[1][:, 2]).reshape(1, -1)
    rows = rows + 0.01 * RNG.standard_normal((2, 12))
    model = KroneckerSBL(factors).fit(rows)
    holes = rows.copy()
    holes[0, 3] = np.nan
    for given in (masked(rows, (0, 3)), list(masked(rows, (0, 3)))):
        np.testing.assert_allclose(model.transform(given), model.transform(holes))
        np.testing.assert_allclose(model.reconstruct(given), model.reconstruct(holes))
        assert model.score(given) == pytest.approx(model.score(holes))
        np.testing.assert_allclose(
            KroneckerSBL(factors).fit(given).gammas_[0],
            KroneckerSBL(factors).fit(holes).gammas_[0],
        )
    codes = model.transform(rows)
    with pytest.raises(ValueError, match="X has masked entries"):
        model.inverse_transform(masked(codes, (0, 0)))
    with pytest.raises(ValueError, match="factors has masked entries"):
        KroneckerSBL([masked(factors[0], (0, 0)), factors[1]]).fit(rows)
    with pytest.raises(ValueError, match="factors has masked entries"):
        kron_posterior([masked(factors[0], (0, 0)), factors[1]],
                       [np.ones(6), np.ones(5)], rows, 0.1)  # fmt: skip
    with pytest.raises(ValueError, match="positions has masked entries"):
        SteeringFactor(masked(np.arange(4.0)), [0.0, 0.5])
    factor = SteeringFactor(range(4), [0.0, 0.5])
    with pytest.raises(ValueError, match="points has masked entries"):
        factor(masked(np.array([0.1, 0.2])))

    class Masked:
        points = np.array([0.0, 0.5])

        def __call__(self, points):
            return masked(np.ones((4, len(points))), (0, 0))

    with pytest.raises(ValueError, match=r"factors\[1\] has masked entries"):
        on_grid(Masked(), 1)


BAD_WEIGHTS = {
    "balanced": ("balanced", "'balanced'.*compute_sample_weight"),
    "bytes": (b"balanced", "real numbers"),
    "strings": (np.full(40, "1"), "real numbers"),
    "words": (["one"] * 40, "real numbers"),
    "objects": ([{}] * 40, "real numbers"),
    "none among them": ([None] + [1.0] * 39, "finite|real numbers"),
    "dict": ({0: 1.0, 1: 2.0}, "got a dict"),
    "complex": (np.ones(40) + 0j, "complex"),
    "dates": (np.full(40, "2020-01-01", dtype="datetime64[D]"), "real numbers"),
    "nullable": (pd.Series([1.0] * 39 + [None], dtype="Float64"), "real numbers|fin"),
    "ragged": ([[1.0]] + [[1.0, 2.0]] * 39, "real numbers"),
    "column": (np.ones((40, 1)), "shape|1D"),
    "short": (np.ones(39), "shape"),
    "negative": (-np.ones(40), "non-negative"),
    "NaN": (np.full(40, np.nan), "finite"),
    "zero": (np.zeros(40), "zero"),
    "masked": (masked(np.ones(40)), "masked"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_weights_that_are_none(name, kind, fitted):
    y, (weights, message) = MODELS[name][1], BAD_WEIGHTS[kind]
    with pytest.raises(ValueError, match=message):
        fitted[name].__class__().fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match=message):
        fitted[name].score(X, y, sample_weight=weights)


def test_a_score_of_the_trace_regressor_with_a_word_for_weights(fitted):
    with pytest.raises(ValueError, match="'balanced'"):
        fitted["trace"].score(X, TARGETS, sample_weight="balanced")


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_weights_in_every_container(name, fitted):
    y, weights = MODELS[name][1], RNG.uniform(0.5, 2.0, 40)
    weights = weights * 40 / weights.sum()
    wanted = fitted[name].__class__().fit(X, y, sample_weight=weights)
    same = (list(weights), pd.Series(weights), weights.astype(object),
            pd.Series(weights, dtype="Float64"),
            np.ma.masked_array(weights, np.zeros(40, dtype=bool)))  # fmt: skip
    for given in same:
        model = fitted[name].__class__().fit(X, y, sample_weight=given)
        np.testing.assert_allclose(model.coef_, wanted.coef_)
        assert model.score(X, y, given) == pytest.approx(wanted.score(X, y, weights))
