"""Search of a scan for sets of points: evidence, additions, and sets found."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from skgeo.linear_model import SteeringFactor
from skgeo.linear_model._kronecker import offgrid
from skgeo.linear_model._kronecker.offgrid import (
    OffGridProblem,
    ParametricMode,
    _State,
)
from skgeo.linear_model._kronecker.scan import _ScanProblem, scan_sets
from tests.linear_model.kron_problems import channel_off_grid
from tests.linear_model.test_kron_offgrid import Bumps

GRID = np.linspace(-1, 1, 10, endpoint=False)


def small(is_complex, n_samples=2):
    """Points in mode 1 of three, the other modes with two and one columns."""
    rng = np.random.default_rng(3)
    if is_complex:
        mode = ParametricMode(SteeringFactor(range(7), GRID))
    else:
        mode = ParametricMode(Bumps(np.linspace(-1, 1, 7), GRID))
    shape = (4, 7, 3)

    def normal(*size):
        return rng.standard_normal(size) + 1j * is_complex * rng.standard_normal(size)

    points = np.array([-0.52, 0.31])
    columns = [normal(4, 2), mode.columns(points), normal(3, 1)]
    if not is_complex:
        columns = [H.real for H in columns]
    gammas = [np.array([0.5, 2.0]), np.array([1.0, 0.4]), np.array([0.8])]
    Y = np.einsum("ia,jb,kc,nabc->nijk", *columns, normal(n_samples, 2, 2, 1))
    Y = Y + 0.05 * normal(n_samples, *shape)
    return mode, columns, gammas, Y if is_complex else Y.real, points


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("n_samples", [2, 12])
def test_evidence_and_additions(is_complex, n_samples):
    mode, columns, gammas, Y, _ = small(is_complex, n_samples)
    full = OffGridProblem([None, mode, None], Y, False, 1e-10)
    problem = _ScanProblem(mode, columns, gammas, Y, 0.02, 1, 1.5)
    noise = np.full(len(problem.scale), 0.02)

    def evidence(H, g):
        return full.evidence(
            [columns[0], H, columns[2]], [gammas[0], g, gammas[2]], 0.02
        )[0]

    # Differences are those of the evidence of all modes: constants are left out.
    assert_allclose(
        problem.objectives(columns[1].T[None], gammas[1][None], noise)[0]
        - problem.objectives(columns[1].T[None, :1], gammas[1][None, :1], noise)[0],
        evidence(columns[1], gammas[1]) - evidence(columns[1][:, :1], gammas[1][:1])
        - 1.5,
        rtol=1e-9,
    )  # fmt: skip
    assert problem.present == pytest.approx(
        problem.objectives(columns[1].T[None], gammas[1][None], noise)[0]
    )
    sets, variances = np.array([[3, 17], [8, 5]]), np.array([[0.5, 1.0], [2.0, 0.1]])
    gains, at = problem._additions(sets, variances)
    before = problem.objectives(problem.H.T[sets], variances)
    for j in (0, 9, 20):
        bigger = np.column_stack([sets, [j, j]])
        after = problem.objectives(
            problem.H.T[bigger], np.column_stack([variances, at[:, j]])
        )
        assert_allclose(gains[:, j] - 1.5, after - before, rtol=1e-7)


@pytest.mark.parametrize("is_complex", [False, True])
def test_points_off_the_scan_are_found(is_complex):
    mode, columns, gammas, Y, points = small(is_complex, 6)
    found = scan_sets(mode, columns, gammas, Y, 0.005, 1, 6.0, range(1, 3))
    assert_allclose(np.sort(found[0][0]), points, atol=0.03)
    # Neither the columns of the mode itself nor its variances matter.
    other = [columns[0], mode.columns(np.array([0.9])), columns[2]]
    weak = [gammas[0], np.array([1e-3]), gammas[2]]
    again = scan_sets(mode, other, weak, Y, 0.005, 1, 6.0, range(1, 3))
    assert_allclose(again[0][0], found[0][0])
    # Where the set that is kept is much better than any other, there is nothing.
    assert not scan_sets(mode, columns, gammas, Y, 0.005, 1, 6.0, range(1, 2))


def test_factors_are_called_within_the_scan_only():
    mode, columns, gammas, Y, _ = small(False, 6)
    seen, evaluate = [], mode.factor.__call__

    class Within:
        points, derivative = mode.factor.points, mode.factor.derivative

        def __call__(self, points):
            seen.append(np.abs(points).max())
            return evaluate(points)

    mode = ParametricMode(Within())
    assert scan_sets(mode, columns, gammas, Y, 0.005, 1, 2.0, range(1, 3))
    assert max(seen) <= np.abs(mode.scan).max()


def test_long_searches_are_left_out(monkeypatch):
    mode, columns, gammas, Y, _ = small(True)
    monkeypatch.setattr("skgeo.linear_model._kronecker.scan._MAX_WORK", 1000)
    assert scan_sets(mode, columns, gammas, Y, 0.005, 1, 6.0, range(1, 3)) == []


def test_channels_reach_the_evidence_of_the_true_angles(monkeypatch):
    data, factors, model = channel_off_grid()
    modes = [ParametricMode(f) for f in factors]
    unit = np.sqrt(np.mean(np.abs(data.X) ** 2))
    Y, noise = (data.X / unit).reshape(1, 6, 3, 8), data.noise_variance / unit**2
    true = _State(
        data.cosines, [m.columns(p) for m, p in zip(modes, data.cosines, strict=True)],
        [np.full(len(p), 0.5) for p in data.cosines], noise,
    )  # fmt: skip
    best = OffGridProblem(modes, Y, False, 1e-10).optimize(true)[1] - sum(
        np.log(len(m.scan)) * len(p) for m, p in zip(modes, data.cosines, strict=True)
    )

    assert model._priors[0].fit.net_evidence == pytest.approx(best, abs=0.01)
    for points, kept, cosines in zip(
        model.points_, model.support_, data.cosines, strict=True
    ):
        assert_allclose(np.sort(points[kept]), cosines, atol=0.02)
    # Moves of single points alone do not get there.
    monkeypatch.setattr(offgrid, "_replace", lambda p, state, net, c: (state, net))
    other = clone(model).fit(data.X)
    assert other._priors[0].fit.net_evidence < best - 5.0
