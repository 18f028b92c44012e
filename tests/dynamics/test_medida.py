"""MEDIDA on systems whose missing terms are known."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures

from skgeo.datasets import (
    BetaPlane,
    Burgers,
    KuramotoSivashinsky,
    Lorenz63,
    Lorenz96,
    TwoScaleLorenz96,
    make_observation_pairs,
)
from skgeo.dynamics import (
    MEDIDA,
    EnsembleKalmanFilter,
    FunctionLibrary,
    ModelErrorWarning,
    PDELibrary1D,
    PDELibrary2D,
    StencilLibrary,
    one_standard_error,
    skill_scorer,
)
from skgeo.linear_model import SparseBayesianRegressor

TRUTH = KuramotoSivashinsky()
TERMS = {
    "u u_x": "advection",
    "u_xx": "diffusion",
    "u_xxx": "dispersion",
    "u_xxxx": "hyperdiffusion",
    "u^2 u_x": "cubic",
}
# Imperfect model; largest relative error (%) of all coefficients at the published
# setting (end evaluation, dt 0.005, ten pairs), measured 1.0 to 1.1 times below.
CASES = [
    ({"advection": 0.0}, 1.7),
    ({"diffusion": 0.0}, 0.5),
    ({"hyperdiffusion": 0.0}, 0.8),
    ({"advection": 0.5}, 0.9),
    ({"diffusion": 0.5}, 0.2),
    ({"hyperdiffusion": 0.5}, 0.1),
    ({"dispersion": 0.5}, 0.2),
    ({"advection": 0.0, "dispersion": 0.5}, 1.6),
    ({"diffusion": 0.0, "dispersion": 0.5}, 0.6),
    ({"hyperdiffusion": 0.0, "dispersion": 0.5}, 1.1),
    ({"cubic": 0.15}, 0.6),
]


def relative_error(medida, model, truth=TRUTH):
    """Error of all coefficients over those of the truth, in per cent."""
    total = 0.0
    for name, coef in zip(medida.feature_names_, medida.coef_[0], strict=True):
        missing = 0.0
        if name in TERMS:
            missing = getattr(model, TERMS[name]) - getattr(truth, TERMS[name])
        total += (coef - missing) ** 2
    return 100 * np.sqrt(total / 3)


def support(medida, k=0):
    return {medida.feature_names_[j] for j in np.flatnonzero(medida.coef_[k])}


def changed(params):
    return {name for name, attr in TERMS.items() if attr in params}


@pytest.fixture(scope="module")
def sparse_pairs():
    return {
        dt: make_observation_pairs(TRUTH, 10, dt=dt, gap=5.0, random_state=11)
        for dt in (0.005, 0.05)
    }


@pytest.mark.parametrize(("params", "bound"), CASES)
def test_published_setting(params, bound, sparse_pairs):
    before = sparse_pairs[0.005].X
    X = TRUTH.step(before, 0.005, 5)
    y = TRUTH.step(X, 0.005, 5)
    model = KuramotoSivashinsky(**params)
    medida = MEDIDA(
        model.two_step_flow(0.005),
        dt=0.005,
        library=PDELibrary1D(length=100.0, derivative="fd2"),
        regressor=SparseBayesianRegressor(fit_intercept=False, min_coef=0.1),
        evaluate_at="end",
    ).fit(X, y, history=before)
    assert support(medida) == changed(params)
    assert relative_error(medida, model) < bound


@pytest.mark.parametrize(("params", "bound"), CASES)
@pytest.mark.parametrize(("dt", "limit"), [(0.005, 0.05), (0.05, 2.0)])
def test_tangent_features_without_tuning(params, bound, dt, limit, sparse_pairs):
    # Without hyperdiffusion a model amplifies rounding errors of the highest modes.
    dealias = params.get("hyperdiffusion") == 0.0
    model = KuramotoSivashinsky(dealias=dealias, **params)
    pairs = sparse_pairs[dt]
    medida = MEDIDA(model.flow(dt, 5), dt, library=PDELibrary1D(length=100.0))
    medida.fit(pairs.X, pairs.y)
    assert support(medida) == changed(params)
    assert relative_error(medida, model) < limit


@pytest.fixture(scope="module")
def dense_pairs():
    return make_observation_pairs(TRUTH, 100, dt=0.05, gap=1.0, random_state=3)


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1])
def test_noisy_observations(noise, dense_pairs):
    std = noise * dense_pairs.X.std()
    library, filter_ = PDELibrary1D(length=100.0), EnsembleKalmanFilter(std)
    for params in ({"advection": 0.0}, {"diffusion": 0.0}, {"dispersion": 0.5}):
        model = KuramotoSivashinsky(**params)
        errors = []
        # At 10 % the sampling error of a coefficient is itself near 1.5 %.
        for seed in range(3 if noise == 0.1 else 1):
            rng = np.random.default_rng(seed)
            X, y = (
                Z + std * rng.standard_normal(Z.shape)
                for Z in (dense_pairs.X, dense_pairs.y)
            )
            medida = MEDIDA(model.flow(0.05, 5), 0.05, library=library, filter=filter_)
            medida.fit(X, y)
            assert support(medida) == changed(params)
            errors.append(relative_error(medida, model))
            assert errors[-1] * np.sqrt(3) / 100 < 3 * medida.coef_std_.max() + 0.02
        assert np.mean(errors) < 1.5


def test_noise_needs_the_filter(dense_pairs):
    rng = np.random.default_rng(0)
    X, y = (
        Z + 0.05 * Z.std() * rng.standard_normal(Z.shape)
        for Z in (dense_pairs.X[:20], dense_pairs.y[:20])
    )
    model = KuramotoSivashinsky(diffusion=0.0)
    raw = MEDIDA(model.flow(0.05, 5), 0.05, library=PDELibrary1D(length=100.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert relative_error(raw.fit(X, y), model) > 10


def lorenz_pairs(dt=0.01, n=200):
    return make_observation_pairs(Lorenz63(), n, dt=dt, gap=1.0, random_state=5)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"rho": 26.0}, {1: {"x0": 2.0}}),
        ({"xz": 0.0}, {1: {"x0 x2": -1.0}}),
        ({"sigma": 9.0}, {0: {"x0": -1.0, "x1": 1.0}}),
    ],
)
def test_lorenz63(params, expected):
    pairs = lorenz_pairs()
    medida = MEDIDA(Lorenz63(**params).flow(0.01, 5), 0.01).fit(pairs.X, pairs.y)
    for k in range(3):
        found = {medida.feature_names_[j] for j in np.flatnonzero(medida.coef_[k])}
        assert found == set(expected.get(k, {}))
        for name, value in expected.get(k, {}).items():
            j = medida.feature_names_.index(name)
            np.testing.assert_allclose(medida.coef_[k, j], value, rtol=0.003)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"damping": 0.0}, {"x": -1.0}),
        ({"forcing": 7.0}, {"1": 1.0}),
        ({"advection": 0.0}, {"x[-2] x[-1]": -1.0, "x[-1] x[+1]": 1.0}),
    ],
)
def test_lorenz96(params, expected):
    pairs = make_observation_pairs(Lorenz96(), 20, dt=0.02, random_state=5)
    medida = MEDIDA(
        Lorenz96(**params).flow(0.02, 4), 0.02, library=StencilLibrary()
    ).fit(pairs.X, pairs.y)
    assert support(medida) == set(expected)
    for name, value in expected.items():
        found = medida.coef_[0, medida.feature_names_.index(name)]
        np.testing.assert_allclose(found, value, rtol=0.005)


def test_burgers():
    pairs = make_observation_pairs(
        Burgers(), 20, dt=0.02, n_trajectories=20, random_state=5
    )
    for params, name, value in (
        ({"viscosity": 0.05}, "u_xx", 0.05),
        ({"advection": 0.0}, "u u_x", -1.0),
    ):
        medida = MEDIDA(
            Burgers(**params).flow(0.02, 4), 0.02, library=PDELibrary1D(3, 3, length=16)
        ).fit(pairs.X, pairs.y)
        assert support(medida) == {name}
        np.testing.assert_allclose(medida.coef_.sum(), value, rtol=0.004)


def test_beta_plane():
    side = 2 * np.pi
    pairs = make_observation_pairs(
        BetaPlane(), 6, dt=0.01, n_trajectories=6, random_state=5
    )
    library = PDELibrary2D(
        1, 2, lengths=(side, side), laplacians=2, streamfunction=True, field="w"
    )
    for params, name, value in (
        ({"drag": 0.0}, "w", -0.1),
        ({"beta": 0.0}, "psi_x", -2.0),
        ({"viscosity": 1e-3}, "lap w", 1e-3),
    ):
        medida = MEDIDA(BetaPlane(**params).flow(0.01), 0.01, library=library)
        medida.fit(pairs.X, pairs.y)
        assert support(medida) == {name}
        np.testing.assert_allclose(medida.coef_.sum(), value, rtol=1e-4)


def test_closure_of_the_two_scale_system():
    two, dt = TwoScaleLorenz96(), 0.02
    train, test = (
        make_observation_pairs(
            two, 150, dt=dt, gap=0.5, n_trajectories=10, random_state=seed
        )
        for seed in (5, 6)
    )
    model = Lorenz96(8, forcing=20.0).flow(dt)
    medida = MEDIDA(model, dt, library=StencilLibrary((0,), 4))
    # A pipeline that cuts the slow variables out of whole states.
    pipeline = make_pipeline(FunctionTransformer(two.slow), medida)
    pipeline.fit(train.X, two.slow(train.y))
    medida = pipeline[-1]
    start, end = two.slow(test.X), two.slow(test.y)
    assert medida.skill_score(start, end) > 0.8
    assert np.mean((pipeline.predict(test.X) - end) ** 2) < 0.2 * np.mean(
        (model(start) - end) ** 2
    )
    truth = two.slow(two.step(test.X, 1.0))
    later = medida.corrected_model().simulate(start, 50)[-1]
    plain = start
    for _ in range(50):
        plain = model(plain)
    assert np.mean((later - truth) ** 2) < 0.2 * np.mean((plain - truth) ** 2)


def test_whole_right_hand_side_without_a_model():
    pairs = lorenz_pairs(0.005, 300)
    medida = MEDIDA(dt=0.005).fit(pairs.X, pairs.y)
    assert medida.n_terms_ == 7
    j = medida.feature_names_.index
    np.testing.assert_allclose(medida.coef_[0, j("x1")], 10.0, rtol=2e-3)
    np.testing.assert_allclose(medida.coef_[2, j("x0 x1")], 1.0, rtol=2e-3)
    assert medida.equations(1)[0].startswith("x0_t = - 10.0 x0 + 10.0 x1")


def test_irregular_steps():
    rng = np.random.default_rng(0)
    X = Lorenz63().attractor_states(150, 0)
    dt = rng.uniform(0.004, 0.015, 150)
    y = Lorenz63().step(X, dt, 10)
    model = Lorenz63(rho=26.0).flow(0.01, 5)
    medida = MEDIDA(model, 0.01).fit(X, y, dt=dt)
    assert support(medida, 1) == {"x0"}
    np.testing.assert_allclose(medida.coef_.sum(), 2.0, rtol=0.005)
    assert medida.skill_score(X, y, dt=dt) > 0.9999
    assert np.abs(medida.predict(X, dt=dt) - y).max() < 0.01
    assert np.abs(
        medida.corrected_model(0.004)(X) - Lorenz63().step(X, 0.004)
    ).max() < (1e-3)
    with pytest.raises(ValueError, match="one positive step per sample"):
        medida.fit(X, y, dt=dt[:5])


def test_several_coupled_fields():
    # u_t = v_xx, v_t = -u_xx + 0.5 u: rotation in Fourier space, with a known flow.
    n, length, dt = 32, 2 * np.pi, 0.01
    k = np.fft.rfftfreq(n, 1 / n)

    def advance(X, tau, extra):
        U, V = np.fft.rfft(X.reshape(-1, 2, n), axis=2).transpose(1, 0, 2)
        out = np.empty((2, *U.shape), dtype=complex)
        for i, q in enumerate(k):
            a, b = -(q**2), q**2 + extra
            root = np.sqrt(a * b + 0j) or 1e-30
            c, s = np.cosh(root * tau), np.sinh(root * tau) / root
            out[0, :, i] = c * U[:, i] + s * a * V[:, i]
            out[1, :, i] = c * V[:, i] + s * b * U[:, i]
        return np.fft.irfft(out.transpose(1, 0, 2), n=n, axis=2).reshape(len(X), -1)

    rng = np.random.default_rng(0)
    waves = np.exp(-np.arange(17.0)) * (rng.standard_normal((40, 2, 17)) + 0j)
    X = np.fft.irfft(waves * n, n=n, axis=2).reshape(40, -1)
    library = PDELibrary1D(2, 1, length=length, fields=("u", "v"))
    medida = MEDIDA(lambda Z: advance(Z, dt, 0.0), dt, library=library)
    medida.fit(X, advance(X, dt, 0.5))
    assert support(medida, 0) == set()
    assert support(medida, 1) == {"u"}
    np.testing.assert_allclose(medida.coef_.sum(), 0.5, rtol=1e-3)
    assert medida.equation_names_ == ["u_t", "v_t"]


def test_partial_observations_with_an_ensemble_background():
    system = KuramotoSivashinsky(128, 22.0)
    model = KuramotoSivashinsky(128, 22.0, diffusion=0.0)
    pairs = make_observation_pairs(
        system, 80, dt=0.05, n_trajectories=8, random_state=1
    )
    climate = make_observation_pairs(
        system, 300, dt=0.05, n_trajectories=30, random_state=2
    ).X
    seen = np.arange(0, 128, 4)
    rng = np.random.default_rng(0)
    X, y = (
        Z[:, seen] + 0.01 * rng.standard_normal((80, 32)) for Z in (pairs.X, pairs.y)
    )
    filter_ = EnsembleKalmanFilter(0.01, background=climate, obs_operator=seen)
    medida = MEDIDA(
        model.flow(0.05, 5), 0.05, library=PDELibrary1D(length=22.0), filter=filter_
    ).fit(X, y)
    assert support(medida) == {"u_xx"}
    np.testing.assert_allclose(medida.coef_.sum(), -1.0, rtol=0.05)
    assert medida.predict(X).shape == (80, 128)
    assert medida.skill_score(X, y) > 0.5


# -- the corrected model --------------------------------------------------------------


def test_corrected_model_is_second_order_and_pickles(sparse_pairs):
    X = sparse_pairs[0.05].X[:3]
    errors = []
    for dt in (0.04, 0.02):
        model = KuramotoSivashinsky(diffusion=0.0)
        pairs = sparse_pairs[0.005]
        medida = MEDIDA(
            model.flow(0.005, 5), 0.005, library=PDELibrary1D(length=100.0)
        ).fit(pairs.X, pairs.y)
        medida.coef_ = np.round(medida.coef_, 2)  # exact: what is left is splitting
        corrected = pickle.loads(pickle.dumps(medida.corrected_model(dt)))
        errors.append(np.abs(corrected(X) - TRUTH.step(X, dt, 40)).max())
    assert errors[1] < errors[0] / 5  # local error of third order
    path = corrected.simulate(X, 4)
    np.testing.assert_allclose(path[1], corrected(X))
    assert corrected.simulate(X[0], 2).shape == (3, 1024)


def test_stiff_terms_are_integrated_exactly(sparse_pairs):
    pairs = sparse_pairs[0.05]
    model = KuramotoSivashinsky(hyperdiffusion=0.0, dealias=True)
    medida = MEDIDA(model.flow(0.05, 5), 0.05, library=PDELibrary1D(length=100.0))
    medida.fit(pairs.X, pairs.y)
    assert medida.skill_score(pairs.X, pairs.y) > 0.99
    path = medida.corrected_model().simulate(pairs.X, 40)
    assert np.abs(path).max() < 5


def test_growing_waves_stay_bounded(sparse_pairs):
    # The discovered term alone makes the shortest waves grow by e^51 in a step.
    pairs = sparse_pairs[0.05]
    model = KuramotoSivashinsky(diffusion=0.0)
    medida = MEDIDA(model.flow(0.05, 5), 0.05, library=PDELibrary1D(length=100.0))
    medida.fit(pairs.X, pairs.y)
    path = medida.corrected_model().simulate(pairs.X[:2], 200)
    assert 1 < np.abs(path[-1]).max() < 5
    assert medida.skill_score(pairs.X, pairs.y) > 0.999


def test_blow_up_is_told():
    growing = MEDIDA(dt=1.0, library=FunctionLibrary((np.square,)))
    X = np.linspace(0.1, 0.3, 20)[:, None]
    growing.fit(X, X / (1 - 0.1 * X))
    assert support(growing) == {"square"}
    model = growing.corrected_model()
    with pytest.raises(ValueError, match="blew up at step"):
        model.simulate(np.array([[3.0]]), 60)
    assert len(model.simulate(np.array([[3.0]]), 60, on_blowup="truncate")) < 60
    with pytest.raises(ValueError, match="raise n_substeps"):
        growing.predict(np.array([[1e200]]))


# -- what can go wrong ----------------------------------------------------------------


def test_blown_up_samples_are_told_or_dropped():
    pairs = lorenz_pairs()
    flow = Lorenz63(rho=26.0).flow(0.01, 5)

    def fragile(X):
        out = flow(X)
        out[np.isin(X[:, 0], pairs.X[[3, 7], 0])] = np.nan
        return out

    with pytest.raises(ValueError, match=r"2 of 200 samples \(indices 3, 7\)"):
        MEDIDA(fragile, 0.01).fit(pairs.X, pairs.y)
    with pytest.warns(ModelErrorWarning, match="blew up on 2 samples"):
        medida = MEDIDA(fragile, 0.01, on_blowup="drop").fit(pairs.X, pairs.y)
    assert support(medida, 1) == {"x0"}
    with pytest.raises(ValueError, match="at least 2 must remain"):
        MEDIDA(lambda X: X * np.nan, 0.01, on_blowup="drop").fit(pairs.X, pairs.y)
    with pytest.raises(ValueError, match="same shape"):
        MEDIDA(lambda X: X[:, :2], 0.01).fit(pairs.X, pairs.y)


def test_perfect_model_is_told():
    pairs = lorenz_pairs()
    with pytest.warns(ModelErrorWarning, match="perfect"):
        medida = MEDIDA(Lorenz63().flow(0.01, 5), 0.01).fit(pairs.X, pairs.y)
    assert not medida.coef_.any()
    assert medida.equations() == ["x0_t = model", "x1_t = model", "x2_t = model"]
    np.testing.assert_allclose(medida.predict(pairs.X), pairs.y, rtol=1e-9)


def test_collinear_library_is_told():
    pairs = make_observation_pairs(Lorenz96(), 20, dt=0.02, random_state=5)
    library = FunctionLibrary((np.sin, np.negative, _identity))
    with pytest.warns(ModelErrorWarning, match="negative, identity cannot be told"):
        MEDIDA(Lorenz96(damping=0.0).flow(0.02), 0.02, library=library).fit(
            pairs.X, pairs.y
        )


def _identity(X):
    return X


_identity.__name__ = "identity"


def test_few_rows_are_told():
    pairs = lorenz_pairs(n=20)
    with pytest.warns(ModelErrorWarning, match="60 rows for 30 candidate terms"):
        MEDIDA(Lorenz63(rho=26.0).flow(0.01), 0.01).fit(pairs.X, pairs.y)
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        MEDIDA().fit(pairs.X[:1], pairs.y[:1])


def test_long_step_is_told():
    pairs = lorenz_pairs(0.08)
    with pytest.warns(ModelErrorWarning, match="step is long"):
        MEDIDA(Lorenz63(rho=26.0).flow(0.08), 0.08).fit(pairs.X, pairs.y)


def test_step_too_short_for_the_noise_is_told():
    system = KuramotoSivashinsky(256, 50.0)
    pairs = make_observation_pairs(
        system, 40, dt=0.002, noise=0.05, n_trajectories=4, random_state=0
    )
    model = KuramotoSivashinsky(256, 50.0, diffusion=0.0)
    with pytest.warns(ModelErrorWarning, match="short for the noise"):
        MEDIDA(
            model.flow(0.002),
            0.002,
            library=PDELibrary1D(length=50.0),
            filter=EnsembleKalmanFilter(pairs.noise_std),
        ).fit(pairs.X, pairs.y)


def test_wrong_dt_is_told():
    # The model is right but its step is a fifth too short: the error is its tendency.
    pairs = lorenz_pairs(0.01)
    with pytest.warns(ModelErrorWarning, match="repeat the model's own tendency"):
        MEDIDA(Lorenz63().flow(0.008), 0.01).fit(pairs.X, pairs.y)


def test_unstable_model_is_told():
    pairs = lorenz_pairs()
    flow = Lorenz63().flow(0.01)
    with pytest.warns(ModelErrorWarning, match="ten times their size"):
        MEDIDA(lambda X: 20 * flow(X), 0.01).fit(pairs.X, pairs.y)


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"dt": 0.0}, "dt"),
        ({"evaluate_at": "middle"}, "evaluate_at"),
        ({"library": 3}, "library"),
        ({"regressor": LinearRegression()}, "intercept"),
        ({"library": FunctionLibrary((np.log,))}, "NaN or infinity"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_bad_parameters_are_told(params, match):
    pairs = lorenz_pairs(n=50)
    medida = MEDIDA(Lorenz63(rho=26.0).flow(0.01), 0.01).set_params(**params)
    with pytest.raises(ValueError, match=match):
        medida.fit(pairs.X, pairs.y)


def test_too_many_coupled_equations_are_told():
    X = np.random.default_rng(0).standard_normal((200, 60))
    with pytest.raises(ValueError, match="pointwise library"):
        MEDIDA(lambda Z: 0.9 * Z).fit(X, X)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1e6, 1e30])
def test_units_drop_out(scale):
    pairs = make_observation_pairs(Lorenz96(), 20, dt=0.02, random_state=5)
    flow = Lorenz96(damping=0.0).flow(0.02)
    plain = MEDIDA(flow, 0.02, library=StencilLibrary((0, 1), 1))
    scaled = MEDIDA(
        lambda Z: scale * flow(Z / scale), 0.02, library=StencilLibrary((0, 1), 1)
    )
    plain.fit(pairs.X, pairs.y)
    scaled.fit(scale * pairs.X, scale * pairs.y)
    assert support(plain) == support(scaled) == {"x"}
    np.testing.assert_allclose(scaled.coef_, plain.coef_, rtol=1e-6)
    np.testing.assert_allclose(scaled.skill_, plain.skill_, rtol=1e-6)


# -- scikit-learn ---------------------------------------------------------------------


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
