"""Weighted logistic loss of a batch of logits, and its residuals, in one pass."""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["logistic_loss", "softmax_loss", "warmup"]


@jit
def logistic_loss(logits, y, weight, residual):
    """Two classes, one logit: the loss, and the residuals written in place.

    Parameters
    ----------
    logits : ndarray of shape (n_samples, 1)
        Logit of class 1.
    y : ndarray of shape (n_samples,), intp
        Class of each sample, 0 or 1.
    weight : ndarray of shape (n_samples,)
        Weight of each sample.
    residual : ndarray of shape (n_samples, 1)
        On exit ``weight * (probability - (y == 1))``.

    Returns
    -------
    loss : float
        Weighted sum of the negative log-likelihoods.
    """
    loss = 0.0
    for i in range(len(y)):
        s = logits[i, 0]
        e = np.exp(-abs(s))
        # The loss of the true class is softplus of minus its signed logit.
        signed = s if y[i] == 1 else -s
        loss += weight[i] * (np.log1p(e) + max(-signed, 0.0))
        # weight * sigmoid(-signed), the probability of the wrong class, computed
        # as such so that it keeps its relative accuracy when it is tiny.
        wrong = (e if signed > 0 else 1.0) / (1.0 + e)
        residual[i, 0] = -weight[i] * wrong if y[i] == 1 else weight[i] * wrong
    return loss


@jit
def softmax_loss(logits, y, weight, residual):
    """K classes, K logits: the loss, and the residuals written in place.

    Parameters are those of :func:`logistic_loss` with ``n_classes`` columns.
    """
    n, k = logits.shape
    loss = 0.0
    for i in range(n):
        top = logits[i, 0]
        for c in range(1, k):
            top = max(top, logits[i, c])
        total = 0.0
        for c in range(k):
            e = np.exp(logits[i, c] - top)
            residual[i, c] = e
            total += e
        w = weight[i]
        loss += w * (np.log(total) + top - logits[i, y[i]])
        own = 0.0
        for c in range(k):
            if c != y[i]:
                own += residual[i, c]
            residual[i, c] *= w / total
        residual[i, y[i]] = -w * own / total
    return loss


def warmup():
    """Compile the kernels of this module on tiny data."""
    y, weight = np.array([0, 1]), np.ones(2)
    logistic_loss(np.zeros((2, 1)), y, weight, np.empty((2, 1)))
    softmax_loss(np.zeros((2, 3)), y, weight, np.empty((2, 3)))
