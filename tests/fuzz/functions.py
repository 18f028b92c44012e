"""Public functions with generated arguments."""

import warnings

import numpy as np

from skgeo.cluster import certify_kmeans, certify_kmedoids
from skgeo.datasets import (
    Lorenz63,
    make_gaussian_clusters,
    make_irs_mimo,
    make_observation_pairs,
)
from skgeo.eeg import (
    filter_bank,
    information_transfer_rate,
    label_windows,
    normalized_mcc,
    select_embedding,
)
from skgeo.linear_model import mode_product
from tests.fuzz import inputs
from tests.fuzz.trial import Finding, finite, judge, place

NUMBERS = (0, 1, 2, 3, 7, -1, 0.5, 1e-320, 1e300, np.int8(100), np.uint64(3), None, "a")


def pick(rng, *values):
    """Draw a value: one that suits in most cases."""
    if rng.random() < 0.7:
        return values[rng.integers(len(values))]
    return NUMBERS[rng.integers(len(NUMBERS))]


def _labels(rng, X):
    n = len(X) if hasattr(X, "__len__") else 3
    return inputs.labels(rng, n, [])


def _certificate(rng):
    X, words = inputs.table(rng)
    y = _labels(rng, X)
    return words, lambda: certify_kmeans(X, y, n_clusters=pick(rng, None, 2, 3))


def _medoids(rng):
    D, words = inputs.table(rng)
    return words, lambda: certify_kmedoids(D, [0, pick(rng, 1, 2)])


def _embedding(rng):
    X, words = inputs.trials(rng)
    method = pick(rng, "mdop", "fnn", "acf", "ami")
    return words, lambda: select_embedding(X, method, lag=pick(rng, 1, 2, 5))


def _filter_bank(rng):
    X, words = inputs.trials(rng)
    band = (pick(rng, 4.0, 8.0), pick(rng, 20.0, 30.0))
    return words, lambda: filter_bank(X, pick(rng, 100.0, 128.0), band)


def _windows(rng):
    signal, words = inputs.table(rng)
    return words, lambda: label_windows(
        signal,
        [0.1],
        [0.2],
        [1],
        sfreq=pick(rng, 10.0),
        window=pick(rng, 0.5),
        step=0.1,
    )


def _rate(rng):
    return [], lambda: information_transfer_rate(
        pick(rng, 0.5, 0.9, 1.0), pick(rng, 2, 4), pick(rng, 1.0, 2.0)
    )


def _mcc(rng):
    y = rng.integers(0, 3, 12)
    return [], lambda: normalized_mcc(y, _labels(rng, y))


def _product(rng):
    T = rng.standard_normal((3, 4, 2)) * 10.0 ** rng.integers(-300, 300)
    A, words = inputs.table(rng, 4)
    return words, lambda: mode_product(T, A, pick(rng, 0, 1, 2))


def _clusters(rng):
    return [], lambda: make_gaussian_clusters(pick(rng, 30, 60), random_state=0)


def _channels(rng):
    return [], lambda: make_irs_mimo(pick(rng, 1, 2), random_state=0).X


def _pairs(rng):
    return (
        [],
        lambda: (
            make_observation_pairs(
                Lorenz63(), pick(rng, 5, 10), dt=pick(rng, 0.01, 0.1), random_state=0
            ).X
        ),
    )


FUNCTIONS = {
    "certify_kmeans": _certificate,
    "certify_kmedoids": _medoids,
    "filter_bank": _filter_bank,
    "information_transfer_rate": _rate,
    "label_windows": _windows,
    "make_gaussian_clusters": _clusters,
    "make_irs_mimo": _channels,
    "make_observation_pairs": _pairs,
    "mode_product": _product,
    "normalized_mcc": _mcc,
    "select_embedding": _embedding,
}


def run(name, seed):
    """Call a function once with drawn arguments; return what went wrong."""
    words, call = FUNCTIONS[name](np.random.default_rng(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer = call()
        except Exception as error:  # what it is, judge says
            if kind := judge(error):
                text = f"{'; '.join(words)}: {type(error).__name__}: {error}"
                return [Finding(name, kind, place(error), seed, text)]
            return []
    if isinstance(answer, (np.ndarray, float)) and not finite(answer):
        text = f"{'; '.join(words)}: an answer is not finite"
        return [Finding(name, "NaN or inf", name, seed, text)]
    return []
