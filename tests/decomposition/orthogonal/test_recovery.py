"""Codes of many kinds: what is recovered, what is doubted, and where fits start."""

import itertools
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.fft import dctn
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone
from sklearn.datasets import load_digits, load_sample_image
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.model_selection import GridSearchCV

from skgeo.decomposition import OnlineOrthogonalDictionary
from skgeo.decomposition._orthogonal.codes import code_quality, energy_kept
from skgeo.decomposition._orthogonal.pairs import better_turns, turn_rows
from skgeo.decomposition._orthogonal.settings import Settings
from skgeo.decomposition._orthogonal.starts import cosine_atoms
from skgeo.decomposition._orthogonal.stream import Stream

DRAWS = {
    "uniform": lambda rng, shape: rng.uniform(-1, 1, shape),
    "signs": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "laplace": lambda rng, shape: rng.laplace(size=shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "sparse": lambda rng, shape: rng.standard_normal(shape) * (rng.random(shape) < 0.2),
    "non-negative": lambda rng, shape: (
        rng.exponential(size=shape) * (rng.random(shape) < 0.2)
    ),
    "gaussian": lambda rng, shape: rng.standard_normal(shape),
}


def draw(name, seed, n_rows=2500, n=8):
    rng = np.random.default_rng(seed)
    D = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return DRAWS[name](rng, (n_rows, n)) @ D, D


def rms_error(W, D):
    """Root mean square distance of matched unit atoms, up to signs."""
    overlap = np.abs(W @ D.T)
    i, j = linear_sum_assignment(-overlap)
    return np.sqrt(np.mean(2 - 2 * np.minimum(overlap[i, j], 1)))


@pytest.mark.parametrize("exponent", [3, 4])
@pytest.mark.parametrize("name", ["uniform", "signs"])
def test_flat_codes_are_recovered_as_by_fastica(name, exponent):
    for seed in range(2):
        X, D = draw(name, seed)
        model = OnlineOrthogonalDictionary(exponent, random_state=seed).fit(X)
        ica = FastICA(fun="cube", whiten="unit-variance", random_state=seed).fit(X)
        atoms = ica.mixing_.T / np.linalg.norm(ica.mixing_.T, axis=1, keepdims=True)
        error = rms_error(model.components_, D)
        assert error < 2 * rms_error(atoms, D)
        assert error < 0.07
        assert (model.contrast_signs_ == -1).all()


def test_peaked_and_flat_codes_side_by_side():
    rng = np.random.default_rng(5)
    D = np.linalg.qr(rng.standard_normal((10, 10)))[0]
    Z = rng.laplace(size=(5000, 10)) / np.sqrt(2)
    Z[:, :4] = rng.uniform(-1, 1, (5000, 4)) * np.sqrt(3)
    model = OnlineOrthogonalDictionary(random_state=0).fit(Z @ D)
    assert rms_error(model.components_, D) < 0.07
    owner = np.abs(model.components_ @ D.T).argmax(axis=1)
    assert_array_equal(model.contrast_signs_, np.where(owner < 4, -1, 1))


@pytest.mark.parametrize(
    ("name", "offset"),
    [("uniform", 1.0), ("signs", 0.0), ("laplace", 1.0), ("sparse", 1.0)],
)
def test_score_picks_the_setting_that_recovers(name, offset):
    seed = len(name) + int(offset)
    X, D = draw(name, seed, 1500)
    X = X + offset * X.std() * np.random.default_rng(seed).standard_normal(8)
    model = OnlineOrthogonalDictionary(random_state=0, max_iter=20)
    grid = {"center": [False, True], "exponent": [3, 4]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = GridSearchCV(model, grid, cv=3).fit(X)
        errors = [
            rms_error(clone(model).set_params(**params).fit(X).components_, D)
            for params in search.cv_results_["params"]
        ]
    assert errors[search.best_index_] <= 1.5 * min(errors) + 1e-3
    assert 0.1 < search.best_score_ <= 1


def test_score_by_hand():
    """One minus the entropy power of known distributions, relative to a Gaussian."""
    rng = np.random.default_rng(0)
    gaussian = rng.standard_normal((100_000, 2))
    assert abs(code_quality(gaussian)) < 0.02
    spike = np.zeros((10_000, 1))
    spike[0] = 1.0
    assert code_quality(spike) == pytest.approx(1.0, abs=0.02)
    signs = rng.choice([-1.0, 1.0], (10_000, 3))
    assert code_quality(signs) == pytest.approx(1.0, abs=1e-3)
    laplace = rng.laplace(size=(200_000, 1))  # entropy 1 + log 2, variance 2
    expected = 1 - np.exp(2 + 2 * np.log(2)) / (4 * np.pi * np.e)
    assert code_quality(laplace) == pytest.approx(expected, abs=0.01)
    uniform = rng.uniform(size=(200_000, 1))  # entropy 0, variance 1/12
    assert code_quality(uniform) == pytest.approx(1 - 6 / (np.pi * np.e), abs=0.01)
    # Correlated Gaussian codes: what they share is taken off.
    turned = np.stack([gaussian[:, 0], gaussian @ [0.6, 0.8]], axis=1)
    assert code_quality(turned) == pytest.approx(0.8 - 1, abs=0.02)
    mixed = np.hstack([laplace[:1000], np.full((1000, 1), 7.0)])
    assert code_quality(mixed) == pytest.approx(code_quality(laplace[:1000]))
    assert code_quality(1e200 * mixed - 3) == pytest.approx(code_quality(mixed))
    assert code_quality(np.ones((5, 2))) == 0.0
    # Codes of which one determines the other: two directions that vary nearly as one,
    # or indeed as one, which is then no direction.
    near = np.hstack([laplace, 2 * laplace + 0.1 * uniform])
    assert -1 < code_quality(near) < -0.5
    alike = code_quality(np.hstack([laplace, 2 * laplace]))
    assert abs(alike) < abs(code_quality(near))
    assert np.isfinite(code_quality(np.array([[1.0, 2.0], [3.0, 5.0]])))


def test_score_does_not_ask_where_nothing_varies():
    """A constant feature is an atom of its own, or shared by all: no great matter."""
    rng = np.random.default_rng(2)
    Z = np.hstack([rng.laplace(size=(2000, 7)), np.zeros((2000, 1))])
    whole = code_quality(Z)
    assert whole == pytest.approx(code_quality(Z[:, :7]))
    turned = Z @ np.linalg.qr(rng.standard_normal((8, 8)))[0]
    assert abs(code_quality(turned)) < 0.15


@pytest.mark.parametrize("name", ["uniform", "laplace", "sparse", "half zero"])
def test_score_is_highest_at_the_true_atoms(name):
    """Mixtures may cross the border between peaked and flat: no jump there."""
    rng = np.random.default_rng(1)
    if name == "half zero":
        Z = rng.choice([-1.0, 1.0], (4000, 2)) * (rng.random((4000, 2)) < 0.5)
        Z += 0.01 * rng.standard_normal(Z.shape)
    else:
        Z = DRAWS[name](rng, (4000, 2))
    scores = []
    for angle in np.linspace(0, np.pi / 4, 6):
        c, s = np.cos(angle), np.sin(angle)
        scores.append(code_quality(Z @ np.array([[c, s], [-s, c]])))
    # Most rows of sparse mixtures are still zero: all scores are close to one.
    assert max(scores[1:]) < scores[0]


@pytest.mark.parametrize("n", [6, 20])
@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_a_mean_that_carries_energy_is_named(n, how):
    X, _ = draw("sparse", 3, 1500, n)
    X = X / X.std()
    for offset in (0.5, 5.0):
        model = OnlineOrthogonalDictionary(random_state=0, max_iter=20)
        with pytest.warns(UserWarning, match="center=True") as caught:
            getattr(model, how)(X + offset)
        assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="The mean of the rows")
        getattr(clone(model), how)(X)
        getattr(clone(model).set_params(center=True), how)(X + 5.0)
        for size in (n, 4 * n, 15 * n):  # chance means of few rows
            getattr(clone(model).set_params(tol=2.0), how)(X[:size])
    stream = OnlineOrthogonalDictionary(random_state=0)
    chunks = np.array_split(X + 1.0, 9)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for chunk in chunks:
            stream.partial_fit(chunk)
    # Each once; what the mean spoils are mixtures, which may be said as well.
    said = [str(w.message)[:20] for w in caught]
    assert said.count("The mean of the rows") == 1
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("exponent", [3, 4])
@pytest.mark.parametrize(("n_rows", "n"), [(300, 3), (500, 5), (3000, 20)])
def test_codes_that_the_contrast_cannot_see_are_named(exponent, n_rows, n):
    for seed in range(2):
        X, _ = draw("gaussian", seed, n_rows, n)
        model = OnlineOrthogonalDictionary(exponent, random_state=seed, max_iter=20)
        with pytest.warns() as caught:
            model.fit(X)
        assert any("near to Gaussian" in str(w.message) for w in caught)


@pytest.mark.parametrize("exponent", [3, 4])
@pytest.mark.parametrize("options", [{}, {"step": "constant"}, {"n_replays": 0}])
@pytest.mark.parametrize(("n", "chunk"), [(3, 1), (5, 37), (10, 5000)])
def test_a_stream_that_the_contrast_cannot_see_is_named(exponent, options, n, chunk):
    X, _ = draw("gaussian", n, 260 * n, n)
    model = OnlineOrthogonalDictionary(exponent, random_state=0, **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for start in range(0, len(X), chunk):
            model.partial_fit(X[start : start + chunk])
    said = [w for w in caught if "near to Gaussian" in str(w.message)]
    assert len(said) == 1
    assert said[0].filename == __file__


@pytest.mark.parametrize("name", ["uniform", "signs", "laplace", "sparse"])
@pytest.mark.parametrize("exponent", [3, 4])
def test_a_stream_that_is_recovered_raises_no_alarm(name, exponent):
    X, D = draw(name, 4, 4000)
    model = OnlineOrthogonalDictionary(exponent, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for chunk in np.array_split(X, 50):
            model.partial_fit(chunk)
    assert rms_error(model.components_, D) < 0.15


@pytest.mark.parametrize("unit", [1e-100, 1.0, 1e100])
def test_moments_of_a_stream_have_no_unit(unit):
    X, _ = draw("laplace", 5, 1600)
    model = OnlineOrthogonalDictionary(random_state=0)
    powers = np.arange(1, 5)[:, None]  # of |c|, c^2, |c|^3 and c^4
    found = []
    for factor, cut in ((1.0, 1600), (unit, 99)):
        own = clone(model).partial_fit(factor * X[:cut])
        if cut < len(X):
            own.partial_fit(factor * X[cut:])
        scale = own._stream.exponent - np.log2(factor)
        found.append(np.log2(own._stream.tally) + powers * scale)
    assert_allclose(found[1], found[0], atol=1e-9)


@pytest.mark.parametrize("seed", [107, 302, 304, *range(5)])
def test_signs_of_which_two_thirds_are_zero(seed):
    """Some start where an even mixture of two is a maximum, some settle late."""
    rng = np.random.default_rng(seed)
    D = np.linalg.qr(rng.standard_normal((10, 10)))[0]
    kept = rng.random((2500, 10)) < 1 / 3
    X = (rng.choice([-1.0, 1.0], (2500, 10)) * kept) @ D
    model = OnlineOrthogonalDictionary(random_state=seed % 100, center=seed > 200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the mean of codes drawn by chance
        error = rms_error(model.fit(X).components_, D)
    assert error < 0.06


def test_turns_by_hand():
    rng = np.random.default_rng(0)
    Z = rng.laplace(size=(3000, 4))
    W = np.eye(4)
    turn_rows(W, [(1, 3, 0.7)])
    assert_allclose(W @ W.T, np.eye(4), atol=1e-15)
    ((k, m, angle),) = better_turns(Z @ W.T, np.ones(4), 3)
    assert (k, m) == (1, 3)
    turn_rows(W, [(k, m, angle)])
    assert np.abs(W).max(axis=1).min() > np.cos(np.pi / 32)
    assert better_turns(Z, np.ones(4), 3) == []
    assert better_turns(np.zeros((9, 3)), np.ones(3), 4) == []


@pytest.mark.parametrize("name", ["uniform", "signs", "laplace", "t3", "sparse"])
@pytest.mark.parametrize("exponent", [3, 4])
def test_recovered_codes_raise_no_alarm(name, exponent):
    X, _ = draw(name, 1, 4000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        OnlineOrthogonalDictionary(exponent, random_state=0, max_iter=40).fit(X)


def test_a_lost_dictionary_is_looked_for_again():
    """Found and kept on the same data, given up when the data change."""
    n, rng = 8, np.random.default_rng(0)
    draws = [draw("sparse", seed, 600 * n, n)[0] for seed in (1, 2)]
    W = np.linalg.qr(rng.standard_normal((n, n)))[0]
    stream = Stream(W, np.empty((4 * n, n)), Settings(replays=4))
    found = []
    for batch in np.array_split(draws[0], 150):
        stream.partial_update(batch)
        found.append(stream.converged)
    first = found.index(True)
    assert all(found[first:])
    assert not stream.kept
    for batch in np.array_split(draws[1], 150):
        stream.partial_update(batch)
        found.append(stream.converged)
    lost = found.index(False, 150)
    assert lost < 175
    assert found.index(True, lost) < 280
    D = draw("sparse", 2, 1, n)[1]
    assert 1 - np.sum((stream.W @ D.T) ** 4) / n < 0.02


def test_cosine_atoms():
    patch = np.random.default_rng(0).standard_normal((8, 8))
    atoms = cosine_atoms(64)
    codes = np.sort(np.abs(atoms @ patch.ravel()))
    assert_allclose(codes, np.sort(np.abs(dctn(patch, norm="ortho")).ravel()))
    assert_allclose(atoms[0], 1 / 8)
    assert np.ptp(np.abs(np.diff(atoms[1].reshape(8, 8), axis=0))) < 0.2
    for n in (1, 2, 7, 12):
        assert_allclose(cosine_atoms(n) @ cosine_atoms(n).T, np.eye(n), atol=1e-12)


def patches(name):
    if name == "digits":
        return load_digits().data / 16
    picture = load_sample_image(name).mean(axis=2) / 255
    found = extract_patches_2d(picture, (8, 8), max_patches=4000, random_state=0)
    return found.reshape(-1, 64)


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg", "digits"])
@pytest.mark.parametrize(("init", "center"), [("dct", False), ("pca", True)])
def test_never_worse_than_its_start_on_new_patches(name, center, init):
    X = patches(name)
    X = X[np.random.default_rng(1).permutation(len(X))]
    half = len(X) // 2
    model = OnlineOrthogonalDictionary(
        init=init, center=center, random_state=0, max_iter=5, tol=0.03
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X[:half])
    mean = X[:half].mean(axis=0) if center else 0.0
    if init == "dct":
        start = cosine_atoms(64)
    else:
        Y = X[:half] - mean
        start = np.linalg.eigh(Y.T @ Y)[1].T
    new = X[half:] - mean
    ours = energy_kept(new, model.components_, model.unmixing_).mean(axis=0)
    theirs = energy_kept(new, start, start).mean(axis=0)
    assert (ours >= theirs - 1e-9).all()
    same = np.sort(np.abs(model.components_ @ start.T), axis=1)[:, -1]
    assert model.start_kept_ == (same.min() > 1 - 1e-9)


def test_starts():
    X, D = draw("sparse", 4)
    for init in ("dct", "pca", D.tolist(), 3 * D):
        model = OnlineOrthogonalDictionary(init=init, random_state=0).fit(X)
        assert rms_error(model.components_, D) < 0.03
    with pytest.raises(ValueError, match="NaN"):
        OnlineOrthogonalDictionary(init=np.full((8, 8), np.nan)).fit(X)


@pytest.mark.parametrize("name", ["uniform", "laplace", "sparse"])
@pytest.mark.parametrize("params", [{}, {"whiten": True}, {"init": "pca"}])
def test_a_frame_of_a_subspace(name, params):
    rng = np.random.default_rng(7)
    n, r = 20, 6
    D = np.linalg.qr(rng.standard_normal((n, r)))[0].T
    X = DRAWS[name](rng, (4000, r)) @ D + 0.02 * rng.standard_normal((4000, n))
    model = OnlineOrthogonalDictionary(n_components=r, random_state=0, **params)
    models = [clone(model).fit(X), clone(model)]
    for chunk in np.array_split(X, 7):
        models[1].partial_fit(chunk)
    for fitted in models:
        W, U = fitted.components_, fitted.unmixing_
        assert W.shape == U.shape == (r, n)
        assert_allclose(U @ W.T, np.eye(r), atol=1e-10)
        if "whiten" not in params:
            assert_allclose(W @ W.T, np.eye(r), atol=1e-12)
        unit = W / np.linalg.norm(W, axis=1, keepdims=True)
        assert rms_error(unit, D) < 0.1
        codes = fitted.transform(X)
        assert codes.shape == (4000, r)
        lost = np.sum((X - fitted.inverse_transform(codes)) ** 2)
        axes = np.linalg.eigh(X.T @ X)[1][:, -r:]
        least = np.sum((X - X @ axes @ axes.T) ** 2)
        assert lost < 1.001 * least
    assert len(models[0].get_feature_names_out()) == r


def test_frame_of_all_features_is_the_whole_dictionary():
    X, _ = draw("sparse", 9)
    whole = OnlineOrthogonalDictionary(random_state=0).fit(X)
    same = OnlineOrthogonalDictionary(n_components=8, random_state=0).fit(X)
    assert_array_equal(whole.components_, same.components_)


def test_order_of_magnitude_of_rows_learned_from_and_coded():
    X, _ = draw("sparse", 2, 500)
    small = OnlineOrthogonalDictionary(whiten=True, random_state=0, tol=2.0)
    small.fit(1e-150 * X)
    with pytest.raises(ValueError, match="codes overflow"):
        small.transform(1e200 * X)
    for first, then in itertools.permutations([1e-150, 1.0, 1e150], 2):
        mixed = np.where(np.arange(8) < 4, first, then) * X
        model = OnlineOrthogonalDictionary(center=True, random_state=0, tol=2.0)
        W = model.fit(mixed).components_
        assert_allclose(W @ W.T, np.eye(8), atol=1e-12)


@pytest.mark.parametrize("n_rows", [1, 2, 9, 40])
@pytest.mark.parametrize("params", [{}, {"whiten": True, "center": True}])
@pytest.mark.filterwarnings("ignore")
def test_fewer_rows_than_a_batch(n_rows, params):
    X, _ = draw("sparse", 11, n_rows)
    model = OnlineOrthogonalDictionary(tol=2.0, random_state=0, **params).fit(X)
    assert model.converged_
    assert np.isfinite(model.components_).all()
    for n_components in (1, 5):
        model.set_params(n_components=n_components).fit(X)
        assert model.components_.shape == (n_components, 8)


def test_numpy_scalars_as_parameters():
    X, _ = draw("sparse", 6, 400)
    model = OnlineOrthogonalDictionary(
        np.int8(3),
        n_components=np.uint64(5),
        batch_size=np.int8(100),
        max_iter=np.int16(2),
        tol=np.float32(2.0),
        random_state=0,
    )
    assert model.fit(X).components_.shape == (5, 8)
