"""EM of mixtures with shrunk covariances, for few features.

Array calls cost several times as much there: differences of all points to all means are
formed, and read again, in every step.
"""

import numpy as np

from skgeo.kernels._jit import jit

__all__ = ["em", "warmup"]


@jit(fastmath={"contract", "reassoc"})
def em(
    XT,
    shares,
    shape,
    strength,
    diagonal,
    ridge,
    dof,
    constant,
    floor,
    relative,
    tiny,
    max_iter,
    burn_in,
    tol,
    means,
    covariances,
    target,
    sizes,
    objective,
):
    """Run EM; ``shares`` and the last five are overwritten.

    Parameters
    ----------
    XT : ndarray of shape (d, n)
        Points, one a column.
    shares : ndarray of shape (K, n)
        Memberships.
    shape : int
        Of the covariances: 0 full, 1 diagonal, 2 spherical.
    strength, diagonal, ridge, dof : float
        The model; the first and the last may be infinite.
    constant : float
        Of the log density: what does not depend on the component.
    floor : ndarray of shape (d,)
        Added to the variances.
    relative, tiny : float
        The variances are multiplied by one plus the former, and it is added; the latter
        is added to sizes.
    max_iter, burn_in : int
        Maximum number of steps, and those before a small gain may end them.
    tol : float
        Change of the objective that ends them.
    means : ndarray of shape (K, d)
        Of the last step, as the next two.
    covariances : ndarray of shape (K, d, d)
        Covariances.
    target : ndarray of shape (d + 1, d)
        What they are shrunk to; the last row has the pooled variances.
    sizes : ndarray of shape (K,)
        Sums of memberships.
    objective : ndarray of shape (max_iter,)
        Log-likelihoods.

    Returns
    -------
    n_iter : int
        Steps done; -1 if a covariance was singular or a likelihood is not finite.
    converged : bool
        Whether a small gain ended them.
    """
    d, n = XT.shape
    K = len(shares)
    weights, white = np.empty(n), np.empty((d, n))
    stretch = np.ones((K, n))
    joint, L = np.empty((K, n)), np.empty((d, d))
    for step in range(max_iter):
        target[:] = 0.0
        total = 0.0
        for k in range(K):
            mass, size = 0.0, 0.0
            for p in range(n):
                size += shares[k, p]
                weights[p] = shares[k, p] * stretch[k, p]
                mass += weights[p]
            sizes[k] = size + tiny
            mass += tiny
            total += sizes[k]
            for i in range(d):
                mean = 0.0
                for p in range(n):
                    mean += weights[p] * XT[i, p]
                mean /= mass
                means[k, i] = mean
                for p in range(n):
                    white[i, p] = XT[i, p] - mean
            trace = 0.0
            for i in range(d):
                for j in range(0 if shape == 0 else i, i + 1):
                    value = 0.0
                    for p in range(n):
                        value += weights[p] * white[i, p] * white[j, p]
                    covariances[k, i, j] = value
                trace += covariances[k, i, i]
            for i in range(d):
                if shape == 2:
                    covariances[k, i, i] = trace / d
                for j in range(0 if shape == 0 else i, i + 1):
                    target[i, j] += covariances[k, i, j] / n
        for i in range(d):
            target[d, i] = target[i, i]
            for j in range(i):
                target[i, j] *= 1 - diagonal
                target[j, i] = target[i, j]
        for k in range(K):
            logdet, broken = 0.0, False
            for i in range(d):
                for j in range(0 if shape == 0 else i, i + 1):
                    value = target[i, j]
                    if np.isfinite(strength):
                        value = (covariances[k, i, j] + strength * value) / (
                            sizes[k] + strength
                        )
                    if i == j:
                        value = (value + ridge * target[d, i]) * (1 + relative)
                        value += relative + floor[i]
                    covariances[k, i, j] = value
                    for r in range(0 if shape == 0 else i, j):
                        value -= L[i, r] * L[j, r]
                    if i == j:
                        broken = broken or not value > 0
                        L[i, i] = np.sqrt(value)
                        logdet += np.log(value)
                    else:
                        L[i, j] = value / L[j, j]
                for j in range(i):
                    if shape != 0:
                        covariances[k, i, j] = 0.0
                    covariances[k, j, i] = covariances[k, i, j]
            if broken:
                return -1, False
            joint[k] = 0.0
            for i in range(d):
                for p in range(n):
                    white[i, p] = XT[i, p] - means[k, i]
                for j in range(0 if shape == 0 else i, i):
                    for p in range(n):
                        white[i, p] -= L[i, j] * white[j, p]
                for p in range(n):
                    white[i, p] /= L[i, i]
                    joint[k, p] += white[i, p] * white[i, p]
            share = np.log(sizes[k] / total) + constant - 0.5 * logdet
            for p in range(n):
                square = joint[k, p]
                if np.isfinite(dof):
                    stretch[k, p] = (dof + d) / (dof + square)
                    joint[k, p] = share - 0.5 * (dof + d) * np.log1p(square / dof)
                else:
                    joint[k, p] = share - 0.5 * square
        evidence = 0.0
        for p in range(n):
            top = joint[0, p]
            for k in range(1, K):
                top = max(top, joint[k, p])
            total = 0.0
            for k in range(K):
                shares[k, p] = np.exp(joint[k, p] - top)
                total += shares[k, p]
            for k in range(K):
                shares[k, p] /= total
            evidence += np.log(total) + top
        if not np.isfinite(evidence):
            return -1, False
        objective[step] = evidence
        if step >= burn_in and abs(evidence - objective[step - 1]) < tol:
            return step + 1, True
    return max_iter, False


def warmup():
    """Compile the kernel on tiny data."""
    shares = np.full((2, 4), 0.5)
    em(
        np.arange(4.0)[None],
        shares,
        0,
        1.0,
        0.0,
        0.0,
        np.inf,
        0.0,
        np.zeros(1),
        1e-9,
        1e-15,
        2,
        1,
        0.0,
        np.empty((2, 1)),
        np.empty((2, 1, 1)),
        np.empty((2, 1)),
        np.empty(2),
        np.empty(2),
    )
