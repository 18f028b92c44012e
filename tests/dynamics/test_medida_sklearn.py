"""MEDIDA with the tools of scikit-learn and pysindy."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures

from skgeo.datasets import (
    KuramotoSivashinsky,
    Lorenz63,
    make_observation_pairs,
)
from skgeo.dynamics import (
    MEDIDA,
    PDELibrary1D,
    one_standard_error,
    skill_scorer,
)
from skgeo.linear_model import SparseBayesianRegressor
from tests.dynamics.common import (
    lorenz_pairs,
    support,
)


@pytest.mark.parametrize("cv", [GroupKFold(4), TimeSeriesSplit(3)])
def test_search_picks_the_sparsest_by_skill(cv):
    system = KuramotoSivashinsky(256, 50.0)
    pairs = make_observation_pairs(
        system, 40, dt=0.02, n_trajectories=8, random_state=0
    )
    model = KuramotoSivashinsky(256, 50.0, diffusion=0.0)
    medida = MEDIDA(
        model.flow(0.02),
        0.02,
        library=PDELibrary1D(length=50.0),
        regressor=SparseBayesianRegressor(fit_intercept=False),
        prune_step_error=False,  # leave the choice to the search
    )
    search = GridSearchCV(
        medida,
        {
            "library__degree": [1, 3],
            "regressor__threshold_lambda": [1e1, 1e3, 1e6],
        },
        scoring=skill_scorer,
        refit=one_standard_error,
        cv=cv,
    )
    search.fit(pairs.X, pairs.y, groups=pairs.groups)
    assert support(search.best_estimator_) == {"u_xx"}
    assert search.cv_results_["mean_test_skill"][search.best_index_] > 0.99


def test_search_over_a_pipeline():
    pairs = make_observation_pairs(
        Lorenz63(), 160, dt=0.01, n_trajectories=4, random_state=0
    )
    padded = np.hstack([pairs.X, pairs.X[:, :1]])  # a column too many
    medida = MEDIDA(
        Lorenz63(rho=26.0).flow(0.01),
        0.01,
        library=PolynomialFeatures(),
        regressor=SparseBayesianRegressor(fit_intercept=False),
    )
    search = GridSearchCV(
        make_pipeline(FunctionTransformer(_first_three), medida),
        {
            "medida__library__degree": [1, 2],
            "medida__regressor__threshold_lambda": [1e-2, 1e3],
        },
        scoring=skill_scorer,
        refit=one_standard_error,
        cv=GroupKFold(4),
        error_score="raise",
    )
    search.fit(padded, pairs.y, groups=pairs.groups)
    best = search.best_estimator_
    assert support(best[-1], 1) == {"x0"}
    assert search.best_params_["medida__regressor__threshold_lambda"] == 1e3
    expected = best[-1].skill_score(pairs.X, pairs.y)
    assert skill_scorer(best, padded, pairs.y)["skill"] == expected > 0.99


def _first_three(X):
    return X[:, :3]


def test_one_standard_error_prefers_few_terms():
    results = {
        "mean_test_skill": np.array([0.5, 0.90, 0.91, -np.inf]),
        "mean_test_sparsity": np.array([-1.0, -2.0, -9.0, -1.0]),
        "split0_test_skill": np.array([0.5, 0.88, 0.94, 0.0]),
        "split1_test_skill": np.array([0.5, 0.92, 0.88, -np.inf]),
    }
    assert one_standard_error(results) == 1
    with pytest.raises(ValueError, match="skill_scorer"):
        one_standard_error({})
    with pytest.raises(ValueError, match="blow up"):
        one_standard_error(results | {"mean_test_skill": np.full(4, -np.inf)})


def test_clone_pickle_and_predict_agree():
    pairs = lorenz_pairs()
    medida = clone(
        MEDIDA(
            Lorenz63(rho=26.0).flow(0.01, 5),
            0.01,
            library=PolynomialFeatures(2, include_bias=False),
        )
    ).fit(pairs.X, pairs.y)
    again = pickle.loads(pickle.dumps(medida))
    np.testing.assert_array_equal(again.predict(pairs.X), medida.predict(pairs.X))
    np.testing.assert_allclose(
        medida.predict(pairs.X), medida.corrected_model()(pairs.X)
    )
    assert medida.score(pairs.X, pairs.y) > 0.9999
    assert medida.equations(2, std=True)[1].startswith("x1_t = model + 2.00(")


def test_pysindy_libraries_and_optimizers():
    pysindy = pytest.importorskip("pysindy")
    from functools import partial

    from skgeo.dynamics import from_pysindy

    pairs = lorenz_pairs()
    library = from_pysindy(partial(pysindy.PolynomialLibrary, degree=2))
    regressor = from_pysindy(partial(pysindy.STLSQ, threshold=0.1, alpha=0.0))
    medida = MEDIDA(
        Lorenz63(rho=26.0).flow(0.01, 5), 0.01, library=library, regressor=regressor
    )
    medida = clone(medida).fit(pairs.X, pairs.y)
    assert support(medida, 1) == {"x0"}
    np.testing.assert_allclose(medida.coef_.sum(), 2.0, rtol=0.005)
    x = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    pde = from_pysindy(
        partial(
            pysindy.PDELibrary,
            function_library=pysindy.PolynomialLibrary(2, include_bias=False),
            derivative_order=2,
            spatial_grid=x,
            periodic=True,
        )
    )
    terms = clone(pde).fit(np.sin(x)[None]).evaluate(np.sin(x)[None])
    j = pde.fit(np.sin(x)[None]).term_names_.index("u_1")
    np.testing.assert_allclose(terms[0, :, j], np.cos(x), atol=5e-3)
    with pytest.raises(ValueError, match="library or optimizer"):
        from_pysindy(dict)


def test_pysindy_adapters_pass_the_common_checks():
    pytest.importorskip("pysindy")
    from sklearn.utils.estimator_checks import check_estimator

    from skgeo.dynamics._library.pysindy import _PySINDyLibrary

    failures = [
        check["check_name"]
        for check in check_estimator(_PySINDyLibrary(), on_fail=None)
        if check["status"] == "failed"
    ]
    assert failures == []
