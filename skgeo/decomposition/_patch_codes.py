"""Codes of the patches of images, pooled so that small shifts do not matter."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dct
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skgeo.base import BaseEstimator
from skgeo.decomposition._orthogonal.epochs import snapshot
from skgeo.decomposition._orthogonal.outliers import PixelScale
from skgeo.decomposition._orthogonal.settings import Settings, usual_batch
from skgeo.decomposition._orthogonal.starts import initial_atoms
from skgeo.decomposition._orthogonal.stream import Stream
from skgeo.utils.parallel import single_blas_thread
from skgeo.utils.params import (
    Integer,
    Null,
    OneOf,
    RandomState,
    Real,
    SequenceOf,
    Unused,
    check_params,
)

__all__ = ["PooledPatchCodes"]

# Patches whose contrast is below this fraction of the usual one are not blown up to it.
_FLOOR = 0.1
_BLOCK_BYTES = 1 << 26
_LARGEST = 1e300


class PooledPatchCodes(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Codes of image patches over an orthogonal dictionary, pooled over regions.

    The mean of every patch is subtracted and the patch divided by its contrast, so that
    brightness and contrast of an image matter little. Its codes over an orthogonal
    dictionary of patches, learned by :class:`OnlineOrthogonalDictionary` or that of the
    cosine transform, are split by sign, shrunk by a threshold and averaged over the
    cells of a grid, so that small shifts matter little. Features are roots of these
    averages.

    Parameters
    ----------
    patch_size : int, default=6
        Side of the square patches in pixels; at most the side of the image.
    n_cells : int, default=4
        Cells of the grid along each side of the image.
    dictionary : {"learned", "dct"}, default="learned"
        Dictionary of patches.
    threshold : float, default=0.25
        What codes are shrunk by, in units of the root mean square code of a patch.
    image_shape : tuple (height, width) or None, default=None
        Shape of the images in the rows of X; None takes them as square, or where the
        number of features is no square as one line of pixels.
    n_patches : int, default=40000
        Number of patches that a dictionary is learned from.
    random_state : int, RandomState instance or None, default=None
        Draws the patches and starts the dictionary.

    Attributes
    ----------
    components_ : ndarray of shape (n_atoms, patch_height * patch_width)
        Atoms in rows, orthonormal and without mean.
    patch_shape_ : tuple of int
        Height and width of the patches.
    image_shape_ : tuple of int
        Height and width of the images.
    contrast_ : float
        Root mean square of the pixels of the training patches without their means.
    n_features_in_ : int
        Number of pixels.
    feature_names_in_ : ndarray of str
        Names of the pixels, where X has them.

    Warns
    -----
    UserWarning
        When a few pixels, beyond all that is usual in the images of :meth:`fit`,
        outweigh all others: codes for missing values, mostly.

    See Also
    --------
    OnlineOrthogonalDictionary : Learns the dictionary.
    SupervisedDictionaryLearning : Few atoms of these features, for classes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skgeo.decomposition import PooledPatchCodes
    >>> X = load_digits().data
    >>> model = PooledPatchCodes(patch_size=3, n_cells=2, random_state=0).fit(X)
    >>> model.transform(X).shape  # 8 atoms, 2 signs, 4 cells
    (1797, 64)
    """

    _param_rules = {
        "patch_size": Integer(1),
        "n_cells": Integer(1),
        "dictionary": OneOf("learned", "dct"),
        "threshold": Real(0.0),
        "image_shape": Null() | SequenceOf(Integer(1), min_length=2),
        "n_patches": Integer(1),
        "random_state": RandomState(),
    }
    _unused_params = (
        Unused("n_patches", lambda p: p.dictionary == "dct", "dictionary is 'dct'"),
    )

    def __init__(
        self,
        patch_size: int = 6,
        n_cells: int = 4,
        *,
        dictionary: Literal["learned", "dct"] = "learned",
        threshold: float = 0.25,
        image_shape: tuple[int, int] | None = None,
        n_patches: int = 40_000,
        random_state: int | np.random.RandomState | None = None,
    ):
        self.patch_size = patch_size
        self.n_cells = n_cells
        self.dictionary = dictionary
        self.threshold = threshold
        self.image_shape = image_shape
        self.n_patches = n_patches
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self):
        cells = math.prod(min(self._cells, side) for side in self._positions())
        return 2 * len(self.components_) * cells

    def fit(self, X: ArrayLike, y: None = None) -> PooledPatchCodes:
        """Learn the dictionary of patches.

        Parameters
        ----------
        X : array-like of shape (n_samples, height * width)
            Images, one per row.
        y : None
            Ignored.

        Returns
        -------
        self : PooledPatchCodes
            The fitted transformer.

        Raises
        ------
        ValueError
            If ``image_shape`` does not hold the pixels of a row.
        """
        params = check_params(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        _check_range(X)
        self.image_shape_ = _image_shape(params.image_shape, X.shape[1])
        self.patch_shape_ = tuple(min(params.patch_size, s) for s in self.image_shape_)
        self._cells, self._threshold = params.n_cells, params.threshold
        random_state = check_random_state(params.random_state)
        rows = self._draw(X, params.n_patches, random_state)
        self.contrast_ = float(_rms(rows))
        self._scale = PixelScale(X)
        self._scale.warn(X)
        n = rows.shape[1]
        if params.dictionary == "dct" or n <= 2 or not rows.any():
            side = self.patch_shape_
            atoms = np.kron(_cosines(side[0]), _cosines(side[1]))
            self.components_ = atoms[1:] if n > 1 else atoms
            return self
        rows = self._normalize(rows)
        settings = Settings(replays=8, n_components=n - 1)
        with single_blas_thread():
            W, basis = initial_atoms("random", rows, n - 1, False, random_state)
            stream = Stream(W, np.empty((usual_batch(n), n)), settings, basis=basis)
            for _ in range(max(1, min(10, 400 * n // len(rows)))):
                stream.partial_update(random_state.permutation(rows))
            self.components_ = snapshot(stream).components
        return self

    def transform(self, X: ArrayLike) -> NDArray:
        """Pool the codes of the patches of images.

        Parameters
        ----------
        X : array-like of shape (n_samples, height * width)
            Images, one per row.

        Returns
        -------
        features : ndarray of shape (n_samples, n_cells**2 * 2 * n_atoms)
            Non-negative features: cell by cell, row by row, the positive parts over
            the atoms, then the negative ones.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        _check_range(X)
        self._scale.warn(X)
        high, wide = self._positions()
        per_image = 8 * high * wide * 2 * max(self.components_.shape)
        step = max(1, _BLOCK_BYTES // per_image)
        with single_blas_thread():
            parts = [
                self._features(X[start : start + step])
                for start in range(0, len(X), step)
            ]
        return np.vstack(parts).astype(X.dtype, copy=False)

    def _positions(self):
        return tuple(
            image - patch + 1
            for image, patch in zip(self.image_shape_, self.patch_shape_, strict=True)
        )

    def _windows(self, X):
        images = X.reshape(len(X), *self.image_shape_)
        return sliding_window_view(images, self.patch_shape_, axis=(1, 2))

    def _draw(self, X, n_patches, random_state):
        windows = self._windows(X)
        count = min(n_patches, math.prod(windows.shape[:3]))
        places = [random_state.randint(0, side, count) for side in windows.shape[:3]]
        return _centered(windows[tuple(places)].reshape(count, -1).astype(np.float64))

    def _normalize(self, rows):
        """Divide centered patches by their contrast: their lengths are near one."""
        if self.contrast_ == 0.0:
            return rows
        rows = rows / self.contrast_
        contrast = np.sqrt(np.mean(rows**2, axis=-1, keepdims=True) + _FLOOR**2)
        return rows / (contrast * math.sqrt(rows.shape[-1]))

    def _features(self, X):
        windows = self._windows(X)
        n, high, wide = windows.shape[:3]
        rows = windows.reshape(n, high, wide, -1).astype(np.float64)
        codes = self._normalize(_centered(rows)) @ self.components_.T
        least = self._threshold / math.sqrt(rows.shape[-1])
        signed = [np.maximum(sign * codes - least, 0.0) for sign in (1.0, -1.0)]
        both = np.concatenate(signed, axis=-1)
        cuts = [
            np.linspace(0, side, min(self._cells, side) + 1).astype(int)[:-1]
            for side in (high, wide)
        ]
        sizes = [
            np.diff([*cut, side]) for cut, side in zip(cuts, (high, wide), strict=True)
        ]
        pooled = np.add.reduceat(both, cuts[0], axis=1)
        pooled = np.add.reduceat(pooled, cuts[1], axis=2)
        pooled /= np.outer(*sizes)[None, :, :, None]
        return np.sqrt(pooled).reshape(n, -1)


def _check_range(X):
    """Refuse pixels whose sums and differences double precision cannot hold."""
    top = float(max(X.max(), -X.min()))
    if top > _LARGEST:
        raise ValueError(
            f"X has pixels up to {top:.3g} in magnitude, above the {_LARGEST:g} that "
            "can be computed with: choose another unit."
        )


def _image_shape(given, n_pixels):
    if given is not None:
        if len(given) != 2 or math.prod(given) != n_pixels:
            raise ValueError(
                f"image_shape={tuple(given)!r} does not hold the {n_pixels} features "
                "of a row: it must be (height, width) with that product."
            )
        return tuple(given)
    side = math.isqrt(n_pixels)
    return (side, side) if side * side == n_pixels else (1, n_pixels)


def _cosines(n):
    """Cosine transform of one side, not of a square."""
    return dct(np.eye(n), axis=0, norm="ortho")


def _centered(rows):
    return rows - rows.mean(axis=-1, keepdims=True)


def _rms(rows):
    size = float(np.abs(rows).max(initial=0.0))
    return size and size * math.sqrt(np.mean((rows / size) ** 2))
