"""Libraries against exact derivatives and scikit-learn's polynomials."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.preprocessing import PolynomialFeatures

from skgeo.dynamics import (
    FunctionLibrary,
    PDELibrary1D,
    PDELibrary2D,
    StencilLibrary,
)
from skgeo.dynamics._library.derivatives import difference_matrix


def by_name(library, X):
    values = library.evaluate(X)
    return {name: values[..., j] for j, name in enumerate(library.term_names_)}


@given(
    order=st.integers(1, 4),
    accuracy=st.sampled_from([2, 4]),
    periodic=st.booleans(),
    n=st.integers(12, 40),
)
@settings(deadline=None, max_examples=40)
def test_differences_are_exact_on_low_polynomials(order, accuracy, periodic, n):
    D = difference_matrix(n, 0.3, order, accuracy, periodic)
    x = 0.3 * (np.arange(n) - n / 2)
    rows = slice(5, n - 5) if periodic else slice(None)  # periodic ones wrap around
    for power in range(order + accuracy):
        exact = x ** max(power - order, 0) * np.prod(
            np.arange(power - order + 1, power + 1.0)
        )
        exact = exact if power >= order else np.zeros(n)
        found = D @ x**power
        scale = np.abs(x).max() ** power / 0.3**order
        np.testing.assert_allclose(found[rows], exact[rows], atol=1e-10 * scale)


def test_spectral_derivatives_are_exact():
    x = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    u = np.sin(3 * x)
    terms = by_name(PDELibrary1D(4, 2, length=2 * np.pi).fit(u[None]), u[None])
    np.testing.assert_allclose(terms["u_x"][0], 3 * np.cos(3 * x), atol=1e-12)
    np.testing.assert_allclose(terms["u_xxxx"][0], 81 * u, atol=1e-10)
    np.testing.assert_allclose(
        terms["u^2 u_xxx"][0], -27 * u**2 * np.cos(3 * x), atol=1e-11
    )


@pytest.mark.parametrize(("kind", "order"), [("fd2", 2), ("fd4", 4)])
@pytest.mark.parametrize("periodic", [True, False])
def test_differences_converge(kind, order, periodic):
    errors = []
    for n in (32, 64):
        x = np.linspace(0, 2 * np.pi, n, endpoint=not periodic)
        library = PDELibrary1D(
            2, 1, length=2 * np.pi, derivative=kind, periodic=periodic
        )
        found = by_name(library.fit(x[None]), np.sin(x)[None])
        errors.append(np.abs(found["u_xx"] + np.sin(x)).max())
    assert errors[1] < errors[0] / (0.7 * 2**order)


def test_names_are_in_the_published_order():
    library = PDELibrary1D().fit(np.zeros((1, 16)))
    assert len(library.term_names_) == 24
    assert library.term_names_[:7] == [
        "u", "u^2", "u^3", "u^4", "u_x", "u u_x", "u^2 u_x",
    ]  # fmt: skip
    assert library.term_names_[-1] == "u^4 u_xxxx"
    biased = PDELibrary1D(1, 1, include_bias=True).fit(np.zeros((1, 16)))
    assert biased.term_names_ == ["1", "u", "u_x", "u u_x"]


def test_several_fields_and_full_interactions():
    x = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    X = np.hstack([np.sin(x), np.cos(2 * x)])[None]
    library = PDELibrary1D(1, 2, length=2 * np.pi, fields=("u", "v")).fit(X)
    terms = by_name(library, X)
    assert library.n_points_ == 16
    np.testing.assert_allclose(
        terms["u v v_x"][0], -2 * np.sin(x) * np.cos(2 * x) * np.sin(2 * x), atol=1e-12
    )
    full = PDELibrary1D(2, 2, length=2 * np.pi, interactions="full").fit(X[:, :16])
    terms = by_name(full, X[:, :16])
    np.testing.assert_allclose(terms["u_x^2"][0], np.cos(x) ** 2, atol=1e-12)
    np.testing.assert_allclose(terms["u_x u_xx"][0], -np.cos(x) * np.sin(x), atol=1e-12)
    with pytest.raises(ValueError, match="fields"):
        PDELibrary1D(fields=("u", "v")).fit(np.zeros((1, 15)))


@given(
    n=st.integers(1, 4),
    d=st.integers(5, 9),
    degree=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
@settings(deadline=None, max_examples=30)
def test_stencils_are_polynomials_of_rolled_states(n, d, degree, seed):
    X = np.random.default_rng(seed).standard_normal((n, d))
    library = StencilLibrary((-1, 0, 2), degree).fit(X)
    found = library.evaluate(X)
    rolled = np.stack([np.roll(X, 1, 1), X, np.roll(X, -2, 1)], -1).reshape(-1, 3)
    poly = PolynomialFeatures(degree).fit(rolled)
    expected = poly.transform(rolled).reshape(n, d, -1)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    names = poly.get_feature_names_out(["x[-1]", "x", "x[+2]"])
    assert library.term_names_ == list(names)
    # Turning the ring turns the terms.
    np.testing.assert_allclose(
        library.evaluate(np.roll(X, 2, axis=1)), np.roll(found, 2, axis=1)
    )


def test_open_lattice_masks_its_ends():
    library = StencilLibrary((-1, 0, 1), 1, periodic=False).fit(np.zeros((1, 6)))
    assert library.point_mask_.tolist() == [False, True, True, True, True, False]
    trimmed = PDELibrary1D(1, 1, boundary_trim=2).fit(np.zeros((1, 8)))
    assert trimmed.point_mask_.sum() == 4


def test_plane():
    y, x = np.meshgrid(*2 * [np.arange(16) * 2 * np.pi / 16], indexing="ij")
    w = (np.sin(2 * x) * np.cos(y)).ravel()[None]
    kwargs = {"lengths": (2 * np.pi, 2 * np.pi)}
    library = PDELibrary2D(
        1, 2, laplacians=2, streamfunction=True, field="w", **kwargs
    ).fit(w)
    terms = {k: v.reshape(16, 16) for k, v in by_name(library, w).items()}
    field, psi = np.sin(2 * x) * np.cos(y), -np.sin(2 * x) * np.cos(y) / 5
    np.testing.assert_allclose(terms["lap^2 w"], 25 * field, atol=1e-10)
    np.testing.assert_allclose(terms["w psi"], field * psi, atol=1e-12)
    np.testing.assert_allclose(
        terms["psi_x"], -2 * np.cos(2 * x) * np.cos(y) / 5, atol=1e-12
    )
    np.testing.assert_allclose(terms["J(psi,w)"], 0.0, atol=1e-12)
    two = field + np.cos(x)
    terms = by_name(library, two.ravel()[None])
    psi_x = psi + 0.0  # psi of the sum, by hand
    psi_x = -2 * np.cos(2 * x) * np.cos(y) / 5 + np.sin(x)
    psi_y = np.sin(2 * x) * np.sin(y) / 5
    w_x = 2 * np.cos(2 * x) * np.cos(y) - np.sin(x)
    w_y = -np.sin(2 * x) * np.sin(y)
    np.testing.assert_allclose(
        terms["J(psi,w)"].reshape(16, 16), psi_x * w_y - psi_y * w_x, atol=1e-12
    )
    spectral = by_name(PDELibrary2D(3, 2, **kwargs).fit(w), w)
    assert "u u_xxy" in spectral
    fine = np.arange(48) * 2 * np.pi / 48
    wide = (np.cos(fine)[:, None] * np.sin(2 * fine)).ravel()[None]
    exact = by_name(PDELibrary2D(3, 2, **kwargs).fit(wide), wide)
    close = by_name(PDELibrary2D(3, 2, derivative="fd4", **kwargs).fit(wide), wide)
    for name, value in exact.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(close[name], value, atol=4e-3 * scale)


def test_functions():
    X = np.random.default_rng(0).standard_normal((3, 4))
    library = FunctionLibrary((np.sin, np.tanh), ("s", "t"), include_bias=True).fit(X)
    assert library.term_names_ == ["1", "s", "t"]
    np.testing.assert_allclose(library.evaluate(X)[..., 2], np.tanh(X))
    with pytest.raises(ValueError, match="one name per function"):
        FunctionLibrary((np.sin,), ("a", "b")).fit(X)
    with pytest.raises(ValueError, match="one value per component"):
        FunctionLibrary((np.sum,)).fit(X).transform(X)


@pytest.mark.parametrize(
    "library",
    [
        PDELibrary1D(2, 2, derivative="fd4"),
        PDELibrary2D(2, 2, shape=(4, 6)),
        StencilLibrary((-1, 0)),
        FunctionLibrary((np.cos,)),
    ],
)
def test_transformers(library):
    X = np.random.default_rng(0).standard_normal((5, 24))
    fitted = pickle.loads(pickle.dumps(clone(library).fit(X)))
    table = fitted.transform(X)
    assert table.shape == (5, 24 * len(fitted.term_names_))
    np.testing.assert_array_equal(
        table.reshape(5, 24, -1), fitted.evaluate(X), strict=True
    )
    names = fitted.get_feature_names_out()
    assert names[len(fitted.term_names_)] == f"{fitted.term_names_[0]} @ 1"
    pytest.importorskip("pandas")
    frame = fitted.set_output(transform="pandas").transform(X)
    assert list(frame.columns) == list(names)
    wanted = [len(fitted.term_names_) - 1]
    np.testing.assert_array_equal(fitted._terms(X, wanted)[0], fitted._terms(X)[-1])


@pytest.mark.parametrize(
    ("library", "match"),
    [
        (PDELibrary1D(periodic=False), "needs a periodic domain"),
        (PDELibrary2D(periodic=False), "needs a periodic domain"),
        (PDELibrary1D(derivative="fd4", derivative_order=8), "at least"),
        (PDELibrary1D(0, 0), "empty"),
        (PDELibrary1D(boundary_trim=4), "boundary_trim"),
        (PDELibrary2D(shape=(3, 3)), "shape"),
        (PDELibrary2D(shape=(2, 4), derivative="fd2", streamfunction=True), "inverts"),
        (StencilLibrary((0, 0)), "differ"),
        (StencilLibrary(degree=0), "degree"),
        (PDELibrary1D(length=-1.0), "length"),
    ],
)
def test_bad_libraries_are_told(library, match):
    with pytest.raises(ValueError, match=match):
        library.fit(np.zeros((2, 8))).transform(np.zeros((2, 8)))
