"""The kernel support vector machine against libsvm and a plain-numpy twin."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from skgeo.eeg._solvers.cross_validation import gamma_scale, radial, roc_auc
from skgeo.eeg._solvers.fold_grams import centered
from skgeo.eeg._solvers.gram_svm import one_versus_one, ovr_decision, vote
from skgeo.kernels.smo import smo, smo_path

CS = (0.01, 0.5, 1.0, 1.5, 100.0)


def problem(n_classes, seed, n=60, spread=1.0):
    rng = np.random.default_rng(seed)
    codes = np.r_[np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)]
    Z = rng.standard_normal((n, 12)) * spread
    Z[:, 0] += codes
    return Z, codes


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
@pytest.mark.parametrize("seed", range(3))
def test_equals_libsvm(n_classes, kernel, seed):
    Z, codes = problem(n_classes, seed, n=90)
    train, test = np.arange(60), np.arange(60, 90)
    Z = Z - Z[train].mean(0)
    G = Z @ Z.T
    K = G if kernel == "linear" else radial(G, gamma_scale(G, train))
    decision = one_versus_one(K[:60, :60], codes[train], n_classes, K[60:, :60], CS)
    for k, C in enumerate(CS):
        # Without shrinking libsvm makes the same steps: only rounding is left.
        peer = SVC(C=C, kernel="precomputed", shrinking=False).fit(
            K[:60, :60], codes[train]
        )
        expected = peer.decision_function(K[60:, :60])
        assert_allclose(ovr_decision(decision[k], n_classes), expected, atol=1e-6)
        assert_array_equal(vote(decision[k], n_classes), peer.predict(K[60:, :60]))
        shrunk = SVC(C=C, kernel=kernel, gamma="scale").fit(Z[train], codes[train])
        assert (vote(decision[k], n_classes) == shrunk.predict(Z[test])).mean() > 0.96
    large = one_versus_one(
        K[:60, :60],
        codes[train],
        n_classes,
        K[60:, :60],
        CS,
        largest=10,
    )
    # libsvm shrinks here: two solutions within its tolerance of the optimum.
    assert_allclose(decision, large, atol=5e-2)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_solution_is_optimal(scale):
    Z, codes = problem(2, 0, spread=np.sqrt(scale))
    K = Z @ Z.T
    y = np.where(codes == 0, 1.0, -1.0)
    bound = np.full(len(y), 1.0 / scale)
    Q = (y[:, None] * y * K).astype(np.float32)
    alpha, gradient = np.zeros(len(y)), np.full(len(y), -1.0)
    _, _, converged = smo(
        Q, np.diagonal(K).copy(), y, bound, 1e-3, 10**6, alpha, gradient
    )
    assert converged
    assert (alpha >= 0).all()
    assert (alpha <= bound).all()
    assert_allclose(y @ alpha, 0.0, atol=1e-9 * bound[0])
    exact = (y[:, None] * y * K) @ alpha - 1.0
    assert_allclose(gradient, exact, atol=1e-4)
    up = np.where(y > 0, alpha < bound, alpha > 0)
    low = np.where(y > 0, alpha > 0, alpha < bound)
    assert (-y * exact)[up].max() - (-y * exact)[low].min() < 2e-3


def test_weights_are_factors_of_C():
    Z, codes = problem(2, 3)
    K = Z @ Z.T
    weight = np.random.default_rng(0).uniform(0.1, 2.0, len(K))
    decision = one_versus_one(K, codes, 2, K, (0.3,), weight=weight)
    peer = SVC(C=0.3, kernel="precomputed", shrinking=False)
    expected = peer.fit(K, codes, sample_weight=weight).decision_function(K)
    assert_allclose(ovr_decision(decision[0], 2), expected, atol=1e-6)


def test_a_copied_solution_is_the_solution():
    Z, codes = problem(2, 1, spread=2.0)
    K = Z @ Z.T
    together = one_versus_one(K, codes, 2, K, CS)
    alone = [one_versus_one(K, codes, 2, K, (C,))[0] for C in CS]
    assert_array_equal(together, alone)
    assert_array_equal(one_versus_one(K, codes, 2, K, CS[::-1]), together[::-1])


def test_more_steps_than_allowed_are_told():
    Z, codes = problem(2, 1)
    y = np.where(codes == 0, 1.0, -1.0)
    K, out = Z @ Z.T, np.empty((1, len(Z)))
    one = np.ones(len(y))
    assert not smo_path(K, K, y, one, np.ones(1), 1e-3, 2, out)
    assert smo_path(K, K, y, one, np.ones(1), 1e-3, 10**6, out)


def test_roc_auc_is_sklearns_to_the_last_bit():
    rng = np.random.default_rng(0)
    for n in (2, 3, 5, 12, 40):
        for levels in (2, 5, 1000):
            for _ in range(20):
                y = np.r_[True, False, rng.random(n - 2) < 0.5]
                decision = rng.integers(0, levels, n) / 7.0
                assert roc_auc(decision, y) == roc_auc_score(y, decision)
    assert np.isnan(roc_auc(np.arange(3.0), np.ones(3, bool)))


def test_gamma_scale_and_centering():
    Z, _ = problem(2, 0)
    train = np.arange(10, 50)
    centered_Z = Z - Z[train].mean(0)
    K = centered(Z @ Z.T, train)
    assert_allclose(K, centered_Z @ centered_Z.T, atol=1e-10)
    expected = 1.0 / centered_Z[train].var(0).sum()
    assert_allclose(gamma_scale(K, train), expected)
    assert gamma_scale(np.zeros((3, 3)), np.arange(2)) == 1.0
