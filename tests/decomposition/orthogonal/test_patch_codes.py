"""Pooled codes of patches, by hand, and what they do not mind."""

import itertools
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter, shift
from sklearn.datasets import load_digits

from skgeo.decomposition import PooledPatchCodes


@pytest.mark.parametrize("shape", [(7, 9), (5, 5), (1, 12)])
@pytest.mark.parametrize("n_cells", [1, 2, 3])
def test_features_by_hand(shape, n_cells):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6, *shape))
    model = PooledPatchCodes(3, n_cells, image_shape=shape, random_state=0)
    found = model.fit(X.reshape(6, -1)).transform(X.reshape(6, -1))
    h, w = model.patch_shape_
    atoms = model.components_
    assert atoms.shape == (h * w - 1, h * w)
    assert_allclose(atoms @ atoms.T, np.eye(len(atoms)), atol=1e-10)
    assert_allclose(atoms.sum(axis=1), 0, atol=1e-6)
    high, wide = shape[0] - h + 1, shape[1] - w + 1
    rows = np.linspace(0, high, min(n_cells, high) + 1).astype(int)
    columns = np.linspace(0, wide, min(n_cells, wide) + 1).astype(int)
    for image, features in zip(X, found, strict=True):
        expected = []
        for top, bottom in itertools.pairwise(rows):
            for left, right in itertools.pairwise(columns):
                total = np.zeros((2, len(atoms)))
                for i in range(top, bottom):
                    for j in range(left, right):
                        patch = image[i : i + h, j : j + w].ravel()
                        patch = (patch - patch.mean()) / model.contrast_
                        patch /= np.sqrt(np.mean(patch**2) + 0.01) * np.sqrt(h * w)
                        code = atoms @ patch
                        least = 0.25 / np.sqrt(h * w)
                        total += np.maximum([code - least, -code - least], 0)
                total /= (bottom - top) * (right - left)
                expected.append(np.sqrt(total).ravel())
        assert_allclose(features, np.concatenate(expected), atol=1e-12)
    assert len(model.get_feature_names_out()) == found.shape[1]


@pytest.mark.parametrize("dictionary", ["learned", "dct"])
def test_brightness_contrast_and_small_shifts_matter_little(dictionary):
    rng = np.random.default_rng(1)
    images = gaussian_filter(rng.standard_normal((60, 24, 24)), (0, 1, 1))
    X = images.reshape(60, -1)
    model = PooledPatchCodes(5, 2, dictionary=dictionary, random_state=0).fit(X)
    base = model.transform(X)
    far = np.linalg.norm(base[::-1] - base)
    assert np.linalg.norm(model.transform(3.0 * X + 7.0) - base) < 0.1 * far
    moved = shift(images, (0, 0, 1), mode="nearest").reshape(60, -1)
    in_features = np.linalg.norm(model.transform(moved) - base) / far
    in_pixels = np.linalg.norm(moved - X) / np.linalg.norm(X[::-1] - X)
    assert in_features < 0.7 * in_pixels


def test_degenerate_images():
    for X in (np.zeros((4, 9)), np.ones((4, 1)), np.full((3, 2), 5.0)):
        features = PooledPatchCodes(random_state=0).fit(X).transform(X)
        assert_allclose(features, 0)
    X = load_digits().data[:50]
    a = PooledPatchCodes(3, random_state=0).fit(X).transform(X)
    b = PooledPatchCodes(3, random_state=0).fit(1e-150 * X).transform(1e-150 * X)
    assert_allclose(a, b, atol=1e-9)
    with pytest.raises(ValueError, match="does not hold the 64 features"):
        PooledPatchCodes(image_shape=(3, 5)).fit(X)


@pytest.mark.filterwarnings("error")
def test_extreme_and_noisy_images():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((60, 36))
    for X in (noise, 1e290 * noise, 1e-300 * noise, noise + 1e6):
        F = PooledPatchCodes(3, random_state=0).fit(X).transform(X)
        assert np.isfinite(F).all()
    with pytest.raises(ValueError, match="pixels up to"):
        PooledPatchCodes(3).fit(np.abs(noise) * 1e301 + 1e304)


@pytest.mark.parametrize("code", [9999.0, -9999.0, 1e8])
@pytest.mark.parametrize("where", ["one pixel", "a dead pixel", "anywhere"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_codes_for_missing_pixels_are_named(code, where, dtype):
    clean = load_digits().data[:300].astype(dtype)
    X = clean.copy()
    if where == "one pixel":
        X[3, 5] = code
    elif where == "a dead pixel":
        X[:, 20] = code
    else:
        X[np.random.default_rng(0).random(X.shape) < 0.01] = code
    first = int(np.flatnonzero((clean != X).any(axis=1))[0])
    model = PooledPatchCodes(3, 2, dictionary="dct")
    with pytest.warns(UserWarning, match=f"image {first} first") as caught:
        model.fit(X)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(clean).transform(clean)
    with pytest.warns(UserWarning, match="codes for missing values"):
        model.transform(X)
    with pytest.warns(UserWarning, match="of 1 images"):
        model.transform(X[first : first + 1])


@pytest.mark.filterwarnings("error")
def test_images_with_bright_spots_raise_no_alarm():
    rng = np.random.default_rng(2)
    shape = (200, 64)
    spots = (rng.random(shape) < 0.05) * rng.exponential(size=shape)
    heavy = np.exp(1.5 * rng.standard_normal(shape))
    for X in (spots, 1.0 * (spots > 0), heavy, rng.standard_t(3, shape)):
        PooledPatchCodes(3, 2, dictionary="dct").fit(X).transform(X[:20])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("what", ["text", "stars"])
def test_ink_and_lights_on_a_noisy_background_raise_no_alarm(what):
    rng = np.random.default_rng(3)
    page = np.zeros((320, 320))
    if what == "text":
        for row, column in rng.integers(0, 300, (250, 2)):
            page[row : row + 2, column : column + 16] = 230.0
        page = 250.0 - gaussian_filter(page, 0.7)
    else:
        page[tuple(rng.integers(0, 320, (2, 80)))] = 300.0 * rng.pareto(1.2, 80)
        page = np.minimum(gaussian_filter(page, 1.2), 245.0) + 10.0
    page += rng.normal(size=page.shape)
    X = page.reshape(10, 32, 10, 32).swapaxes(1, 2).reshape(100, -1)
    scale = np.abs(X - np.median(X))
    assert (scale > 30 * np.median(scale)).mean() < 0.25
    model = PooledPatchCodes(3, 2, dictionary="dct").fit(X)
    model.transform(X[:20])
    X[40, 100] = 1e7
    with pytest.warns(UserWarning, match="image 40 first"):
        model.transform(X)
