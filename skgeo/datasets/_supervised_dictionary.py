"""Data for supervised dictionaries that are on any machine: digits and docstrings."""

import inspect
import re
import warnings
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import Bunch, check_random_state

__all__ = ["load_docstrings", "make_conflicting_digits"]

_MODULES = (
    "numpy",
    "numpy.fft",
    "numpy.linalg",
    "numpy.ma",
    "numpy.polynomial",
    "numpy.random",
    "scipy.cluster.hierarchy",
    "scipy.fft",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.linalg",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.signal",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.special",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.datasets",
    "sklearn.decomposition",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.preprocessing",
    "sklearn.svm",
)
_GIVEAWAYS = re.compile(r"numpy|scipy|sklearn|scikit|signal|np\.", re.IGNORECASE)


def make_conflicting_digits(
    n_samples: int = 500,
    *,
    n_prototypes: int = 10,
    noise: float = 0.5,
    data_digits: Any = (2, 5),
    label_digits: Any = (4, 7),
    random_state: Any = None,
) -> Any:
    """Mix pictures of some digits, with labels that depend on other digits.

    The samples are non-negative mixtures of pictures of ``data_digits``, so those make
    the best dictionary; the label is drawn from a logistic model of how much a sample
    overlaps pictures of the first of ``label_digits`` rather than of the second. What
    reconstructs and what discriminates are different directions. The pictures are
    the 8 x 8 digits that come with scikit-learn.

    Parameters
    ----------
    n_samples : int, default=500
        Number of samples.
    n_prototypes : int, default=10
        Pictures drawn of each digit.
    noise : float, default=0.5
        Standard deviation of the noise on each pixel; a noise-free picture is in
        [0, 1].
    data_digits, label_digits : tuple of int
        Two digits each.
    random_state : int, RandomState or None, default=None
        Source of randomness.

    Returns
    -------
    X : ndarray of shape (n_samples, 64)
        Samples; noise makes some entries negative.
    y : ndarray of shape (n_samples,)
        Labels 0 and 1.

    References
    ----------
    .. [1] J. Lee, H. Lyu and W. Yao, "Supervised matrix factorization: local landscape
       analysis and applications", ICML 2024 (the simulation on MNIST).

    Examples
    --------
    >>> from skgeo.datasets import make_conflicting_digits
    >>> X, y = make_conflicting_digits(100, random_state=0)
    >>> X.shape, sorted(set(y.tolist()))
    ((100, 64), [0, 1])
    """
    rng = check_random_state(random_state)
    pictures, digit = load_digits(return_X_y=True)
    pictures = pictures / 16.0

    def draw(digits):
        rows = [
            rng.choice(np.flatnonzero(digit == d), n_prototypes, replace=False)
            for d in digits
        ]
        return pictures[np.concatenate(rows)]

    parts, templates = draw(data_digits), draw(label_digits)
    side = np.repeat([1.0, -1.0], n_prototypes)
    clean = rng.random_sample((n_samples, len(parts))) @ parts
    score = clean @ (templates.T @ side)
    chance = 1.0 / (1.0 + np.exp(score.mean() - score))
    y = (rng.random_sample(n_samples) < chance).astype(int)
    return clean + noise * rng.standard_normal(clean.shape), y


def load_docstrings(
    *, target_module: str = "scipy.signal", min_length: int = 200
) -> Any:
    """Read the docstrings of numpy, scipy and scikit-learn, labeled by module.

    An imbalanced text classification set that needs no download: is this the manual
    entry of something in ``target_module``? About one in fifteen is. Package names and
    the word "signal" are removed. The set depends on the installed releases; their
    texts are under the 3-clause BSD license.

    Parameters
    ----------
    target_module : str, default="scipy.signal"
        Module of the positive class.
    min_length : int, default=200
        Shortest docstring taken, in characters.

    Returns
    -------
    data : Bunch
        ``data`` (list of str), ``target`` (ndarray of 0 and 1), ``covariates``
        (ndarray of shape (n_docs, 4)), ``covariate_names``, ``module`` (list of str)
        and ``name`` (list of str).

    Examples
    --------
    >>> from skgeo.datasets import load_docstrings
    >>> docs = load_docstrings()
    >>> docs.covariates.shape[1]
    4
    """
    if target_module not in _MODULES:
        raise ValueError(
            f"target_module must be one of {', '.join(_MODULES)}; got "
            f"{target_module!r}."
        )
    texts, modules, names, seen = [], [], [], set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated names warn on access
        for module in _MODULES:
            home = import_module(module)
            for name in sorted(vars(home)):
                value = getattr(home, name, None)
                if name.startswith("_") or not callable(value):
                    continue
                text = inspect.getdoc(value)
                if not text or len(text) <= min_length or text in seen:
                    continue
                seen.add(text)
                texts.append(_GIVEAWAYS.sub(" ", text))
                modules.append(module)
                names.append(name)
    covariates = [
        (
            np.log(len(text)),
            text.count("Parameters"),
            float(">>>" in text),
            float("References" in text),
        )
        for text in texts
    ]
    return Bunch(
        data=texts,
        target=np.array([module == target_module for module in modules]).astype(int),
        covariates=np.array(covariates),
        covariate_names=["log length", "parameters", "has example", "has references"],
        module=modules,
        name=names,
    )
