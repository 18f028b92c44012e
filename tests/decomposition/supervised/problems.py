"""Problems in internal units, and plain formulas of what is minimized."""

import numpy as np
from scipy.special import log_softmax

from skgeo.decomposition._supervised.data_matrix import (
    DataMatrix,
    column_mean,
    column_squares,
)
from skgeo.decomposition._supervised.loss import (
    CovariateModel,
    LabelLoss,
)


def setting(n=120, p=14, r=3, q=2, n_classes=2, seed=0, noise=0.3, ridge=0.01):
    """Noisy low-rank data with labels and covariates, in internal units."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, r)) @ rng.standard_normal((r, p))
    X += noise * rng.standard_normal((n, p)) + 1.0
    Z = rng.standard_normal((n, q))
    logits = 2 * X @ rng.standard_normal((p, n_classes)) / np.sqrt(p)
    logits[:, :q] += Z[:, :n_classes]
    y = (logits + rng.gumbel(size=logits.shape)).argmax(1)
    w = rng.random(n) + 0.5
    w /= w.sum()
    mean = column_mean(X, w)
    squares = column_squares(X, w, mean, np.ones(p))
    data = DataMatrix(X, w, mean, np.sqrt(squares.sum()))
    loss = LabelLoss(y, n_classes, w)
    return data, loss, CovariateModel(loss, Z - w @ Z, True, ridge)


def dense(data):
    return data.forward(np.eye(data.shape[1]))


def full_logits(S):
    return np.hstack([np.zeros_like(S), S]) if S.shape[1] == 1 else S


def nll(S, loss):
    rows = np.arange(len(S))
    return -loss.weight @ log_softmax(full_logits(S), axis=1)[rows, loss.y]
