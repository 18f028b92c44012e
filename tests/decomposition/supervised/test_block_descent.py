"""Block coordinate descent: monotone, and as good as the lift."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skgeo.decomposition._supervised.bcd import bcd_feature, bcd_filter
from skgeo.decomposition._supervised.initialization import (
    initial_dictionary,
    principal_axes,
)
from skgeo.decomposition._supervised.loss import (
    LabelLoss,
)
from skgeo.decomposition._supervised.lpgd import lpgd
from tests.decomposition.supervised.problems import dense, nll, setting


@pytest.mark.parametrize("solver", [bcd_filter, bcd_feature])
@pytest.mark.parametrize("positive_dict", [True, False])
@pytest.mark.parametrize("positive_code", [True, False])
@pytest.mark.parametrize("recon", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_bcd_never_rises(solver, positive_dict, positive_code, recon, n_classes):
    data, loss, covariates = setting(n_classes=n_classes, seed=4)
    # Uneven class weights: the label loss no longer shares the sample weights.
    loss = LabelLoss(loss.y, n_classes, loss.weight * np.where(loss.y == 0, 7.0, 0.4))
    covariates.loss = loss
    rng = np.random.RandomState(0)
    signs = {"positive_dict": positive_dict, "positive_code": positive_code}
    label_data = data
    if positive_dict or positive_code:
        data = data.with_center(None)
    for kind in ("svd", "random"):
        D = initial_dictionary(data, 3, kind, random_state=rng, **signs)
        extra = {"label_data": label_data} if solver is bcd_filter else {}
        result = solver(
            data,
            loss=loss,
            covariates=covariates,
            recon=recon,
            ridge=1e-3,
            start=(D, np.zeros((loss.n_logits, 3)), covariates.zeros()),
            max_iter=40,
            tol=0.0,
            **signs,
            **extra,
        )
        trace = result.objective
        assert (np.diff(trace) <= 1e-9 * np.abs(trace[:-1])).all()
        assert trace[-1] < trace[0]
        D, coef, nu, C = result.x
        assert not positive_dict or (D >= 0).all()
        assert not positive_code or (C >= 0).all()
        # The trace is the objective of the factors it comes with.
        X = dense(data)
        if solver is bcd_filter:
            S, ridge = dense(label_data) @ (coef @ D).T, np.sum((coef @ D) ** 2)
        else:
            S, ridge = C @ coef.T, np.sum(coef**2)
        value = nll(S + covariates.N @ nu.T, loss) + 1e-3 * ridge
        value += covariates.ridge(nu)
        value += recon * data.weight @ ((X - C @ D) ** 2).sum(1)
        assert_allclose(trace[-1], value, rtol=1e-7)


def test_free_block_descent_reaches_the_lifted_optimum():
    data, loss, covariates = setting()
    common = {"recon": 0.5, "ridge": 0.01}
    lifted = lpgd(
        "filter", data, loss, covariates, rank=3, tol=1e-10, max_iter=5000, **common
    )
    result = bcd_filter(
        data,
        data,
        loss,
        covariates,
        positive_dict=False,
        positive_code=False,
        start=(principal_axes(data, 3), np.zeros((1, 3)), covariates.zeros()),
        max_iter=3000,
        tol=1e-12,
        **common,
    )
    assert_allclose(result.objective[-1], lifted.objective[-1], rtol=1e-6)
