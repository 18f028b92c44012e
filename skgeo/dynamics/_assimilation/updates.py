"""Updates of the ensemble Kalman filter, in the smaller of its spaces.

Members are rows.  Everything here takes *whitened* observations: divided by the
square root of the observation-error covariance, so that this is the identity.
With anomalies A (n_members, n_features) about the mean, their images HA, and
N = n_members - 1, the gain is ``K = A' HA (HA' HA + N I)^-1``; by the push-through
identity ``K = A' (HA HA' + N I)^-1 HA``, which costs a solve of the size of the
ensemble instead of one of the size of the observations.
"""

import numpy as np
import scipy.linalg

__all__ = [
    "gaspari_cohn",
    "local_update",
    "localized_gain",
    "mean_increment",
    "normalized_innovation",
    "stochastic_update",
    "transform_update",
]


def _solve_shifted(gram, shift, B):
    """Solve (gram + shift I) Z = B for symmetric positive semi-definite gram."""
    shifted = gram + shift * np.eye(len(gram))
    if not np.isfinite(shifted).all():
        raise ValueError(
            "The ensemble is too wide for the error of the observations: the squared "
            "ratio overflows. Check the units of obs_noise, and the inflation."
        )
    try:
        factor = scipy.linalg.cho_factor(
            shifted, lower=True, overwrite_a=True, check_finite=False
        )
        return scipy.linalg.cho_solve(factor, B, check_finite=False)
    except np.linalg.LinAlgError:
        # Rounding, where the ensemble is wide: the shift bounds the eigenvalues.
        values, vectors = scipy.linalg.eigh(gram, check_finite=False)
        values = np.maximum(values, 0.0) + shift
        return vectors @ ((vectors.T @ B) / values[:, None])


def mean_increment(A, HA, D, variance=1.0):
    """Apply the gain to innovations.

    Parameters
    ----------
    A : ndarray of shape (n_members, n_features)
        Anomalies.
    HA : ndarray of shape (n_members, n_obs)
        Whitened anomalies of the observed members.
    D : ndarray of shape (n, n_obs)
        Whitened innovations.
    variance : float, default=1.0
        Error variance of the observations, where they are not whitened: this spares
        the copies of doing so.

    Returns
    -------
    increments : ndarray of shape (n, n_features)
        ``K d`` of each innovation.
    """
    n_members, n_obs = HA.shape
    shift = (n_members - 1.0) * variance
    if n_members <= n_obs:
        weights = _solve_shifted(HA @ HA.T, shift, HA @ D.T)
        return weights.T @ A
    Z = _solve_shifted(HA.T @ HA, shift, D.T)
    n_features, n = A.shape[1], len(D)
    if n * n_members * (n_obs + n_features) < n_obs * n_features * (n_members + n):
        return (HA @ Z).T @ A
    return Z.T @ (HA.T @ A)


def normalized_innovation(HA, D):
    """Mean of ``d' (H B H' + I)^-1 d / n_obs``; about one for a consistent filter.

    Parameters
    ----------
    HA : ndarray of shape (n_members, n_obs)
        Whitened anomalies of the observed members.
    D : ndarray of shape (n, n_obs)
        Whitened innovations.

    Returns
    -------
    ratio : float
        The mean over innovations.
    """
    n_members, n_obs = HA.shape
    n = n_members - 1.0
    if n_members > n_obs:
        total = n * np.sum(D.T * _solve_shifted(HA.T @ HA, n, D.T))
        return float(total / (len(D) * n_obs))
    # (HA'HA / n + I)^-1 = I - HA' (HA HA' + n I)^-1 HA
    G = HA @ D.T
    explained = np.sum(G * _solve_shifted(HA @ HA.T, n, G))
    return float((np.sum(D * D) - explained) / (len(D) * n_obs))


def transform_update(mean, A, HA, d):
    """Deterministic update: the symmetric square root of the ensemble transform.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Forecast mean.
    A, HA : ndarray of shape (n_members, n_features) and (n_members, n_obs)
        Anomalies and their whitened images.
    d : ndarray of shape (n_obs,)
        Whitened innovation.

    Returns
    -------
    mean : ndarray of shape (n_features,)
        Analysis mean.
    A : ndarray of shape (n_members, n_features)
        Analysis anomalies, which sum to zero.
    """
    n = len(A) - 1.0
    if len(A) > HA.shape[1]:
        vectors, s, _ = scipy.linalg.svd(HA, full_matrices=False, check_finite=False)
        values = s * s
    else:
        values, vectors = scipy.linalg.eigh(HA @ HA.T, check_finite=False)
        values = np.maximum(values, 0.0)
    projected = vectors.T @ A
    shift = (vectors.T @ (HA @ d)) / (values + n) @ projected
    # The square root is the identity outside the span of the vectors.
    shrink = np.sqrt(n / (values + n)) - 1.0
    return mean + shift, A + (vectors * shrink) @ projected


