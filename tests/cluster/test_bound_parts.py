"""Parts of the bounds: what a search reports, and when a proof is passed on."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from skgeo.cluster._solvers.bounds import _clipped_value, clipped_bound
from skgeo.cluster._solvers.groups import group_points
from skgeo.cluster._solvers.judgment import Judgment
from skgeo.cluster._solvers.relaxation import RelaxationResult
from skgeo.cluster._solvers.runs import add_relaxation


@pytest.mark.parametrize("spread", [0.5, 1.5, 3.0])
def test_the_reported_place_gives_the_reported_bound(spread):
    for seed in range(4):
        X, labels = make_blobs(60, 2, centers=3, cluster_std=spread, random_state=seed)
        groups = group_points(X / 16.0, labels, 3)
        bound, t, kappa = clipped_bound(groups, 3)
        assert np.isfinite(bound)
        assert _clipped_value(groups, 3, t, kappa) == bound
        # and none of the neighbors tried at the end is better
        for factor in (1.05, 0.95):
            assert _clipped_value(groups, 3, factor * t, kappa) >= 0.999 * bound


def judged(inertia, error):
    return Judgment(
        verdict="open", reason="not proven", inertia=inertia, lower_bound=0.5 * inertia,
        error=error, method="clipped", t_max=1.0, floor=0.5, total=10 * inertia,
    )  # fmt: skip


def relaxed(verdict, lower_bound):
    return RelaxationResult(
        x=np.eye(2), objective=np.zeros(1), stop=0.0, n_iter=1, converged=True,
        labels=np.zeros(2, dtype=int), inertia=1.0, verdict=verdict,
        lower_bound=lower_bound, upper_bound=1.0, multiplier=np.zeros((2, 2)),
    )  # fmt: skip


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_a_proof_counts_where_rounding_decides_nothing(unit):
    sharp = add_relaxation(judged(unit, 1e-10 * unit), relaxed("certified", unit))
    assert (sharp.verdict, sharp.reason, sharp.method) == (
        "certified", "", "certificate",
    )  # fmt: skip
    assert unit * (1 - 1e-9) < sharp.lower_bound < unit
    blunt = add_relaxation(judged(unit, 1e-8 * unit), relaxed("certified", unit))
    assert blunt.verdict == "open"
    assert "rounding" in blunt.reason or "precision" in blunt.reason


def test_bounds_of_the_relaxation_never_exceed_the_inertia():
    for lower, expected in ((0.2, 0.5), (0.7, 0.7), (3.0, 1.0)):
        for verdict in ("open", "not_tight"):
            found = add_relaxation(judged(1.0, 1e-12), relaxed(verdict, lower))
            assert found.lower_bound == expected
            assert found.verdict == verdict
            assert found.method == ("relaxation" if lower > 0.5 else "clipped")
    proven = judged(1.0, 1e-12)
    assert add_relaxation(proven, None) is proven
