"""Pictures of dictionaries say what they show."""

import numpy as np
import pytest

from skgeo.decomposition import OnlineOrthogonalDictionary
from skgeo.plotting import plot_atoms, plot_codes

pytest.importorskip("matplotlib")


def test_atoms_as_pictures():
    rng = np.random.default_rng(0)
    atoms = rng.standard_normal((5, 12))
    figure = plot_atoms(atoms, (3, 4), titles="abcde")
    pictures = [ax for ax in figure.axes if ax.get_title()]
    assert [ax.get_title() for ax in pictures] == list("abcde")
    for ax, atom in zip(pictures, atoms, strict=True):
        image = ax.images[0]
        np.testing.assert_array_equal(image.get_array(), atom.reshape(3, 4))
        assert image.get_clim() == (-np.abs(atoms).max(), np.abs(atoms).max())
    assert figure.axes[-1].get_ylabel() == "weight"  # the color bar
    own = plot_atoms(np.abs(atoms), (3, 4), each=True)
    assert own.axes[1].images[0].get_clim() == (0.0, np.abs(atoms[1]).max())
    assert all(ax.get_ylabel() != "weight" for ax in own.axes)


def test_atoms_of_an_estimator_as_curves():
    X = np.random.default_rng(0).laplace(size=(300, 6))
    model = OnlineOrthogonalDictionary(random_state=0, tol=1.0).fit(X)
    figure = plot_atoms(model, feature_label="time")
    for ax, atom in zip(figure.axes, model.components_, strict=False):
        np.testing.assert_array_equal(ax.lines[-1].get_ydata(), atom)
    assert figure.get_supxlabel() == "time"
    assert figure.get_supylabel() == "weight"


def test_codes_by_label():
    codes = np.random.default_rng(0).standard_normal((30, 4))
    labels = np.array(list("ba")).repeat(15)
    ax, bar = plot_codes(codes, labels).axes
    np.testing.assert_array_equal(
        ax.images[0].get_array(), np.vstack([codes[15:], codes[:15]]).T
    )
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("samples, by label", "atom")
    assert bar.get_ylabel() == "code"
    plain, _ = plot_codes(np.abs(codes), max_samples=10).axes
    assert plain.images[0].get_array().shape == (4, 10)
    assert plain.images[0].get_clim()[0] == 0.0


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="does not hold the 6 features"):
        plot_atoms(np.eye(6), (2, 2))
    with pytest.raises(ValueError, match="atoms in rows"):
        plot_atoms(np.ones(6))
    with pytest.raises(ValueError, match="2 entries for 6 atoms"):
        plot_atoms(np.eye(6), titles=["a", "b"])
    with pytest.raises(ValueError, match="one per sample"):
        plot_codes(np.eye(6), [1, 2])
    with pytest.raises(ValueError, match="n_samples, n_components"):
        plot_codes(np.ones(6))