def stochastic_update(E, HE, y, noise, gain=None):
    """Stochastic update: each member sees observations with noise of its own.

    Parameters
    ----------
    E, HE : ndarray of shape (n_members, n_features) and (n_members, n_obs)
        Members and their whitened images.
    y : ndarray of shape (n_obs,)
        Whitened observation.
    noise : ndarray of shape (n_members, n_obs)
        Standard normal draws; their mean is removed, so that the mean of the
        ensemble has no sampling error of its own.
    gain : ndarray of shape (n_features, n_obs), optional
        A localized gain to use in place of the ensemble's.

    Returns
    -------
    E : ndarray of shape (n_members, n_features)
        Analysis members.
    """
    D = y + (noise - noise.mean(axis=0)) - HE
    if gain is not None:
        return E + D @ gain.T
    return E + mean_increment(E - E.mean(axis=0), HE - HE.mean(axis=0), D)


def gaspari_cohn(distance):
    """Fifth-order correlation function of compact support.

    Parameters
    ----------
    distance : ndarray
        Distance in units of half the support: zero from 2 on.

    Returns
    -------
    taper : ndarray
        Values in [0, 1].

    References
    ----------
    G. Gaspari, S. E. Cohn, Q. J. R. Meteorol. Soc. 125, 723 (1999), eq. 4.10.
    """
    r = np.abs(np.asarray(distance, dtype=np.float64))
    out = np.zeros_like(r)
    near, far = r <= 1, (r > 1) & (r < 2)
    x = r[near]
    out[near] = (((-0.25 * x + 0.5) * x + 0.625) * x - 5 / 3) * x**2 + 1
    x = r[far]
    out[far] = (
        ((((x / 12 - 0.5) * x + 0.625) * x + 5 / 3) * x - 5) * x + 4 - 2 / (3 * x)
    )
    return np.clip(out, 0.0, 1.0)


def localized_gain(A, HA, taper_state, taper_obs):
    """Gain with tapered covariances.

    Parameters
    ----------
    A, HA : ndarray of shape (n_members, n_features) and (n_members, n_obs)
        Anomalies and their whitened images.
    taper_state : ndarray of shape (n_features, n_obs)
        Taper between state components and observations.
    taper_obs : ndarray of shape (n_obs, n_obs)
        Taper between observations.

    Returns
    -------
    gain : ndarray of shape (n_features, n_obs)
        Gain for whitened innovations.
    """
    n = len(A) - 1.0
    S = taper_obs * (HA.T @ HA)
    return _solve_shifted(S, n, (taper_state * (A.T @ HA)).T).T


def local_update(mean, A, HA, d, nearby, block=64):
    """Deterministic local update: one small transform per state component.

    Observations count less with distance: their precision is multiplied by the
    taper (Hunt, Kostelich, Szunyogh, Physica D 230, 112, 2007).

    Parameters
    ----------
    mean, A, HA, d
        As in :func:`transform_update`.
    nearby : callable
        Takes a slice of components; returns the observations within their reach and
        the taper between both, (n_components, n_nearby).
    block : int, default=64
        Components treated at a time.

    Returns
    -------
    mean : ndarray of shape (n_features,)
        Analysis mean.
    A : ndarray of shape (n_members, n_features)
        Analysis anomalies.
    """
    n = len(A) - 1.0
    mean, out = mean.copy(), np.empty_like(A)
    for start in range(0, A.shape[1], block):
        part = slice(start, start + block)
        which, taper = nearby(part)
        if len(which) == 0:
            out[:, part] = A[:, part]
            continue
        near = HA[:, which]
        scaled = taper[:, None, :] * near  # (block, n_members, n_nearby)
        values, vectors = np.linalg.eigh(scaled @ near.T)
        values = np.maximum(values, 0.0)
        pull = np.einsum("bij,bi->bj", vectors, scaled @ d[which]) / (values + n)
        weights = np.einsum("bij,bj->bi", vectors, pull)
        root = np.sqrt(n / (values + n))[:, None, :] * vectors
        local = A[:, part]
        mean[part] += np.einsum("bi,ib->b", weights, local)
        out[:, part] = np.einsum("bij,bkj,kb->ib", root, vectors, local, optimize=True)
    return mean, out
