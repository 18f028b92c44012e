"""Sparse regressors on the same matrices: the library of a Kuramoto-Sivashinsky case.

    python -m benchmarks.dynamics.bench_regression [--quick]

ARDRegression of scikit-learn; STLSQ, SR3 and SSR of pysindy where it is installed.
Two designs (terms at the end of the step; tangent features) and two targets (without
noise; with white noise of about twice its standard deviation).
"""

import sys
import warnings
from functools import partial

import numpy as np
from sklearn.linear_model import ARDRegression

from benchmarks.common import interleaved, save
from benchmarks.dynamics.common import TRUTH, error, exact_support
from skgeo.datasets import KuramotoSivashinsky, make_observation_pairs
from skgeo.dynamics import PDELibrary1D, from_pysindy
from skgeo.dynamics._model_error.design import build_design
from skgeo.dynamics._model_error.terms import Terms
from skgeo.linear_model import SparseBayesianRegressor


def contestants():
    ours = partial(SparseBayesianRegressor, fit_intercept=False, min_gain="selection")
    out = {
        "skgeo, threshold_lambda=1e4": partial(ours, threshold_lambda=1e4),
        "skgeo, min_coef=0.1": partial(ours, min_coef=0.1),
        "skgeo, evidence alone": partial(ours, min_gain=0.0),
        "ARDRegression": partial(ARDRegression, fit_intercept=False),
    }
    try:
        import pysindy
    except ImportError:
        return out
    for name, factory in {
        "STLSQ 0.1": partial(pysindy.STLSQ, threshold=0.1, alpha=0.0),
        "SR3": pysindy.SR3,
        "SSR": partial(pysindy.SSR, alpha=1e-10),
    }.items():
        out[name] = partial(from_pysindy, factory)
    return out


def design(n_pairs, evaluate_at, dt=0.005):
    pairs = make_observation_pairs(TRUTH, n_pairs, dt=dt, gap=1.0, random_state=820)
    model = KuramotoSivashinsky(advection=0.0)
    flow = model.flow(dt, 5)
    names = [f"x{i}" for i in range(1024)]
    terms = Terms(PDELibrary1D(length=100.0).fit(pairs.X), pairs.X, 1024, names)
    problem = build_design(
        terms,
        flow,
        pairs.X,
        pairs.y,
        flow(pairs.X),
        np.full((n_pairs, 1), dt),
        evaluate_at=evaluate_at,
        project=None,
        step_size=1e-5,
        units=np.full(1024, pairs.X.std()),
        per_sample=None,
        history=None,
    )
    A, Y = problem.matrices()
    return np.ascontiguousarray(A), Y[:, 0], terms.names, model


def main(quick=False):
    warnings.simplefilter("ignore")
    rows = []
    for evaluate_at in ("end", "tangent"):
        A, y, names, model = design(5 if quick else 100, evaluate_at)
        noise = np.random.default_rng(0).standard_normal(len(y)) * 2 * y.std()
        for label, target in (("none", y), ("white", y + noise)):
            values, times = interleaved(
                {
                    name: lambda f=factory, D=A, t=target: f().fit(D, t)
                    for name, factory in contestants().items()
                },
                repeat=1 if quick else 3,
            )
            for name, fitted in values.items():
                coef = np.ravel(fitted.coef_)
                rows.append(
                    {
                        "features": evaluate_at,
                        "noise": label,
                        "rows": len(y),
                        "method": name,
                        "cpu_s": times[name]["cpu"],
                        "terms": int(np.count_nonzero(coef)),
                        "exact": exact_support(names, coef, model),
                        "error": error(names, coef, model),
                    }
                )
    save("dynamics_regression", rows, quick=quick)


if __name__ == "__main__":
    main("--quick" in sys.argv)
